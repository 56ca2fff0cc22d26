"""A copy of the project to run Snakemake in, and what Snakemake says there."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SOURCES = ("Snakefile", "workflow", "profiles", "envs", "config", "gaittake")
TARGET = "results/smoke_rank1.csv"
_JOB = re.compile(
    r"^(?:local)?(?:rule|checkpoint) (?P<rule>\w+):\n(?P<lines>(?:    .*\n)*)", flags=re.MULTILINE
)
_WILDCARD = re.compile(r"(?:shard|method)=([\w-]+)")


@dataclass(frozen=True)
class Project:
    """A working copy of the project."""

    folder: Path

    def copy(self, folder: Path) -> "Project":
        """Returns a copy with its results and Snakemake's memory of them, file times kept."""
        return Project(Path(shutil.copytree(self.folder, folder)))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts Snakemake in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=self.folder,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def snakemake(self, *arguments: str) -> tuple[int, str]:
        """Runs Snakemake to its end; returns its exit code and what it said."""
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=1200)
        return process.returncode, said

    def planned(self, *arguments: str, target: str = TARGET) -> set[str]:
        """Returns the jobs that a run would do: `compare`, `predict test-000`, `train gaittake`."""
        code, said = self.snakemake("--dry-run", "--cores", "2", target, *arguments)
        assert code == 0, said
        jobs = set(started(said))
        assert jobs or "Nothing to be done" in said, said
        return jobs

    def edit(self, name: str, old: str, new: str) -> None:
        """Replaces a text in a file that must hold it."""
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new))

    def add_code(self, name: str) -> None:
        """Adds a statement to a module of the package."""
        with (self.folder / "gaittake" / name).open("a") as module:
            module.write("\n\nADDED_BY_A_TEST = 1\n")


def started(said: str) -> list[str]:
    """Returns the jobs that Snakemake named, as often as it did: `compare`, `train gaittake`."""
    jobs = []
    for job in _JOB.finditer(said):
        wildcards = _WILDCARD.search(job["lines"])
        jobs.append(f"{job['rule']} {wildcards[1]}" if wildcards else job["rule"])
    return jobs


def fresh_project(folder: Path) -> Project:
    """Returns the project as a fresh clone has it: without results."""
    folder.mkdir()
    for name in SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*")
            )
        else:
            shutil.copy2(source, folder / name)
    return Project(folder)
