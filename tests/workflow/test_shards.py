"""A shard's job loads its model once; one that fails is made again alone."""

import os
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
import torch

from gaittake.io.ragged import open_ragged
from gaittake.pose import predict, pseudo_label
from gaittake.pose.detector import load_detector
from gaittake.settings import Detector, load_settings
from tests.jobs import stage_settings
from tests.workflow.project import Project, started
from tests.workflow.slurm.one_node import one_node
from tests.workflow.test_slurm import ON_CPU, QUICK, SLURM, SMALL, WHY_NOT, megabytes, submitted

pytestmark = pytest.mark.whole_run
SHARDS = ("train-000", "test-000")
KEYPOINTS = [f"results/smoke/pose/keypoints/{shard}.h5" for shard in SHARDS]


@pytest.fixture
def project(unbroken: Project, tmp_path: Path) -> Project:
    """A copy of the finished run that has still to predict."""
    copied = unbroken.copy(tmp_path / "project")
    for name in KEYPOINTS:
        (copied.folder / name).unlink()
    return copied


def kill_job(project: Project, shard: str, patience: float = 180) -> None:
    """Waits for the job that predicts a shard, and kills it, as a node without memory does."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        for process in Path("/proc").glob("[0-9]*"):
            if predicts(process, project, shard):
                os.kill(int(process.name), signal.SIGKILL)
                while predicts(process, project, shard):
                    time.sleep(0.01)
                return
        time.sleep(0.02)
    raise TimeoutError(f"no job for {shard} within {patience} s")


def predicts(process: Path, project: Project, shard: str) -> bool:
    """Tells whether a process, by its folder in /proc, is the stage itself, not what started it."""
    try:
        words = (process / "cmdline").read_text().split("\0")
        here = (process / "cwd").resolve(strict=True) == project.folder.resolve()
    except OSError:  # it has ended
        return False
    return here and words[1:4] == ["-m", "gaittake", "predict"] and shard in words


def test_a_failed_shard_is_made_again_alone_in_the_same_run_and_in_the_next(
    project: Project,
) -> None:
    process = project.start("--cores", "2", *KEYPOINTS, "--retries", "1")
    kill_job(project, "test-000")
    kill_job(project, "test-000")
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 1, said
    assert Counter(started(said)) == {"predict train-000": 1, "predict test-000": 2}
    assert project.planned(KEYPOINTS[0], target=KEYPOINTS[1]) == {"predict test-000"}


@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
def test_on_slurm_a_failed_shard_is_retried_alone_with_more_memory(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The node's folder needs a short path: it holds a socket.
    with (
        tempfile.TemporaryDirectory(prefix="slurm") as made,
        one_node(Path(made) / "node", min_job_age=3600) as environment,
    ):
        for name in ("SLURM_CONF", "PATH"):
            monkeypatch.setenv(name, environment[name])
        process = project.start(*KEYPOINTS, *SLURM, *SMALL, *QUICK, *ON_CPU)
        kill_job(project, "test-000")
        said, _ = process.communicate(timeout=600)
        assert process.returncode == 0, said
        jobs = [(job["Comment"].rpartition("_")[2], megabytes(job)) for job in submitted()]
    assert sorted(jobs) == [("test-000", 2000), ("test-000", 4000), ("train-000", 2000)]


def test_a_job_of_many_sequences_loads_its_model_once(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: Counter[str] = Counter()

    def counted(path: Path, settings: Detector, **named: bool) -> torch.nn.Module:
        loads[path.name] += 1
        return load_detector(path, settings, **named)

    for stage in (pseudo_label, predict):
        monkeypatch.setattr(stage, "load_detector", counted)
    monkeypatch.chdir(project.folder)
    settings = load_settings(Path("config/smoke.yaml"))
    results, shard, cpu = Path("results/smoke"), "train-000", torch.device("cpu")
    index, rejects = results / f"index/{shard}.csv", tmp_path / "rejects.csv"
    predict.predict_keypoints(
        stage_settings(settings, "predict"),
        index=index,
        student=results / "pose/student.pt",
        out=tmp_path / "keypoints.h5",
        rejects=rejects,
        device=cpu,
    )
    pseudo_label.make_pseudo_labels(
        stage_settings(settings, "pseudo-label", shard="train-000"),
        index=index,
        teacher=results / "pose/teacher.pt",
        out=tmp_path / "labels.h5",
        rejects=rejects,
        device=cpu,
    )
    assert loads == {"teacher.pt": 1, "student.pt": 1}
    with open_ragged(tmp_path / "keypoints.h5", kind="keypoints") as keypoints:
        assert len(keypoints.sequences) == 80
