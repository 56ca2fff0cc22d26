"""A recording of another frame rate than the training's gives one warning, with both rates."""

import logging
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaittake.use.about import About, Origin
from gaittake.use.card import model_card
from gaittake.use.describe import describe_model
from gaittake.use.model import Model
from gaittake.use.model_file import Header, read_header
from gaittake.use.rate import rate_warnings
from tests.use.tiny import command, export, masks, printed, sequence, write_video

ONE = sequence("003", "nm-01", "036")


def learnt_from(known: Model, fps: float | None, **changes: Any) -> About:
    """Returns the description of a model that learnt from another frame rate."""
    origin = known.about.origin.model_copy(update={"trained_fps": fps})
    return known.about.model_copy(update={"origin": origin} | changes)


@pytest.mark.parametrize(
    ("rate", "differs"), [(25, False), (31.25, False), (31.3, True), (20, False), (19.9, True)]
)
def test_rates_up_to_a_quarter_apart_count_as_the_same(
    model: Model, rate: float, differs: bool
) -> None:
    assert bool(rate_warnings({"a.mp4": rate}, learnt_from(model, 25))) is differs


def test_all_videos_that_are_faster_share_a_line_with_both_rates_and_a_command(
    model: Model,
) -> None:
    rates = {"my walks/a b.mp4": 59.94, "b.mov": 120.0, "c.mp4": 60.0, "d.mp4": 60.0, "e.mp4": 25.0}
    (line,) = rate_warnings(rates, learnt_from(model, 25))
    assert line.startswith("my walks/a b.mp4, b.mov, c.mp4 and 1 more: 59.94 to 120 frames per")
    assert "the model learnt from 25, so it is less reliable" in line
    assert shlex.split(line.partition("for example: ")[2]) == [
        "ffmpeg", "-i", "my walks/a b.mp4", "-r", "25", "my walks/a b-25fps.mp4",
    ]  # fmt: skip


def test_slower_videos_cannot_be_converted_and_images_have_no_rate(model: Model) -> None:
    slow, unknown = rate_warnings({"slow.avi": 10.0, "images": None}, learnt_from(model, 29.97))
    assert slow.startswith("slow.avi: 10 frames per second, but the model learnt from 29.97")
    assert "ffmpeg" not in slow
    assert unknown.startswith("images: images have no frame rate")
    assert "learnt from 29.97 frames per second" in unknown


def test_nothing_is_said_where_the_models_rate_is_unknown_or_does_not_matter(model: Model) -> None:
    rates = {"a.mp4": 240.0, "images": None}
    assert rate_warnings(rates, learnt_from(model, None)) == []
    assert rate_warnings(rates, learnt_from(model, 25, network="gei", model={})) == []
    assert len(rate_warnings(rates, learnt_from(model, 25))) == 2


def test_an_exported_model_states_the_rate_of_the_rendered_people(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = read_header(model_file)
    assert header.about.fps == 25
    assert "| frames per second | 25 |" in model_card(header)
    gei = export(tmp_path / "gei.safetensors", method="gei")
    capsys.readouterr()
    command("show", str(model_file))
    assert "recordings 25 frames per second embedding" in printed(capsys)
    command("show", str(gei))
    assert "recordings 25 frames per second; others will do too" in printed(capsys)


def test_a_model_file_from_before_has_no_rate_and_is_read(model_file: Path) -> None:
    header = read_header(model_file)
    content = header.about.origin.model_dump()
    del content["trained_fps"]
    origin = Origin.model_validate(content)
    assert origin.trained_fps is None
    header = Header(header.package, header.about.model_copy(update={"origin": origin}), "0")
    assert "recordings  frame rate unknown" in describe_model(header)
    assert "frames per second" not in model_card(header)


def test_a_command_warns_once_of_all_its_videos(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = np.repeat(masks(ONE)[..., None], 3, axis=3)
    fast = [str(write_video(grey, tmp_path / f"{name}.avi", fps=60)) for name in "ab"]
    right = str(write_video(grey, tmp_path / "right.avi"))
    model, people, gallery = str(model_file), str(tmp_path / "a.npz"), str(tmp_path / "g.npz")
    for arguments in (
        ("embed", *fast, right, "--out", people),
        ("compare", *fast),
        ("enrol", "anna", *fast, "--gallery", gallery),
        ("identify", fast[0], "--gallery", gallery, "--fpir", "1"),
    ):
        capsys.readouterr()
        command(*arguments, "--model", model)
        text = printed(capsys)
        assert text.count("60 frames per second, but the model learnt from 25") == 1, arguments
        assert f"{right}: 25" not in text
    for arguments in (("compare", right, right), ("compare", f"{people}#{right}", right)):
        capsys.readouterr()
        command(*arguments, "--model", model)
        assert "learnt from" not in printed(capsys)
    command("compare", str(ONE), right, "--model", model)
    assert printed(capsys).count(f"{ONE}: images have no frame rate") == 1


def test_python_takes_the_rate_of_an_array(model: Model, caplog: pytest.LogCaptureFixture) -> None:
    silhouettes = np.zeros((30, 240, 320), np.uint8)
    silhouettes[:, 60:180, 140:170] = 255
    silhouettes[:, 120:180, 150:160] = 0
    model.embed(silhouettes)
    model.embed(silhouettes, fps=30)
    assert "per second" not in caplog.text
    with caplog.at_level(logging.WARNING):
        model.embed(silhouettes, fps=60)
    assert "silhouettes: 60 frames per second, but the model learnt from 25" in caplog.text
