"""Nothing is trained before the check passed, and a check that runs again trains nothing again."""

from pathlib import Path

import pytest

from gaittake.io.tables import read_json, write_rejects, write_sequences
from gaittake.sequence import Sequence
from tests.workflow.project import Project, fresh_project, started

TARGET = "results/own_rank1.csv"
SETTINGS = """
source: {layout: folder, silhouettes: [silhouettes], videos: [videos]}
shard_subjects: 2
protocol:
  train_subjects: [a01..a02]
  test_subjects: [b01..b02]
  gallery: [nm-01]
  probes: {nm: [nm-02]}
train: {subjects_per_batch: 2}
methods: {gaittake: {}}
"""
CHECK = "results/own/check.json"
TEACHER = "results/own/pose/teacher.pt"
LEARNING = ("teacher", "pseudo_label", "finetune", "predict", "train")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A dataset of two shards, with an index of two views of each subject."""
    made = fresh_project(tmp_path / "project")
    (made.folder / "config" / "own.yaml").write_text(SETTINGS)
    for name in ("silhouettes", "videos"):
        (made.folder / name / "a01").mkdir(parents=True)
    return made


def write_index(project: Project, shard: str, subjects: list[str], *, lost: str = "") -> None:
    """Writes the index of a shard; `lost`: a name of a sequence that no subject has."""
    rows = [
        Sequence(subject, kind, view, 20, Path("s", subject), Path("v", subject))
        for subject in subjects
        for kind in ("nm-01", "nm-02")
        for view in ("000", "090")
        if kind != lost
    ]
    folder = project.folder / "results" / "own" / "index"
    folder.mkdir(parents=True, exist_ok=True)
    write_sequences(rows, folder / f"{shard}.csv")
    write_rejects([], folder / f"{shard}.rejects.csv")


def touch_outputs(project: Project) -> None:
    """Makes Snakemake take all outputs for results of the present settings and code."""
    code, said = project.snakemake("--cores", "1", "--allowed-rules", "check", "--", CHECK)
    assert code == 0, said
    code, said = project.snakemake("--cores", "1", "--touch", TARGET)
    assert code == 0, said


def made_before(project: Project) -> None:
    """Writes the outputs of everything that learns, as an earlier run leaves them."""
    root = project.folder / "results"
    names = ["pose/teacher.pt", "pose/student.pt", "pose/quality.json", "cache.h5", "sequences.csv"]
    names += [f"gaittake/{name}" for name in ("weights.safetensors", "train.csv", "embeddings.h5")]
    names += [f"gaittake/{name}" for name in ("metrics.json", "rank1.csv", "probes.csv")]
    for shard in ("train-000", "test-000"):
        for stage in ("pose/keypoints", "cache"):
            names += [f"{stage}/{shard}.h5", f"{stage}/{shard}.rejects.csv"]
    names += [f"pose/pseudo_labels/train-000.{end}" for end in ("h5", "rejects.csv")]
    paths = [root / "own" / name for name in names]
    for path in [*paths, root / "own_rank1.csv", root / "own_rank1.md"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    write_rejects([], root / "own" / "rejects.csv")


def test_everything_that_learns_waits_for_the_check(project: Project) -> None:
    code, said = project.snakemake("--dry-run", TARGET)
    assert code == 0, said
    for block in said.split("\nrule ")[1:]:
        rule = block.partition(":")[0]
        inputs = block.partition("input: ")[2].partition("\n")[0]
        assert (CHECK in inputs) is (rule in (*LEARNING, "evaluate")), rule


def test_a_teacher_of_rendered_people_starts_with_the_renderer(project: Project) -> None:
    code, said = project.snakemake("--dry-run", "results/smoke_rank1.csv")
    assert code == 0, said
    rules = dict(block.partition(":")[::2] for block in said.split("\nrule ")[1:])
    assert "input: " not in rules["teacher"]
    assert "priority: 1" in rules["teacher"]
    assert "results/smoke/check.json" in rules["pseudo_label"]


def test_a_check_that_fails_stops_the_run_before_anything_is_trained(project: Project) -> None:
    write_index(project, "train-000", ["a01", "a02"])
    write_index(project, "test-000", ["b01", "b02"], lost="nm-02")
    rules = ("--allowed-rules", "check", "teacher", "--")
    code, said = project.snakemake("--cores", "1", *rules, TEACHER)
    assert code == 1
    assert "gaittake: error: check of own: no probe sequence of the 2 test subjects" in said
    assert not (project.folder / TEACHER).exists()


def test_too_few_training_subjects_are_found_before_anything_is_trained(project: Project) -> None:
    """Their number is known when the index is made: a dry run plans every dataset."""
    write_index(project, "train-000", ["a01", "a02"])
    write_index(project, "test-000", ["b01", "b02"])
    larger = ("--config", "set=train.subjects_per_batch=3", "--")
    code, said = project.snakemake("--dry-run", *larger, TEACHER)
    assert code == 0, said
    rules = ("--allowed-rules", "check", "teacher")
    code, said = project.snakemake("--cores", "1", *rules, *larger, TEACHER)
    assert code == 1
    assert "train.subjects_per_batch is 3, but 2 of the 2 training subjects in the index" in said
    assert not (project.folder / TEACHER).exists()


def test_an_added_subject_runs_the_check_and_its_shard_and_no_training_of_the_pose(
    project: Project,
) -> None:
    write_index(project, "train-000", ["a01", "a02"])
    write_index(project, "test-000", ["b01", "b02"])
    made_before(project)
    touch_outputs(project)
    assert project.planned(target=TARGET) == set()

    project.edit("config/own.yaml", "[b01..b02]", "[b01..b03]")
    again = {f"{rule} test-001" for rule in ("index", "predict", "cache")}
    jobs = project.planned(target=TARGET)
    assert {job for job in jobs if "00" in job} == again
    assert "check" in jobs
    assert not jobs & {"teacher", "finetune"}

    # Without a sequence of the new subject, its shard is not predicted; the rest stays.
    write_index(project, "test-001", [])
    keypoints = "results/own/pose/keypoints/test-001.h5"
    rules = ("--allowed-rules", "check", "predict", "--")
    code, said = project.snakemake("--cores", "1", *rules, keypoints)
    assert code == 1, said
    assert "1 of 3 test subjects have no usable sequence (b03)" in said
    jobs = project.planned(target=TARGET)
    assert "predict test-001" in jobs
    assert not jobs & {"teacher", "finetune", "pseudo_label train-000", "predict train-000"}

    # With it the check runs again and has no fault.
    write_index(project, "test-001", ["b03"])
    code, said = project.snakemake("--cores", "1", CHECK, *rules[:2])
    assert code == 0, said
    assert read_json(project.folder / CHECK)["fault"] is None
    jobs = project.planned(target=TARGET)
    assert not jobs & {"check", "teacher", "finetune", "predict train-000", "predict test-000"}


def test_a_stage_with_a_reason_of_its_own_runs_after_a_check_that_runs_again(
    project: Project,
) -> None:
    write_index(project, "train-000", ["a01", "a02"])
    write_index(project, "test-000", ["b01", "b02"])
    made_before(project)
    touch_outputs(project)
    student = "results/own/pose/student.pt"
    changed = ("--config", "set=pose.finetune.steps=7 protocol.views=[0,90]")
    rules = ("--allowed-rules", "check", "finetune", "--")
    code, said = project.snakemake("--cores", "1", *changed, *rules, student)
    assert started(said)[:2] == ["check", "finetune"]
    assert code == 1  # an empty file in place of the teacher
    assert "teacher.pt" in said
