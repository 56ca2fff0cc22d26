"""CASIA-B's layout: which sequences are found, and what is rejected."""

from pathlib import Path

from gaittake.io.tables import read_rejects, read_sequences
from gaittake.sequence import Sequence
from gaittake.settings import IndexStage, Source
from gaittake.sources.index import index_sequences
from tests.sources.trees import reasons, write_casiab, write_video


def index(
    root: Path, *subjects: str, videos: tuple[str, ...] = ()
) -> tuple[list[Sequence], list[tuple[str, str]]]:
    """Returns the sequences of a dataset under `root`, and path and reason of each reject."""
    source = Source(
        silhouettes=(root / "silhouettes",), videos=tuple(root / name for name in videos)
    )
    index_sequences(
        IndexStage(source=source, subjects=subjects or ("001", "002")),
        roots=None,
        out=root / "index.csv",
        rejects=root / "rejects.csv",
    )
    rejects = read_rejects(root / "rejects.csv")
    assert {row.stage for row in rejects} <= {"index"}
    return read_sequences(root / "index.csv"), reasons(rejects, root)


def test_each_view_is_a_sequence(tmp_path: Path) -> None:
    write_casiab(tmp_path / "silhouettes")
    found, rejects = index(tmp_path)
    assert [row.name for row in found] == [
        f"{subject}/{sequence}/{view}"
        for subject in ("001", "002")
        for sequence in ("nm-01", "nm-02")
        for view in ("000", "090")
    ]
    assert {row.frames for row in found} == {3}
    assert {row.video for row in found} == {None}
    assert found[1].silhouettes == tmp_path / "silhouettes/001/nm-01/090"
    assert rejects == []


def test_nested_folders_are_accepted_and_so_are_those_beside_them(tmp_path: Path) -> None:
    write_casiab(tmp_path / "silhouettes/001", ("001",), ("nm-01",))
    write_casiab(tmp_path / "silhouettes", ("001",), ("cl-01",))
    (tmp_path / "silhouettes/001/readme.txt").write_text("")
    found, rejects = index(tmp_path, "001")
    assert [row.type for row in found] == ["cl-01", "cl-01", "nm-01", "nm-01"]
    assert rejects == [
        ("silhouettes/001/readme.txt", "not a sequence (expected a name like nm-01)")
    ]


def test_a_sequence_with_two_paths_is_used_once(tmp_path: Path) -> None:
    write_casiab(tmp_path / "silhouettes", ("001",), ("nm-01",), (0, 90))
    write_casiab(tmp_path / "silhouettes/001", ("001",), ("nm-01",), (90,))
    found, rejects = index(tmp_path, "001")
    assert [row.silhouettes for row in found] == [
        tmp_path / "silhouettes/001/nm-01/000",
        tmp_path / "silhouettes/001/nm-01/090",
    ]
    assert rejects == [("silhouettes/001/001/nm-01/090", "second path of one sequence")]


def test_videos_are_found_in_both_folders_and_background_videos_are_ignored(tmp_path: Path) -> None:
    write_casiab(tmp_path / "silhouettes", sequences=("nm-01",), views=(90,))
    one, two = tmp_path / "DatasetB-1/video", tmp_path / "DatasetB-2/video"
    write_video(one / "001-nm-01-090.avi")
    write_video(two / "002-nm-01-090.avi")
    for name in ("001-bkgrd-01-090.avi", "001-bkgrd-090.avi", "002-bkgrd-090.avi"):
        write_video(one / name)
    found, rejects = index(tmp_path, videos=("DatasetB-1/video", "DatasetB-2/video"))
    videos = {row.name: row.video for row in found}
    assert videos == {
        "001/nm-01/090": one / "001-nm-01-090.avi",
        "002/nm-01/090": two / "002-nm-01-090.avi",
    }
    assert rejects == []


def test_a_video_without_silhouettes_and_a_second_video_are_listed(tmp_path: Path) -> None:
    write_casiab(tmp_path / "silhouettes", ("001",), ("nm-01",), (90,))
    for name in ("a/001-nm-01-090.avi", "a/001-nm-05-018.avi", "b/001-nm-01-090.avi"):
        write_video(tmp_path / name)
    found, rejects = index(tmp_path, "001", videos=("a", "b"))
    assert [row.video for row in found] == [tmp_path / "a/001-nm-01-090.avi"]
    assert rejects == [
        ("a/001-nm-05-018.avi", "video without silhouettes"),
        ("b/001-nm-01-090.avi", "second path of one sequence"),
    ]
