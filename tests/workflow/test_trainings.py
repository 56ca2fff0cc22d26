"""Trainings that a scheduler stops, that outlive their Snakemake, or that are started twice."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from tests.workflow.project import TARGET, Project

pytestmark = pytest.mark.whole_run
CORES = ("--cores", "2")
STEPS = 400
LONG = ("--config", f"set=train.steps={STEPS} train.checkpoint_every={STEPS}")
WEIGHTS = "results/smoke/gaittake/weights.safetensors"


class Training(NamedTuple):
    """A stage that trains: its command, its section of the settings, its checkpoints."""

    command: tuple[str, ...]
    section: str
    checkpoints: str


TRAININGS = {
    "teacher": Training(("teacher",), "pose.teacher", "pose/checkpoints/teacher"),
    "finetune": Training(("finetune",), "pose.finetune", "pose/checkpoints/student"),
    "train": Training(("train", "--method", "gaittake"), "train", "gaittake/checkpoints"),
}


@pytest.fixture
def project(unbroken: Project, tmp_path: Path) -> Project:
    """A copy of the finished run that has still to train."""
    copied = unbroken.copy(tmp_path / "project")
    (copied.folder / WEIGHTS).unlink()
    for training in TRAININGS.values():
        for name in ("last.pt", "lock"):
            (copied.folder / "results/smoke" / training.checkpoints / name).unlink()
    return copied


def by_hand(project: Project, training: Training) -> "subprocess.Popen[str]":
    """Starts a training that saves nothing by itself for long."""
    command, *options = training.command
    for name in ("steps", "checkpoint_every"):
        options += ["--set", f"{training.section}.{name}={STEPS}"]
    return subprocess.Popen(
        [sys.executable, "-m", "gaittake", command, "smoke", *options, "--threads", "1"],
        cwd=project.folder,
        env=os.environ | {"PYTHONPATH": str(project.folder)},
        stderr=subprocess.PIPE,
        text=True,
    )


def trainer(project: Project, training: Training, patience: float = 120) -> int:
    """Waits for a training to hold its lock, and returns its process id."""
    path = project.folder / "results/smoke" / training.checkpoints / "lock"
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        held = re.match(r"process (\d+) on .+", path.read_text() if path.exists() else "")
        if held:
            return int(held[1])
        time.sleep(0.05)
    raise TimeoutError(f"no training within {patience} s")


@pytest.mark.parametrize("name", TRAININGS)
def test_sigterm_saves_within_ten_seconds_and_the_next_start_continues(
    project: Project, name: str
) -> None:
    training = TRAININGS[name]
    process = by_hand(project, training)
    trainer(project, training)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    since = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - since < 10
    assert process.returncode == 143, said
    assert "progress is saved" in said
    last = project.folder / "results/smoke" / training.checkpoints / "last.pt"
    assert 0 < torch.load(last, weights_only=True)["state"]["step"] < STEPS
    again = by_hand(project, training)
    assert again.stderr is not None
    assert any("continuing from" in line for line in again.stderr)
    again.kill()
    again.communicate()


def test_a_stage_that_got_sigterm_continues_by_retries(project: Project) -> None:
    shorter = ("--config", "set=train.steps=60 train.checkpoint_every=60")
    process = project.start(*CORES, WEIGHTS, "--retries", "1", *shorter)
    pid = trainer(project, TRAININGS["train"])
    time.sleep(0.3)
    os.kill(pid, signal.SIGTERM)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "Trying to restart" in said
    log = (project.folder / "results/smoke/logs/train/gaittake.log").read_text()
    assert "continuing from" in log


def test_a_training_that_outlived_its_snakemake_is_not_joined_by_another(project: Project) -> None:
    first = project.start(*CORES, WEIGHTS, *LONG)
    pid = trainer(project, TRAININGS["train"])
    os.kill(first.pid, signal.SIGKILL)
    try:
        first.wait()
        code, said = project.snakemake(*CORES, WEIGHTS, *LONG)
        assert code == 1
        assert "--unlock" in said  # the printed message leads there
        assert project.snakemake("--unlock", WEIGHTS, *LONG)[0] == 0
        code, said = project.snakemake(*CORES, WEIGHTS, *LONG)
        assert code == 1
        assert f"process {pid}" in said
        assert "trains here already (it may have outlived its Snakemake)" in said
    finally:
        os.killpg(first.pid, signal.SIGKILL)


def test_two_runs_at_once_are_told_apart(project: Project) -> None:
    first = project.start(*CORES, WEIGHTS, *LONG)
    try:
        trainer(project, TRAININGS["train"])
        code, said = project.snakemake(*CORES, TARGET)
        assert code == 1
        assert "Directory cannot be locked" in said
        assert first.poll() is None
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
