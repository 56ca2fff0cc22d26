"""Runs that were killed at any moment end with the same numbers, once they are started again.

`GAITTAKE_KILLS=25 pytest tests/workflow/test_crashes.py -s` kills more often, and shows where.
"""

import json
import os
import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaittake.io.ragged import open_ragged
from tests.workflow.project import TARGET, Project, fresh_project

pytestmark = pytest.mark.whole_run
KILLS = int(os.environ.get("GAITTAKE_KILLS", "3"))
STAGES = (
    *("render", "teacher", "pseudo_label", "finetune", "predict"),
    *("cache", "train", "embed", "evaluate"),
)
CORES = ("--cores", "2")
WEIGHTS = "results/smoke/gaittake/weights.safetensors"


def plan(generator: random.Random) -> list[str]:
    """Returns the stages to kill in, in the order of the pipeline: all, if the kills suffice."""
    few = generator.sample(range(len(STAGES)), min(KILLS, len(STAGES)))
    return [STAGES[index] for index in sorted((few * KILLS)[:KILLS])]


def seconds_of(project: Project, stage: str) -> float:
    """Returns how long a stage took in a finished run, the longest of its jobs."""
    tables = (project.folder / "results/smoke/benchmarks").rglob("*.tsv")
    jobs = [path for path in tables if stage in (path.stem, path.parent.name)]
    return max(float(path.read_text().splitlines()[1].split()[0]) for path in jobs)


def kill_in(project: Project, stage: str, delay: float) -> list[str]:
    """Runs the pipeline, kills all of it so long after a stage's start; returns what was running.

    A stage that is done already is made once more.
    """
    process = project.start(*CORES, TARGET, "--forcerun", stage)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.removeprefix("local") == f"rule {stage}:\n":
            time.sleep(delay)
            os.killpg(process.pid, signal.SIGKILL)
            return running(said + process.communicate()[0])
    raise AssertionError(said)


def running(said: str) -> list[str]:
    """Returns the rules that had started and not ended, by what Snakemake said."""
    jobs = re.findall(r"^(?:local)?rule (\w+):\n(?:    .*\n)*?    jobid: (\d+)\n", said, re.M)
    ended = set(re.findall(r"^Finished jobid: (\d+)", said, re.M))
    return [rule for rule, job in jobs if job not in ended]


def unlock(project: Project) -> None:
    """Does what Snakemake's message asks for when a killed run is started again, nothing else."""
    assert project.snakemake("--unlock", TARGET)[0] == 0


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
        delay = generator.uniform(0, seconds_of(unbroken, stage))
        found = kill_in(project, stage, delay)
        unlock(project)
        print(f"{stage} + {delay:.2f} s: killed {', '.join(found) or 'between two jobs'}")
    code, said = project.snakemake(*CORES, TARGET)
    assert code == 0, said
    for name, read in RESULTS.items():
        assert read(project.folder / name) == read(unbroken.folder / name), (name, seed)
    assert not list((project.folder / "results").rglob(".*.tmp*"))
    assert project.planned() == set()
