"""`gaittake model …`, end to end on tiny walkers."""

from pathlib import Path

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.use.model import Model
from tests.use.tiny import (
    SHARD,
    command,
    export,
    film,
    masks,
    said,
    walk,
    write_images,
    write_video,
)

ONE, OTHER = walk("003", 1, 36), walk("004", 2, 90)


def test_export_and_show_say_what_the_model_is(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path / "a.gait")
    first = said(capsys)
    command("show", str(path))
    shown = said(capsys)
    assert first == f"{path} {shown}"
    for text in ("SYNTHETIC", "2 people of walkers", "32 × 128", "equal error rate", "threshold"):
        assert text in shown


def test_a_model_that_was_not_trained_is_named(here: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"truth/weights.pt: there is no such weights file"):
        export(tmp_path / "a.gait", method="truth")
    with pytest.raises(UserError, match="--method is needed"):
        command("export", "walkers")


def test_folders_and_videos_of_masks_become_a_file_of_embeddings(
    model: Model,
    model_file: Path,
    here: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    grey = masks(ONE)
    video = write_video(np.repeat(grey[..., None], 3, axis=3), tmp_path / "masks.avi")
    out = tmp_path / "people.npz"
    capsys.readouterr()
    command("embed", str(model_file), str(ONE), str(OTHER), str(video), "--out", str(out))
    assert f"{ONE}: 8 frames, 0 without anybody" in said(capsys)
    with np.load(out) as found:
        assert found["names"].tolist() == [str(ONE), str(OTHER), str(video)]
        assert found["frames"].tolist() == [8, 8, 8]
        assert found["dropped"].tolist() == [0, 0, 0]
        assert str(found["model"]) == model.digest
        embeddings = found["embeddings"]
    assert embeddings.dtype == np.float32
    assert np.abs(embeddings[0] - model.embed(masks(ONE))).max() < 1e-4
    assert np.abs(embeddings[1] - model.embed(masks(OTHER))).max() < 1e-4
    # A compressed mask is not the same, but close.
    assert model.distance(embeddings[0], embeddings[2]) < model.distance(*embeddings[:2])


def test_compare_prints_the_distance_where_it_lies_and_that_the_people_were_rendered(
    model: Model,
    model_file: Path,
    here: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "people.npz"
    command("embed", str(model_file), str(ONE), "--out", str(out))
    expected = model.compare(model.embed(masks(ONE)), model.embed(masks(OTHER)))
    for address in (str(ONE), f"{out}#{ONE}", str(out)):
        capsys.readouterr()
        command("compare", str(model_file), address, str(OTHER))
        printed = said(capsys)
        assert f"distance {expected.distance:.4g}" in printed
        assert "false accepts (threshold" in printed
        assert ("NOT accepted" not in printed) == expected.accepted
        assert "!!!! SYNTHETIC" in printed
        assert "in different views" in printed
    capsys.readouterr()
    command("compare", str(model_file), str(ONE), str(ONE))
    assert "distance 0 " in (printed := said(capsys))
    assert ": accepted as one person" in printed


def test_colour_frames_of_a_static_camera_are_cut_out(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rendered, scene = film(across=0.0, frames=8)
    video = write_video(rendered.colour, tmp_path / "walk.avi")
    empty = write_images(scene[None], tmp_path / "empty")
    folder = write_images(rendered.clean, tmp_path / "true")
    cut = ("--silhouettes", "background", "--empty-scene", str(empty))
    made, true = tmp_path / "made.npz", tmp_path / "true.npz"
    command("embed", str(model_file), str(video), *cut, "--out", str(made))
    command("embed", str(model_file), str(folder), "--out", str(true))
    capsys.readouterr()
    command("compare", str(model_file), str(made), str(true))
    near = float(said(capsys).split()[1])
    command("compare", str(model_file), str(made), str(OTHER))
    assert near < float(said(capsys).split()[1])


def test_colour_frames_given_as_masks_are_refused(model_file: Path, here: Path) -> None:
    video = SHARD / "videos" / "003-nm-01-036.avi"
    with pytest.raises(UserError, match=r"masks are needed.*--silhouettes background"):
        command("compare", str(model_file), str(video), str(ONE))


def test_frames_that_cannot_be_read_are_told(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_images(masks(ONE), tmp_path / "walk")
    (folder / "003.png").write_bytes(b"no image")
    command("embed", str(model_file), str(folder), "--out", str(tmp_path / "a.npz"))
    printed = said(capsys)
    assert "could not be read: 1 unreadable image" in printed
    assert "7 frames, 0 without anybody" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["{one}", "{one}", "--out", "a.npz"], "given twice"),
        (["{one}", "--out", "a.h5"], "ends with .npz"),
        (["nowhere", "--out", "a.npz"], "nowhere: a folder of numbered images or a video"),
        (["nowhere.avi", "--out", "a.npz"], "nowhere.avi: a folder of numbered images or a video"),
        (["config", "--out", "a.npz"], "config: no frame"),
        (["{one}", "--out", "a.npz", "--empty-scene", "config"], "background alone"),
    ],
)
def test_what_cannot_be_embedded_is_named(
    model_file: Path, here: Path, arguments: list[str], expected: str
) -> None:
    with pytest.raises(UserError, match=expected):
        command("embed", str(model_file), *(item.format(one=ONE) for item in arguments))
    assert not (here / "a.npz").exists()


def test_embeddings_that_do_not_fit_are_refused(
    model_file: Path, here: Path, tmp_path: Path
) -> None:
    out = tmp_path / "people.npz"
    command("embed", str(model_file), str(ONE), str(OTHER), "--out", str(out))
    gei = export(tmp_path / "gei.gait", method="gei")
    foreign, damaged = tmp_path / "foreign.npz", tmp_path / "damaged.npz"
    np.savez(foreign, x=np.zeros(2))
    damaged.write_bytes(out.read_bytes()[:200])
    for model, address, expected in (
        (gei, f"{out}#{ONE}", "made by model"),
        (model_file, str(out), "the name of a walk is needed"),
        (model_file, f"{out}#nobody", "the name of a walk is needed"),
        (model_file, str(foreign), "not a file of `gaittake model embed`"),
        (model_file, str(damaged), "not a readable file of embeddings"),
        (model_file, str(tmp_path / "none.npz"), "no such file"),
    ):
        with pytest.raises(UserError, match=expected):
            command("compare", str(model), address, str(OTHER))
