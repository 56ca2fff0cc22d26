"""`gaittake model …`, end to end on the tiny dataset."""

import errno
from pathlib import Path

import numpy as np
import pytest

from gaittake.cli.show import inspect
from gaittake.errors import UserError
from gaittake.use.embedding_file import read_embedding
from gaittake.use.model import Model
from tests.use.tiny import (
    SHARD,
    command,
    export,
    film,
    masks,
    printed,
    sequence,
    write_images,
    write_video,
)

ONE, OTHER = sequence("003", "nm-01", "036"), sequence("004", "nm-02", "090")


def test_export_and_show_describe_the_model(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path / "a.safetensors")
    first = printed(capsys)
    command("show", str(path))
    shown = printed(capsys)
    assert first == f"{path} {shown}"
    for text in ("SYNTHETIC", "2 people of walkers", "32 × 128", "equal error rate", "threshold"):
        assert text in shown


def test_export_names_the_missing_weights_or_method(here: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"truth/weights.safetensors: no such file"):
        export(tmp_path / "a.safetensors", method="truth")
    with pytest.raises(UserError, match="--method is required"):
        command("export", "walkers")


def test_embed_writes_a_file_of_embeddings_of_folders_and_videos(
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
    command(
        "embed", "--model", str(model_file), str(ONE), str(OTHER), str(video), "--out", str(out)
    )
    assert f"{ONE}: 8 of 8 frames usable" in printed(capsys)
    with np.load(out) as found:
        assert found["names"].tolist() == [str(ONE), str(OTHER), str(video)]
        assert found["frames"].tolist() == [8, 8, 8]
        assert found["dropped"].tolist() == [0, 0, 0]
        assert str(found["model"]) == model.digest
        embeddings = found["embeddings"]
    assert embeddings.dtype == np.float32
    assert np.abs(embeddings[0] - model.embed(masks(ONE))).max() < 1e-4
    assert np.abs(embeddings[1] - model.embed(masks(OTHER))).max() < 1e-4
    # Video compression changes masks only slightly.
    assert model.distance(embeddings[0], embeddings[2]) < model.distance(*embeddings[:2])


def test_compare_prints_the_distance_its_rank_and_that_the_model_is_synthetic(
    model: Model,
    model_file: Path,
    here: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "people.npz"
    command("embed", "--model", str(model_file), str(ONE), "--out", str(out))
    expected = model.compare(model.embed(masks(ONE)), model.embed(masks(OTHER)))
    for address in (str(ONE), f"{out}#{ONE}", str(out)):
        capsys.readouterr()
        command("compare", "--model", str(model_file), address, str(OTHER))
        text = printed(capsys)
        assert f"distance {expected.distance:.4g}" in text
        assert "false accepts (threshold" in text
        assert ("NOT accepted" not in text) == expected.accepted
        assert "!!!! SYNTHETIC" in text
        assert "in different views" in text
        assert f"{OTHER}: 8 of 8 frames usable" in text
    capsys.readouterr()
    command("compare", "--model", str(model_file), str(ONE), str(ONE))
    assert "distance 0 " in (text := printed(capsys))
    assert ": accepted as one person" in text


def test_colour_frames_of_a_static_camera_are_segmented(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rendered, scene = film(across=0.0, frames=8)
    video = write_video(rendered.colour, tmp_path / "sequence.avi")
    empty = write_images(scene[None], tmp_path / "empty")
    folder = write_images(rendered.clean, tmp_path / "true")
    options = ("--silhouettes", "background", "--empty-scene", str(empty))
    made, true = tmp_path / "made.npz", tmp_path / "true.npz"
    command("embed", "--model", str(model_file), str(video), *options, "--out", str(made))
    command("embed", "--model", str(model_file), str(folder), "--out", str(true))
    capsys.readouterr()
    command("compare", "--model", str(model_file), str(made), str(true))
    near = float(printed(capsys).split("distance ")[1].split()[0])
    command("compare", "--model", str(model_file), str(made), str(OTHER))
    assert near < float(printed(capsys).split("distance ")[1].split()[0])


def test_colour_frames_given_as_masks_are_refused(model_file: Path, here: Path) -> None:
    video = SHARD / "videos" / "003-nm-01-036.avi"
    with pytest.raises(UserError, match=r"not masks.*--silhouettes people"):
        command("compare", "--model", str(model_file), str(video), str(ONE))


def test_inverted_masks_are_refused_and_read_with_the_option_that_the_message_names(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dark = str(write_images(255 - masks(ONE), tmp_path / "dark"))
    with pytest.raises(UserError, match=r"person is dark.*use --masks dark"):
        command("compare", "--model", str(model_file), dark, str(ONE))
    capsys.readouterr()
    command(
        "embed",
        "--model",
        str(model_file),
        dark,
        "--masks",
        "dark",
        "--out",
        str(tmp_path / "a.npz"),
    )
    command("compare", "--model", str(model_file), str(tmp_path / "a.npz"), str(ONE))
    assert float(printed(capsys).split("distance ")[1].split()[0]) < 1e-3
    with pytest.raises(UserError, match="--masks dark: requires --silhouettes masks"):
        command("compare", "--model", str(model_file), dark, str(ONE), "--masks", "dark",
                "--silhouettes", "background")  # fmt: skip


def test_unreadable_frames_are_counted(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_images(masks(ONE), tmp_path / "sequence")
    (folder / "003.png").write_bytes(b"no image")
    command("embed", "--model", str(model_file), str(folder), "--out", str(tmp_path / "a.npz"))
    text = printed(capsys)
    assert "skipped 1 unreadable image" in text
    assert "7 of 7 frames usable" in text


def test_a_folder_of_damaged_images_is_refused_with_their_number(
    model_file: Path, here: Path, tmp_path: Path
) -> None:
    folder = write_images(masks(ONE), tmp_path / "sequence")
    for image in folder.iterdir():
        image.write_bytes(b"no image")
    with pytest.raises(UserError, match=r"sequence: no frames;.*skipped: 8 unreadable image"):
        command("compare", "--model", str(model_file), str(folder), str(ONE))


def test_files_that_are_no_frames_are_counted_and_hidden_ones_are_not(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_images(masks(ONE), tmp_path / "sequence")
    (folder / "walk.png").write_bytes((folder / "001.png").read_bytes())
    (folder / "other-002.png").write_bytes((folder / "001.png").read_bytes())
    (folder / ".DS_Store").write_bytes(b"")
    command("embed", "--model", str(model_file), str(folder), "--out", str(tmp_path / "a.npz"))
    text = printed(capsys)
    assert "sequence: skipped 1 duplicate frame number, 1 not a numbered image" in text
    assert "8 of 8 frames usable" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["{one}", "{one}", "--out", "a.npz"], "003/nm-01/036: given twice"),
        (["{one}", "--out", "a.h5"], "must end with .npz"),
        (
            ["nowhere", "--out", "a.npz"],
            "nowhere: no such file or directory; a folder of numbered images",
        ),
        (
            ["nowhere.avi", "--out", "a.npz"],
            "nowhere.avi: no such file or directory; a folder of numbered images",
        ),
        (["config", "--out", "a.npz"], "config: no frames but walkers.yaml; a folder of numbered"),
        (["{one}", "nowhere", "--out", "a.npz"], "nowhere: no such file or directory"),
        (["{model}", "--out", "a.npz"], "not the name of a video; a folder of numbered images"),
        (
            ["{one}", "--out", "a.npz", "--empty-scene", "config"],
            "requires --silhouettes background",
        ),
        (
            ["{one}", "--out", "a.npz", "--silhouettes", "background", "--empty-scene", "none"],
            "none: no such file or directory",
        ),
    ],
)
def test_embed_names_the_argument_that_is_wrong_before_it_computes_anything(
    model_file: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.delattr(Model, "embed_frames")
    with pytest.raises(UserError, match=expected):
        command(
            "embed",
            "--model",
            str(model_file),
            *(item.format(one=ONE, model=model_file) for item in arguments),
        )
    assert not (here / "a.npz").exists()


def test_one_bad_sequence_does_not_lose_the_others(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    black = np.zeros((8, 60, 80), np.uint8)
    first, second = (str(write_images(black, tmp_path / name)) for name in ("black", "dark"))
    out = tmp_path / "people.npz"
    arguments = ("embed", "--model", str(model_file), "--out", str(out))
    with pytest.raises(UserError, match=r"people\.npz: 2 of 3 sequences; it lacks 1: .*none of 8"):
        command(*arguments, str(ONE), first, str(OTHER))
    with np.load(out) as found:
        assert found["names"].tolist() == [str(ONE), str(OTHER)]
    assert f"{OTHER}: 8 of 8 frames usable" in printed(capsys)
    before = out.read_bytes()
    with pytest.raises(UserError, match=r"black: none of 8.*dark: none of 8"):
        command(*arguments, first, second)
    assert out.read_bytes() == before


def test_embed_replaces_its_own_files_alone(
    model_file: Path, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, gallery, other = (tmp_path / name for name in ("a.npz", "g.npz", "mine.npz"))
    command("enrol", "anna", str(ONE), "--gallery", str(gallery), "--model", str(model_file))
    for _ in range(2):
        command("embed", str(OTHER), "--out", str(out), "--model", str(model_file))
    other.write_bytes(b"notes")
    monkeypatch.delattr(Model, "embed_frames")
    for path in (gallery, other):
        before = path.read_bytes()
        with pytest.raises(UserError, match=r"exists, and was not written by `gaittake model emb"):
            command("embed", str(OTHER), "--out", str(path), "--model", str(model_file))
        assert path.read_bytes() == before


def test_a_sequence_has_the_same_name_with_and_without_a_final_slash(
    model_file: Path, here: Path, tmp_path: Path
) -> None:
    out, model = tmp_path / "a.npz", ("--model", str(model_file))
    with pytest.raises(UserError, match=f"{ONE}: given twice"):
        command("embed", str(ONE), f"{ONE}/", "--out", str(out), *model)
    command("embed", f"{ONE}/", str(OTHER), "--out", str(out), *model)
    for name in (ONE, f"{ONE}/"):
        command("compare", f"{out}#{name}", str(OTHER), *model)


def test_a_model_replaces_no_other_file(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, repository = tmp_path / "weights.safetensors", tmp_path / "shared"
    weights.write_bytes(Path("results/walkers/gaittake/weights.safetensors").read_bytes())
    before = weights.read_bytes()
    command("push", str(model_file), str(repository))
    for name, expected in (
        ("weights.safetensors", "exists, and is no model file"),
        ("model.onnx", "ending of a file for ONNX Runtime; use .safetensors"),
        ("shared", "a folder; the name of a file to write"),
    ):
        with pytest.raises(UserError, match=expected):
            export(tmp_path / name)
        with pytest.raises(UserError, match=expected):
            command("pull", str(repository), "--out", str(tmp_path / name))
    assert weights.read_bytes() == before
    assert not (tmp_path / "model.onnx").exists()
    for _ in range(2):
        command("pull", str(repository), "--out", str(tmp_path / "copy.safetensors"))


def test_a_short_sequence_gives_a_warning_in_embed_and_compare(
    model_file: Path,
    here: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "people.npz"
    long = write_images(np.concatenate([masks(ONE)] * 4), tmp_path / "long")
    command("embed", "--model", str(model_file), str(ONE), str(long), "--out", str(out))
    text = printed(capsys)
    assert f"{ONE}: only 8 frames are usable" in text
    assert f"{long}: only" not in text
    caplog.clear()
    command("compare", "--model", str(model_file), f"{out}#{ONE}", f"{out}#{long}")
    assert f"{out}#{ONE}: only 8 frames are usable" in caplog.text
    assert f"{long}: " not in caplog.text


def test_a_file_of_embeddings_without_read_permission_names_the_permission(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(UserError, match=r"people\.npz: no permission to read it"):
        read_embedding(str(tmp_path / "people.npz"), model)


def test_inspect_describes_a_model_file_and_does_not_advise_to_delete_the_users_files(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renamed, damaged = tmp_path / "model.h5", tmp_path / "damaged.safetensors"
    renamed.write_bytes(model_file.read_bytes())
    damaged.write_bytes(model_file.read_bytes()[:500])
    command("show", str(model_file))
    shown = printed(capsys)
    for path in (model_file, renamed):
        inspect(path)
        assert printed(capsys) == shown
    with pytest.raises(UserError, match="a damaged one") as error:
        inspect(damaged)
    assert "delete" not in str(error.value).lower()
    np.savez(tmp_path / "people.npz", x=np.zeros(2))
    with pytest.raises(UserError, match=r"Delete it if the pipeline wrote it.*otherwise check"):
        inspect(tmp_path / "people.npz")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("walk.wmv", b"x", r"not the name of a video.*end with \.avi.*convert others"),
        ("empty.mp4", b"", r"no frame can be decoded.*convert it"),
        ("text.avi", b"no video", r"no frame can be decoded.*convert it"),
        ("cut.pkl", b"\x80\x03", r"unreadable pickle: .*one uint8 array \[frames, rows"),
        ("walk.mp4/001.png", b"x", r"walk\.mp4: a folder whose name ends.*without '\.mp4'"),
        ("no.npz.avi", b"", r"no\.npz\.avi: no frame can be decoded"),
    ],
)
def test_a_file_without_frames_is_refused_with_the_cause(
    model_file: Path, here: Path, tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    sequence = path.parent if path.suffix == ".png" else path
    with pytest.raises(UserError, match=expected):
        command("compare", "--model", str(model_file), str(sequence), str(ONE))


@pytest.mark.parametrize("option", ["--weights", "--student", "--metrics"])
def test_export_refuses_a_model_file_as_an_input(
    model_file: Path, here: Path, tmp_path: Path, option: str
) -> None:
    with pytest.raises(UserError, match="a model file; --weights, --student and --metrics require"):
        export(tmp_path / "a.safetensors", option, str(model_file))


def test_compare_checks_both_sequences_before_it_computes_anything(
    model_file: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Model, "embed_frames")
    with pytest.raises(UserError, match="nowhere: no such file or directory"):
        command("compare", "--model", str(model_file), str(ONE), "nowhere")


def test_files_of_embeddings_that_do_not_fit_are_refused(
    model_file: Path, here: Path, tmp_path: Path
) -> None:
    out = tmp_path / "people.npz"
    command("embed", "--model", str(model_file), str(ONE), str(OTHER), "--out", str(out))
    gei = export(tmp_path / "gei.safetensors", method="gei")
    foreign, damaged = tmp_path / "foreign.npz", tmp_path / "damaged.npz"
    np.savez(foreign, x=np.zeros(2))
    damaged.write_bytes(out.read_bytes()[:200])
    for model, address, expected in (
        (gei, f"{out}#{ONE}", "embeddings of model"),
        (model_file, str(out), "the name of a sequence is required"),
        (model_file, f"{out}#nobody", "the name of a sequence is required"),
        (model_file, str(foreign), "not a file written by `gaittake model embed`"),
        (model_file, str(damaged), "not a readable file of embeddings"),
        (model_file, str(tmp_path / "none.npz"), "no such file"),
    ):
        with pytest.raises(UserError, match=expected):
            command("compare", "--model", str(model), address, str(OTHER))
