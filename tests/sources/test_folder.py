"""The layout of a user's own dataset."""

import re
from pathlib import Path

import pytest

from gaittake.io.frames import read_colour, read_silhouettes
from gaittake.io.tables import read_rejects, read_sequences
from gaittake.pipeline.subjects import shards
from gaittake.sequence import Sequence
from gaittake.settings import IndexStage, Source, load_settings
from gaittake.sources.index import index_sequences
from tests.jobs import stage_settings
from tests.sources.trees import reasons, write_frames, write_video

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "own-videos.md").read_text(encoding="utf-8")


def index(
    root: Path, *subjects: str, rgb: bool = True
) -> tuple[list[Sequence], list[tuple[str, str]]]:
    """Returns the sequences of a dataset, and path and reason of each reject."""
    source = Source(
        layout="folder",
        silhouettes=(root / "silhouettes",),
        videos=(root / "rgb",) if rgb else (),
    )
    index_sequences(
        IndexStage(source=source, subjects=subjects),
        roots=None,
        out=root / "index.csv",
        rejects=root / "rejects.csv",
    )
    rejects = reasons(read_rejects(root / "rejects.csv"), root)
    return read_sequences(root / "index.csv"), rejects


def test_a_sequence_is_a_folder_of_images_or_a_video(tmp_path: Path) -> None:
    data = tmp_path / "silhouettes"
    write_frames(data / "anna/nm-01/090")
    write_frames(data / "anna/nm-01/0")
    write_video(data / "anna/coat_2-12/45.avi", frames=5)
    write_video(data / "bert/nm-01/090.MP4".lower(), frames=6)
    found, rejects = index(tmp_path, "anna", "bert", rgb=False)
    assert [(row.name, row.frames) for row in found] == [
        ("anna/coat_2-12/045", 5),
        ("anna/nm-01/000", 3),
        ("anna/nm-01/090", 3),
        ("bert/nm-01/090", 6),
    ]
    assert found[0].silhouettes == data / "anna/coat_2-12/45.avi"
    assert rejects == []


@pytest.mark.parametrize("silhouettes", ["folder", "video"])
@pytest.mark.parametrize("rgb", ["folder", "video"])
def test_rgb_of_either_form_is_matched_by_frame_number(
    tmp_path: Path, silhouettes: str, rgb: str
) -> None:
    for name, form in (("silhouettes", silhouettes), ("rgb", rgb)):
        place = tmp_path / name / "anna/nm-01/090"
        if form == "folder":
            write_frames(place, "frame_", tuple(range(1, 9)))
        else:
            write_video(place.with_suffix(".avi"), frames=8)
    (row,), rejects = index(tmp_path, "anna")
    assert rejects == []
    assert row.video is not None
    shapes = dict(read_silhouettes(row.silhouettes, stage="", rejects=[]))
    colours = dict(read_colour(row.video, stage="", rejects=[]))
    assert list(shapes) == list(colours) == list(range(1, 9))
    for number, shape in shapes.items():
        assert ((colours[number][..., 0] > 127) != (shape > 127)).mean() < 0.02


def test_a_sequence_needs_no_rgb_but_rgb_needs_silhouettes(tmp_path: Path) -> None:
    write_frames(tmp_path / "silhouettes/anna/nm-01/090")
    write_frames(tmp_path / "rgb/anna/nm-02/090")
    found, rejects = index(tmp_path, "anna")
    assert [(row.name, row.video) for row in found] == [("anna/nm-01/090", None)]
    assert rejects == [("rgb/anna/nm-02/090", "video without silhouettes")]


def test_wrong_names_are_listed(tmp_path: Path) -> None:
    data = tmp_path / "silhouettes"
    write_frames(data / "anna/nm-01/090")
    for name in ("nm-1", "nm-001", "nm01", "walk", "1-01"):
        write_frames(data / "anna" / name / "090")
    for name in ("side", "1800", "-10"):
        write_frames(data / "anna/nm-01" / name)
    write_video(data / "anna/nm-01/front.avi")
    (data / "anna/nm-01/090.txt").write_text("")
    found, rejects = index(tmp_path, "anna", rgb=False)
    assert [row.name for row in found] == ["anna/nm-01/090"]
    sequence, view = (
        "not a sequence (expected a name like nm-01)",
        "not a view (expected a name like 090)",
    )
    assert {reason for _, reason in rejects} == {sequence, view}
    assert [Path(path).name for path, reason in rejects if reason == sequence] == [
        "1-01",
        "nm-001",
        "nm-1",
        "nm01",
        "walk",
    ]
    assert [Path(path).name for path, reason in rejects if reason == view] == [
        "-10",
        "090.txt",
        "1800",
        "front.avi",
        "side",
    ]


def test_a_view_with_two_spellings_is_used_once(tmp_path: Path) -> None:
    data = tmp_path / "silhouettes"
    write_frames(data / "anna/nm-01/090")
    write_video(data / "anna/nm-01/90.avi")
    found, rejects = index(tmp_path, "anna", rgb=False)
    assert [row.silhouettes for row in found] == [data / "anna/nm-01/090"]
    assert rejects == [("silhouettes/anna/nm-01/90.avi", "second path of one sequence")]


def test_an_unreadable_video_is_listed(tmp_path: Path) -> None:
    write_frames(tmp_path / "silhouettes/anna/nm-01/000")
    (tmp_path / "silhouettes/anna/nm-01/090.mp4").write_bytes(b"cut off")
    found, rejects = index(tmp_path, "anna", rgb=False)
    assert [row.name for row in found] == ["anna/nm-01/000"]
    assert rejects == [("silhouettes/anna/nm-01/090.mp4", "unreadable video")]


def test_the_example_of_the_page_is_all_that_is_needed(tmp_path: Path) -> None:
    (tree,) = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (example,) = (block for block in blocks if "source:" in block and "protocol:" in block)
    assert len(example.splitlines()) <= 6
    root = tmp_path / "mine"
    for name in re.findall(r"p01/\S+", tree.split("rgb/")[0]):
        place = root / "silhouettes" / name
        write_video(place) if place.suffix == ".mp4" else write_frames(place.parent)
    (rgb,) = re.findall(r"p01/\S+", tree.split("rgb/")[1])
    write_video(root / "rgb" / rgb)
    (tmp_path / "mine.yaml").write_text(example.replace("/data/mine", str(root)))
    settings = load_settings(tmp_path / "mine.yaml")
    assert len(shards(settings)) == 3
    stage = stage_settings(settings, "index", shard="train-000")
    assert isinstance(stage, IndexStage)
    index_sequences(stage, roots=None, out=tmp_path / "i.csv", rejects=tmp_path / "r.csv")
    found = [(row.name, row.video is not None) for row in read_sequences(tmp_path / "i.csv")]
    assert found == [("p01/nm-01/090", True), ("p01/nm-02/090", False)]
    assert {row.reason for row in read_rejects(tmp_path / "r.csv")} == {
        "subject of the protocol missing"  # p02 … p16
    }


def test_the_pages_way_without_rgb_borrows_a_student_that_fits(tmp_path: Path) -> None:
    (pose,) = re.findall(r"^(pose: {student_from: walkers.*})$", PAGE, re.MULTILINE)
    (tmp_path / "mine.yaml").write_text(f"source: {{layout: folder, silhouettes: [x]}}\n{pose}\n")
    mine = load_settings(tmp_path / "mine.yaml").pose
    walkers = load_settings(REPOSITORY / "config" / "walkers.yaml").pose
    assert mine.student_from == "walkers"
    assert (mine.detector, mine.boxes) == (walkers.detector, walkers.boxes)
