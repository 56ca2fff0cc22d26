"""OU-MVLP's layout: which sequences are found, and what is rejected."""

from pathlib import Path

from gaittake.io.tables import read_rejects, read_sequences
from gaittake.sequence import Sequence
from gaittake.settings import IndexStage, Source
from gaittake.sources import oumvlp
from gaittake.sources.index import index_sequences
from tests.sources.trees import reasons, write_frames


def index(root: Path, *subjects: str) -> tuple[list[Sequence], list[tuple[str, str]]]:
    """Returns the sequences of a dataset, and path and reason of each reject."""
    stage = IndexStage(
        source=Source(layout="oumvlp", silhouettes=(root / "data",)), subjects=subjects
    )
    index_sequences(stage, roots=None, out=root / "index.csv", rejects=root / "rejects.csv")
    rejects = reasons(read_rejects(root / "rejects.csv"), root / "data")
    return read_sequences(root / "index.csv"), rejects


def write(root: Path, *sequences: str) -> None:
    for sequence in sequences:
        write_frames(root / "data" / f"Silhouette_{sequence}", "0", (1, 2))


def test_sequences_are_found_by_view_and_number(tmp_path: Path) -> None:
    write(tmp_path, "000-00/00001", "000-01/00001", "270-00/00001", "270-00/00002")
    found, rejects = index(tmp_path, "00001", "00002")
    assert [row.name for row in found] == [
        "00001/nm-00/000",
        "00001/nm-00/270",
        "00001/nm-01/000",
        "00002/nm-00/270",
    ]
    assert found[1].silhouettes == tmp_path / "data/Silhouette_270-00/00001"
    assert {(row.frames, row.video) for row in found} == {(2, None)}
    assert rejects == []


def test_view_folders_that_the_unpacker_nested_are_accepted(tmp_path: Path) -> None:
    write(tmp_path, "000-00/Silhouette_000-00/00001", "000-01/00001", "000-01/00002")
    write(tmp_path, "000-01/Silhouette_000-01/00001")
    found, rejects = index(tmp_path, "00001", "00002")
    names = ["00001/nm-00/000", "00001/nm-01/000", "00002/nm-01/000"]
    assert [row.name for row in found] == names
    nested = "Silhouette_000-01/Silhouette_000-01/00001"
    assert rejects == [(nested, "second path of one sequence")]
    subjects, others = oumvlp.survey((tmp_path / "data",), ())
    assert sorted(subjects) == ["00001", "00002"]
    assert others == []


def test_missing_subjects_and_those_without_frames_are_listed(tmp_path: Path) -> None:
    write(tmp_path, "000-00/00001")
    (tmp_path / "data/Silhouette_000-00/00002").mkdir()
    found, rejects = index(tmp_path, "00001", "00002", "00003")
    assert [row.subject for row in found] == ["00001"]
    assert rejects == [
        ("Silhouette_*/00003", "subject of the protocol missing"),
        ("Silhouette_000-00/00002", "empty folder"),
    ]


def test_files_that_are_not_frames_are_listed(tmp_path: Path) -> None:
    write(tmp_path, "000-00/00001")
    (tmp_path / "data/Silhouette_000-00/00001/Thumbs.db").write_text("")
    found, rejects = index(tmp_path, "00001")
    assert found[0].frames == 2
    assert rejects == [("Silhouette_000-00/00001/Thumbs.db", "hidden or system file")]


def test_other_entries_are_listed_by_the_survey_only(tmp_path: Path) -> None:
    write(tmp_path, "000-00/00001", "000-00/00007", "000-01/00007", "000-01/backup")
    data = tmp_path / "data"
    (data / "Silhouette_90-0").mkdir()
    (data / "Silhouette_000-00.zip").write_bytes(b"")
    (data / "Silhouette_000-00/.DS_Store").write_bytes(b"")
    (data / "Silhouette_000-00/00009").write_bytes(b"no folder")
    subjects, rejects = oumvlp.survey((data,), ())
    assert subjects == {
        "00001": data / "Silhouette_000-00/00001",
        "00007": data / "Silhouette_000-00/00007",
    }
    assert reasons(rejects, data) == [
        ("Silhouette_000-00.zip", "not a view folder (expected a name like Silhouette_090-01)"),
        ("Silhouette_000-00/.DS_Store", "hidden or system file"),
        ("Silhouette_000-00/00009", "not a subject (expected a name like 00001)"),
        ("Silhouette_000-01/backup", "not a subject (expected a name like 00001)"),
        ("Silhouette_90-0", "not a view folder (expected a name like Silhouette_090-01)"),
    ]
    assert index(tmp_path, "00001", "00007")[1] == []  # not once a shard
