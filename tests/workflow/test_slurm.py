"""The whole pipeline through profiles/slurm, on a real Slurm of one node."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import write_cache
from tests.workflow.project import TARGET, Project, fresh_project
from tests.workflow.slurm.one_node import missing, one_node

PLUGIN = importlib.util.find_spec("snakemake_executor_plugin_slurm")
WHY_NOT = missing() or ("" if PLUGIN else "no Slurm plugin: pip install '.[pipeline,slurm]'")
pytestmark = [pytest.mark.whole_run, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

GPUS = len(list(Path("/dev").glob("nvidia[0-9]*")))
SLURM = ("--workflow-profile", "slurm")
# The node declares more cores than a test's machine has.
SMALL = ("--set-threads", "teacher=2", "finetune=2", "train=2", "embed=2")
QUICK = ("--jobs", "2", "--slurm-init-seconds-before-status-checks", "6", "--latency-wait", "10")
ONLY_TRAIN = ("--allowed-rules", "train")
# Of each rule: cores, memory in MB, minutes, partition.
REQUESTS = {
    "render": (1, 2000, 120, "main"),
    "teacher": (2, 8000, 240, "gpu"),
    "pseudo_label": (1, 2000, 480, "gpu"),
    "finetune": (2, 12000, 1440, "gpu"),
    "predict": (1, 2000, 480, "gpu"),
    "quality": (1, 4000, 60, "main"),
    "cache": (1, 2000, 240, "main"),
    "merge": (1, 4000, 240, "main"),
    "train": (2, 4000, 2880, "gpu"),
    "embed": (2, 4000, 240, "gpu"),
    "evaluate": (1, 8000, 60, "main"),
}
# The GPUs of the node are declared only.
ON_CPU = ("--config", "device=cpu")
LOCAL = {"index", "check", "survey", "compare"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: the name of a socket has 107 characters at most."""
    with tempfile.TemporaryDirectory(prefix="slurm") as made:
        yield Path(made)


@pytest.fixture
def slurm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Slurm that remembers every job of the test."""
    with one_node(folder / "node", min_job_age=3600) as environment:
        for name in ("SLURM_CONF", "PATH"):
            monkeypatch.setenv(name, environment[name])
        yield


@pytest.fixture
def project(folder: Path) -> Project:
    return fresh_project(folder / "project")


def submitted() -> list[dict[str, str]]:
    """Returns what Slurm says of every job, first submitted first."""
    shown = subprocess.run(
        ["scontrol", "show", "job", "--oneliner"], capture_output=True, text=True, check=True
    )
    lines = [line for line in shown.stdout.splitlines() if line.startswith("JobId=")]
    jobs = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines]
    return sorted(jobs, key=lambda job: int(job["JobId"]))


def rule_of(job: dict[str, str]) -> str:
    found = re.match(r"rule_(.+?)(_wildcards_.*)?$", job["Comment"])
    assert found, job["Comment"]
    return found[1]


def megabytes(job: dict[str, str]) -> int:
    """Returns the memory that a job was granted; Slurm counts in units of 1024."""
    found = re.search(r"mem=(\d+(?:\.\d+)?)([MG])", job["TRES"])
    assert found, job["TRES"]
    return round(float(found[1]) * (1024 if found[2] == "G" else 1))


def minutes(job: dict[str, str]) -> int:
    days, _, clock = job["TimeLimit"].rpartition("-")
    hours, minute, _ = clock.split(":")
    return int(days or 0) * 1440 + int(hours) * 60 + int(minute)


def test_the_whole_pipeline_runs_on_slurm_with_what_each_rule_asks_for(
    slurm: None, project: Project
) -> None:
    code, said = project.snakemake(TARGET, *SLURM, *SMALL, *QUICK, *ON_CPU)
    assert code == 0, said
    table = pd.read_csv(project.folder / TARGET)
    assert set(table["method"]) == {"chance", "gei", "gaittake"}
    jobs = submitted()
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert {rule_of(job) for job in jobs} == set(REQUESTS)  # and none of the small rules
    for job in jobs:
        cores, memory, time, partition = REQUESTS[rule_of(job)]
        found = (int(job["NumCPUs"]), megabytes(job), minutes(job), job["Partition"])
        assert found == (cores, memory, time, partition), rule_of(job)
        gpus = re.findall(r"gpu:(\d)", job.get("TresPerJob", ""))
        assert gpus == (["1"] if partition == "gpu" else []), rule_of(job)
    shards = [job["Comment"] for job in jobs if rule_of(job) == "predict"]
    assert len(shards) == 2
    local = set(re.findall(r"^local(?:rule|checkpoint) (\w+):", said, flags=re.MULTILINE))
    assert local == LOCAL
    assert project.planned() == set()  # the same run, seen from this machine


def test_a_failed_job_is_tried_again_with_more_memory(slurm: None, project: Project) -> None:
    (project.folder / "bad.pt").write_bytes(b"no weights")
    chosen = (*ON_CPU, "set=pose.teacher_weights=bad.pt")
    target = "results/smoke/pose/teacher.pt"
    code, said = project.snakemake(target, *SLURM, *SMALL, *QUICK, "--retries", "1", *chosen)
    assert code == 1
    assert "gaittake: error: bad.pt" in said, said
    tried = [job for job in submitted() if rule_of(job) == "teacher"]
    assert [megabytes(job) for job in tried] == [8000, 16000]


@pytest.mark.skipif(GPUS == 1, reason="two processes, and one GPU for both")
def test_a_training_on_two_gpus_is_two_processes_and_outlives_one_of_them(
    slurm: None, project: Project
) -> None:
    trained = results_with_cache(project)
    chosen = ("--set-resources", "train:gpu=2", "--retries", "1", "--verbose", *ONLY_TRAIN)
    set_ = "model.strips=4 train.steps=300 train.checkpoint_every=50 train.precision=float32"
    target = str(trained.relative_to(project.folder) / "weights.safetensors")
    process = project.start(target, *SLURM, *SMALL, *QUICK, *chosen, *ON_CPU, f"set={set_}")
    kill_the_second_process(trained / "checkpoints")
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    log = (project.folder / "results/smoke/logs/train/gaittake.log").read_text()
    assert "one of 2 processes" in log
    assert "continuing from" in log
    assert pd.read_csv(trained / "train.csv")["step"].iloc[-1] == 300
    jobs = [job for job in submitted() if rule_of(job) == "train"]
    assert [job["JobState"] for job in jobs] == ["FAILED", "COMPLETED"]
    for job in jobs:
        assert int(job["NumCPUs"]) == 2
        assert re.findall(r"gpu:(\d)", job["TresPerJob"]) == ["2"]
    assert [megabytes(job) for job in jobs] == [8000, 16000]
    calls = re.findall(r"sbatch .*rule_train.*", said)
    assert len(calls) == 2
    assert all(" --nodes=1 " in call for call in calls)


def test_a_job_that_was_given_a_gpu_and_finds_none_fails_at_once(
    slurm: None, project: Project
) -> None:
    trained = results_with_cache(project)
    target = str(trained.relative_to(project.folder) / "weights.safetensors")
    code, said = project.snakemake(target, *SLURM, *SMALL, *QUICK, "--retries", "0", *ONLY_TRAIN)
    assert code == 1
    assert "gaittake: error: --device cuda: PyTorch finds no GPU: " in said, said
    assert "snakemake --config device=cpu" in said


def test_too_little_gpu_memory_is_not_tried_again_with_more_memory(
    slurm: None, project: Project
) -> None:
    """The run's name, which the note of the first attempt holds, reaches the jobs of a cluster."""
    trained = results_with_cache(project)
    line = "    with joined(device) as group:\n"
    fails = '    raise torch.OutOfMemoryError("CUDA out of memory")\n'
    project.edit("gaittake/training/engine.py", line, fails + line)
    target = str(trained.relative_to(project.folder) / "weights.safetensors")
    retried = ("--retries", "1", *ONLY_TRAIN, *ON_CPU)
    code, said = project.snakemake(target, *SLURM, *SMALL, *QUICK, *retried)
    assert code == 1
    assert "(Not tried again in this run.)" in said, said
    tried = [job for job in submitted() if rule_of(job) == "train"]
    assert [megabytes(job) for job in tried] == [4000, 4000]


def results_with_cache(project: Project) -> Path:
    """Returns the folder of a training whose cache is made."""
    trained = project.folder / "results/smoke/gaittake"
    trained.mkdir(parents=True)
    write_cache(trained.with_name("cache.h5"))
    return trained


def kill_the_second_process(checkpoints: Path, patience: float = 300) -> None:
    """Waits until a training of two has saved something, and kills the one that does not lead."""
    deadline = time.monotonic() + patience
    while not (checkpoints / "last.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    leader = int((checkpoints / "lock").read_text().split()[1])
    status = Path(f"/proc/{leader}/status").read_text()
    parent = re.findall(r"^PPid:\s*(\d+)", status, re.M)[0]
    both = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    (second,) = {int(pid) for pid in both} - {leader}
    os.kill(second, signal.SIGKILL)


def test_without_an_accounting_database_sacct_is_refused_at_once(
    slurm: None, project: Project
) -> None:
    code, said = project.snakemake(TARGET, *SLURM, "--slurm-status-command", "sacct")
    assert code == 1
    assert "no accounting database" in said
    assert "slurm-status-command: squeue" in said
    assert submitted() == []


def test_a_slurm_that_forgets_its_jobs_at_once_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    with one_node(folder / "node", min_job_age=30) as environment:
        for name in ("SLURM_CONF", "PATH"):
            monkeypatch.setenv(name, environment[name])
        code, said = project.snakemake(TARGET, *SLURM)
    assert code == 1
    assert "forgets a job 30 s after its end" in said
    assert "MinJobAge=300" in said
    assert not (project.folder / "results" / "smoke" / "data").exists()


def test_the_node_leaves_nothing_running(folder: Path) -> None:
    with one_node(folder / "node"):
        pids = [path.read_text().strip() for path in (folder / "node").glob("*.pid")]
    assert len(pids) == 3
    states = [Path(f"/proc/{pid}/status") for pid in pids]
    running = [p for p in states if p.exists() and "State:\tZ" not in p.read_text()]
    assert running == []
    shutil.rmtree(folder / "node")  # nothing holds it
