"""CASIA-B's archives through the real rules."""

import re
import tarfile
from pathlib import Path

import pytest

from gaittake.io.tables import read_sequences
from tests.sources.trees import write_casiab
from tests.workflow.project import Project, fresh_project

CASIAB = """
source: {layout: casiab, silhouettes: [data]}
shard_subjects: 2
protocol: {train_subjects: [001..002], test_subjects: [003..004], gallery: [nm-01]}
pose: {student_from: smoke, boxes: silhouette, detector: {backbone: small}}
"""
TARGET = "results/packed_rank1.csv"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Subjects 001 and 003 are unpacked, 002 is packed, 003 both, 004 missing."""
    made = fresh_project(tmp_path / "project")
    (made.folder / "config" / "packed.yaml").write_text(CASIAB)
    data = made.folder / "data"
    write_casiab(data, ("001", "002", "003"), ("nm-01",))
    for subject in ("002", "003"):
        with tarfile.open(data / f"{subject}.tar.gz", "w:gz") as archive:
            archive.add(data / subject, arcname=subject)
    for path in sorted((data / "002").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (data / "002").rmdir()
    return made


def test_only_a_shard_with_packed_subjects_is_unpacked(project: Project) -> None:
    jobs = project.planned(target=TARGET)
    assert {job for job in jobs if job.startswith("unpack")} == {"unpack train-000"}
    assert {"index train-000", "index test-000", "survey"} <= jobs


def test_every_stage_that_reads_pixels_waits_for_them(project: Project) -> None:
    code, said = project.snakemake("--dry-run", TARGET)
    assert code == 0, said
    folder = "results/packed/data/train-000/unpacked"
    jobs = re.findall(
        r"^rule (\w+):\n    input: (.*)\n(?:    .*\n)*?    wildcards: .*shard=(\S+)\n",
        said,
        re.MULTILINE,
    )
    waiting = {(rule, shard) for rule, inputs, shard in jobs if folder in inputs}
    assert waiting == {(rule, "train-000") for rule in ("index", "predict", "cache")}
    assert "data/train-000/unpacked.rejects.csv" in said.split("rule survey:")[1]


def test_the_index_has_the_packed_subjects_sequences(project: Project) -> None:
    table = "results/packed/index/train-000.csv"
    code, said = project.snakemake("--cores", "1", table)
    assert code == 0, said
    found = read_sequences(project.folder / table)
    assert [row.name for row in found] == [
        f"{s}/nm-01/{v}" for s in ("001", "002") for v in ("000", "090")
    ]
    assert all((project.folder / row.silhouettes).is_dir() for row in found)
    assert project.planned(target=table) == set()


def test_unpacked_subjects_stay_without_their_archive_and_without_the_disk(
    project: Project,
) -> None:
    tables = [f"results/packed/index/{shard}.csv" for shard in ("train-000", "test-000")]
    code, said = project.snakemake("--cores", "1", *tables)
    assert code == 0, said
    (project.folder / "data/002.tar.gz").unlink()
    assert project.planned(*tables[1:], target=tables[0]) == set()
    (project.folder / "data").rename(project.folder / "unplugged")
    assert project.planned(*tables[1:], target=tables[0]) == set()
