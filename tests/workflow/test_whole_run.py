"""The whole pipeline for real, once; then: only what changed runs again."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from gaittake.evaluation.error_tables import RATES
from tests.workflow.project import TARGET, Project, started

pytestmark = pytest.mark.whole_run
EVALUATED = {"evaluate gei", "evaluate gaittake", "compare"}
EMBEDDED = EVALUATED | {"embed gei", "embed gaittake"}
POSE = ("render", "index", "teacher", "pseudo_label", "finetune", "predict", "quality", "cache")


@pytest.fixture(scope="module")
def finished(unbroken: Project) -> Project:
    """The smoke dataset, from a fresh clone to its table."""
    return unbroken


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished run, to edit."""
    return finished.copy(tmp_path / "project")


def test_a_fresh_clone_ends_with_a_row_for_each_method_and_condition(finished: Project) -> None:
    table = pd.read_csv(finished.folder / TARGET, dtype=str)
    statistics = ["deviation", "low", "high", "mean_matched"]
    first = ["dataset", "method", "condition", "036", "090", "mean", *statistics]
    assert list(table.columns)[: len(first)] == first
    rates = set(table.columns[len(first) :])  # few people cannot measure all of them
    assert {"rank1_generalised", "failure_to_acquire"} <= rates <= set(RATES)
    assert set(table["dataset"]) == {"smoke"}
    rows = set(zip(table["method"], table["condition"], strict=True))
    methods, conditions = ("chance", "gei", "gaittake"), ("nm", "bg", "cl")
    assert rows == {(method, condition) for method in methods for condition in conditions}
    for column in ("036", "090", "mean"):
        assert table[column].str.fullmatch(r"\d{1,3}\.\d\d").all()
        assert table[column].astype(float).between(0, 100).all()


def test_the_numbers_say_that_they_are_synthetic_and_where_they_come_from(
    finished: Project,
) -> None:
    metrics = json.loads((finished.folder / "results/smoke/gaittake/metrics.json").read_text())
    assert metrics["synthetic"] is True
    assert metrics["provenance"]["data_digest"] not in ("", "None")
    quality = json.loads((finished.folder / "results/smoke/pose/quality.json").read_text())
    assert quality["student_against_truth"]["frames"] > 0


def test_a_second_run_has_nothing_to_do(finished: Project) -> None:
    assert finished.planned() == set()


def test_touching_every_file_of_the_project_runs_nothing(project: Project) -> None:
    for folder in ("workflow", "profiles", "envs", "config", "gaittake"):
        for path in (project.folder / folder).rglob("*"):
            os.utime(path)
    os.utime(project.folder / "Snakefile")
    assert project.planned() == set()


def test_comments_docstrings_and_formatting_run_nothing(project: Project) -> None:
    for path in (project.folder / "gaittake").rglob("*.py"):
        lines = path.read_text().splitlines()
        docstring = lines[0].startswith('"""') and lines[0].endswith('"""')
        lines[0] = '"""Said otherwise."""' if docstring else lines[0]
        path.write_text("\n\n# A comment.\n" + "\n".join(lines) + "\n\n\n# And another.\n")
    assert project.planned() == set()


def test_an_edit_of_the_evaluation_runs_evaluation_alone(project: Project) -> None:
    project.add_code("evaluation/cross_view.py")
    assert project.planned() == EVALUATED


def test_an_edit_of_the_comparison_runs_it_alone(project: Project) -> None:
    project.add_code("evaluation/compare.py")
    assert project.planned() == {"compare"}


def test_an_edit_of_the_embedding_embeds_and_evaluates(project: Project) -> None:
    project.add_code("evaluation/embed.py")
    assert project.planned() == EMBEDDED


def test_an_edit_of_a_network_never_runs_a_pose_stage(project: Project) -> None:
    project.add_code("models/attention.py")
    jobs = project.planned()
    assert jobs == EMBEDDED | {"train gaittake"}
    assert not [job for job in jobs if job.startswith(POSE)]


def test_a_training_of_edited_code_starts_anew(project: Project) -> None:
    weights = "results/smoke/gaittake/weights.safetensors"
    project.add_code("models/attention.py")
    code, said = project.snakemake("--cores", "2", weights)
    assert code == 0, said
    log = (project.folder / "results/smoke/logs/train/gaittake.log").read_text()
    assert "other settings, data or code" in log
    assert "train 6/6 steps" in log


def test_an_edit_of_the_quality_measure_runs_it_and_the_table(project: Project) -> None:
    project.add_code("pose/quality.py")
    assert project.planned() == {"quality", "compare"}


def test_a_change_of_training_runs_what_follows_of_the_methods_that_learn(
    project: Project,
) -> None:
    follows = {"train gaittake", "embed gaittake", "evaluate gaittake", "compare"}
    assert project.planned("--config", "set=train.learning_rate=0.01") == follows


def test_a_change_of_one_method_leaves_the_others_alone(project: Project) -> None:
    with (project.folder / "config" / "smoke.yaml").open("a") as settings:
        settings.write("methods: {gei: {network: gei}, gaittake: {}, max: {model: {}}}\n")
    new = {"train max", "embed max", "evaluate max", "compare"}
    assert project.planned() == new
    project.edit("config/smoke.yaml", "gaittake: {}, max", "gaittake: {train: {steps: 7}}, max")
    changed = {"train gaittake", "embed gaittake", "evaluate gaittake"}
    assert project.planned() == new | changed


def test_two_numbers_that_change_places_are_seen(project: Project) -> None:
    swapped = "set=train.frames=6 train.steps=8"  # they were 8 and 6
    assert "train gaittake" in project.planned("--config", swapped)


def test_an_added_subject_runs_its_own_shard_alone(project: Project) -> None:
    project.edit("config/smoke.yaml", "subjects: 8", "subjects: 9")
    project.edit("config/smoke.yaml", "[005..008]", "[005..009]")
    jobs = project.planned()
    by_shard = {f"{rule} test-001" for rule in ("render", "index", "predict", "cache")}
    assert {job for job in jobs if "-00" in job} == by_shard
    assert jobs - by_shard == EMBEDDED | {"quality", "merge", "check", "survey", "train gaittake"}


def test_a_new_index_runs_the_shards_that_it_changes(project: Project) -> None:
    index = ("--cores", "2", TARGET, "--forcerun", "index", "--until", "index")
    code, said = project.snakemake(*index)
    assert code == 0, said
    assert project.planned() == set()
    data = project.folder / "results/smoke/data"
    shutil.rmtree(data / "test-000/silhouettes/005/nm-01/036")
    code, said = project.snakemake(*index)
    assert code == 0, said
    assert "check" in project.planned()  # what follows a check is known when it has run
    code, said = project.snakemake("--cores", "2", TARGET)
    assert code == 0, said
    jobs = set(started(said))
    assert {job for job in jobs if "-00" in job} == {"predict test-000", "cache test-000"}
    assert not jobs & {"teacher", "finetune"}


def test_a_killed_run_continues_where_it_was(project: Project) -> None:
    longer = ("--config", "set=train.steps=60 train.checkpoint_every=5")
    checkpoint = project.folder / "results/smoke/gaittake/checkpoints/last.pt"
    checkpoint.unlink()
    running = project.start("--cores", "2", TARGET, *longer)
    deadline = time.monotonic() + 300
    while not checkpoint.exists() and time.monotonic() < deadline:
        assert running.poll() is None, running.communicate()[0]
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert checkpoint.exists()
    assert not (project.folder / "results/smoke/gaittake/weights.safetensors").exists()
    code, said = project.snakemake("--cores", "2", TARGET, *longer)
    assert code == 1
    assert "--unlock" in said
    assert project.snakemake("--unlock", TARGET, *longer)[0] == 0
    code, said = project.snakemake("--cores", "2", TARGET, *longer)
    assert code == 0, said
    log = (project.folder / "results/smoke/logs/train/gaittake.log").read_text()
    assert "continuing from" in log
    assert project.planned(*longer) == set()


def test_a_stage_that_fails_shows_its_one_line(project: Project) -> None:
    (project.folder / "results/smoke/cache.h5").write_bytes(b"cut off")
    code, said = project.snakemake("--cores", "2", TARGET, "--forcerun", "train")
    assert code == 1
    lines = [line for line in said.splitlines() if "gaittake: error:" in line]
    assert lines
    assert "results/smoke/cache.h5: not a readable HDF5 file" in lines[0]
    assert "Traceback" not in said
