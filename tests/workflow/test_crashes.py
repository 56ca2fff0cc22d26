"""Runs that were killed at any moment end with the same numbers, once they are started again.

`GAITTAKE_KILLS=25 pytest tests/workflow/test_crashes.py -s` kills more often, and shows where.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gaittake.io.ragged import open_ragged
from tests.workflow.project import TARGET, Project, fresh_project

pytestmark = pytest.mark.whole_run
KILLS = int(os.environ.get("GAITTAKE_KILLS", "3"))
STAGES = ("render", "pseudo_label", "finetune", "predict", "cache", "train", "embed", "evaluate")
LONGEST = 8.0  # seconds of a stage until it is killed: its start takes half of them
CORES = ("--cores", "2")
LONG = ("--config", "set=train.steps=400 train.checkpoint_every=400")
WEIGHTS = "results/smoke/gaittake/weights.pt"
LOCK = "results/smoke/gaittake/checkpoints/lock"


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The smoke dataset, never killed."""
    project = fresh_project(tmp_path_factory.mktemp("unbroken") / "project")
    code, said = project.snakemake(*CORES, TARGET)
    assert code == 0, said
    return project


@pytest.fixture
def project(unbroken: Project, tmp_path: Path) -> Project:
    """A copy of the finished run that has still to train."""
    copied = unbroken.copy(tmp_path / "project")
    (copied.folder / WEIGHTS).unlink()
    (copied.folder / LOCK).with_name("last.pt").unlink()
    (copied.folder / LOCK).unlink()
    return copied


def plan(generator: random.Random) -> list[str]:
    """Returns the stages to kill in, in the order of the pipeline: all, if the kills suffice."""
    few = generator.sample(range(len(STAGES)), min(KILLS, len(STAGES)))
    return [STAGES[index] for index in sorted((few * KILLS)[:KILLS])]


def kill_in(project: Project, stage: str, delay: float) -> list[str]:
    """Runs the pipeline, kills all of it so long after a stage's start; returns what was running.

    A stage that is done already is made once more.
    """
    while True:
        process = project.start(*CORES, TARGET, "--forcerun", stage)
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.removeprefix("local") == f"rule {stage}:\n":
                time.sleep(delay)
                os.killpg(process.pid, signal.SIGKILL)
                said += process.communicate()[0]
                return running(said)
        assert process.wait() == 1, said
        unlock(project, said)


def running(said: str) -> list[str]:
    """Returns the rules that had started and not ended, by what Snakemake said."""
    jobs = re.findall(r"^(?:local)?rule (\w+):\n(?:    .*\n)*?    jobid: (\d+)\n", said, re.M)
    ended = set(re.findall(r"^Finished jobid: (\d+)", said, re.M))
    return [rule for rule, job in jobs if job not in ended]


def unlock(project: Project, said: str) -> None:
    """Does what Snakemake's message asks for, and nothing else."""
    assert "--unlock" in said, said
    assert project.snakemake("--unlock", TARGET)[0] == 0


def finish(project: Project, *arguments: str) -> str:
    """Starts the run again until it ends, and returns what it said."""
    code, said = project.snakemake(*CORES, *arguments)
    if code:
        unlock(project, said)
        code, said = project.snakemake(*CORES, *arguments)
    assert code == 0, said
    return said


def bytes_of(path: Path) -> Any:
    return path.read_bytes()


def arrays_of(path: Path) -> Any:
    """Returns all that an HDF5 file of the pipeline holds."""
    kind = {"cache": "cache", "embeddings": "embeddings"}.get(path.stem, path.parent.name)
    with open_ragged(path, kind=kind) as opened:
        arrays = {name: opened.read(name).tobytes() for name in opened.arrays}
        return arrays, opened.sequences.to_csv(), str(sorted(opened.attributes.items()))


def numbers_of(path: Path) -> Any:
    """Returns what was measured, without where and when."""
    metrics = json.loads(path.read_text())
    del metrics["provenance"]
    return metrics


RESULTS: dict[str, Callable[[Path], Any]] = {
    "results/smoke_rank1.csv": bytes_of,
    "results/smoke_rank1.md": bytes_of,
    "results/smoke/sequences.csv": bytes_of,
    "results/smoke/rejects.csv": bytes_of,
    "results/smoke/gei/rank1.csv": bytes_of,
    "results/smoke/gaittake/rank1.csv": bytes_of,
    "results/smoke/gaittake/probes.csv": bytes_of,
    "results/smoke/gaittake/metrics.json": numbers_of,
    "results/smoke/pose/quality.json": bytes_of,
    "results/smoke/pose/teacher.pt": bytes_of,
    "results/smoke/pose/student.pt": bytes_of,
    WEIGHTS: bytes_of,
    "results/smoke/pose/pseudo_labels/train-000.h5": arrays_of,
    "results/smoke/pose/keypoints/test-000.h5": arrays_of,
    "results/smoke/cache.h5": arrays_of,
    "results/smoke/gei/embeddings.h5": arrays_of,
    "results/smoke/gaittake/embeddings.h5": arrays_of,
}


def test_a_run_killed_at_random_moments_ends_with_the_same_numbers(
    unbroken: Project, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    generator = random.Random(seed)
    print(f"\nseed {seed}, {KILLS} kills")
    project = fresh_project(tmp_path / "project")
    for stage in plan(generator):
        delay = generator.uniform(0, LONGEST)
        found = kill_in(project, stage, delay)
        print(f"{stage} + {delay:.2f} s: killed {', '.join(found) or 'between two jobs'}")
    finish(project, TARGET)
    for name, read in RESULTS.items():
        assert read(project.folder / name) == read(unbroken.folder / name), (name, seed)
    assert not list((project.folder / "results").rglob(".*.tmp*"))
    assert project.planned() == set()


def train_by_hand(project: Project) -> "subprocess.Popen[str]":
    """Starts a training and returns when it computes."""
    arguments = ["train", "smoke", "--method", "gaittake", "--threads", "1"]
    for changed in LONG[1].removeprefix("set=").split():
        arguments += ["--set", changed]
    process = subprocess.Popen(
        [sys.executable, "-m", "gaittake", *arguments],
        cwd=project.folder,
        env=os.environ | {"PYTHONPATH": str(project.folder)},
        stderr=subprocess.PIPE,
        text=True,
    )
    trainer(project)
    return process


def trainer(project: Project, patience: float = 120) -> int:
    """Waits for a training to hold its lock, and returns its process id."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        path = project.folder / LOCK
        held = re.match(r"process (\d+) on .+", path.read_text() if path.exists() else "")
        if held:
            return int(held[1])
        time.sleep(0.05)
    raise TimeoutError(f"no training within {patience} s")


def test_sigterm_saves_within_ten_seconds_and_asks_for_a_restart(project: Project) -> None:
    process = train_by_hand(project)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    since = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - since < 10
    assert process.returncode == 143, said
    assert "progress is saved" in said
    state = torch.load((project.folder / LOCK).with_name("last.pt"), weights_only=True)["state"]
    assert 0 < state["step"] < 400


def test_a_stage_that_got_sigterm_continues_by_retries(project: Project) -> None:
    shorter = ("--config", "set=train.steps=60 train.checkpoint_every=60")
    process = project.start(*CORES, WEIGHTS, "--retries", "1", *shorter)
    pid = trainer(project)
    time.sleep(0.3)
    os.kill(pid, signal.SIGTERM)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "Trying to restart" in said
    log = (project.folder / "results/smoke/logs/train/gaittake.log").read_text()
    assert "continuing from" in log


def test_a_training_that_outlived_its_snakemake_is_not_joined_by_another(project: Project) -> None:
    first = project.start(*CORES, WEIGHTS, *LONG)
    pid = trainer(project)
    os.kill(first.pid, signal.SIGKILL)
    try:
        first.wait()
        unlock(project, project.snakemake(*CORES, WEIGHTS, *LONG)[1])
        code, said = project.snakemake(*CORES, WEIGHTS, *LONG)
        assert code == 1
        assert f"process {pid}" in said
        assert "trains here already (it may have outlived its Snakemake)" in said
    finally:
        os.killpg(first.pid, signal.SIGKILL)


def test_two_runs_at_once_are_told_apart(project: Project) -> None:
    first = project.start(*CORES, WEIGHTS, *LONG)
    try:
        trainer(project)
        code, said = project.snakemake(*CORES, TARGET)
        assert code == 1
        assert "Directory cannot be locked" in said
        assert first.poll() is None
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
