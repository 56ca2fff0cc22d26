"""The whole workflow, without training, on a dataset of OU-MVLP's shape: times, memory, disk.

    python benchmarks/oumvlp_shape.py [--people 10307] [--folder kept]

Folders like OU-MVLP's: 10,307 people, 14 views, two sequences of two tiny silhouettes each, 268,000
sequences. Snakemake indexes and caches them, embeds the test people with GEI (which needs no
training), evaluates all 196 pairs of views and writes the report; then it runs again with nothing
to do. This takes 393,000 inodes, 2 GB and 20 minutes. `--folder` keeps the folder; another run
resumes there, and its table has the CPU time of both.

A person is an ellipse of a head, one of a body and two legs, with proportions drawn by chance.
Rank-1 says how far the drawings differ, nothing about gait or people.

CPU seconds and peak memory of each stage are the kernel's counts at the end of its processes;
Snakemake's own `benchmarks/*.tsv` are samples and lack what a job did after the last one.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from growth import METER
from sequences import REPOSITORY, machine
from size import OUMVLP_VIEWS, PEOPLE, oumvlp_walks

NAME = "oumvlp_shape"
TARGETS = [f"results/{NAME}_rank1.csv", f"results/{NAME}_report.html"]
SIDES = (1.0, 0.85, 0.7, 0.55)  # width of a figure in groups of views
STRIDES = (2, 6, 10)  # pixels between the legs; sequence 00 has the first two, 01 the last two
STARTED = re.compile(r"(?:local)?(?:rule|checkpoint) (\w+):")
STAGES = ("index", "check", "cache", "merge", "survey", "embed", "evaluate", "compare", "report")
FINE = 4  # drawn larger, so that two people hardly ever have equal silhouettes
# Files of the results by what they are, the first that fits.
KINDS = {
    "sequences' tables (index/*.csv, sequences.csv)": r"index/.*\.csv|sequences\.csv",
    "the shards' caches (cache/*.h5)": r"cache/.*\.h5",
    "cache.h5": r"cache\.h5",
    "embeddings.h5": r"gei/embeddings\.h5",
    "probes.csv": r"gei/probes\.csv",
    "metrics.json, rank1.csv": r"gei/(metrics\.json|rank1\.csv)",
    "rejects": r".*rejects\.csv",
    "logs and benchmarks": r"(logs|benchmarks)/.*",
    "report": r".*_report\.html",
    "other": r".*",
}
Image = npt.NDArray[np.uint8]


class Ran(NamedTuple):
    """A run of Snakemake: seconds in all, CPU seconds with all jobs, Snakemake's MB, its lines."""

    wall: float
    cpu: float
    megabytes: float
    lines: list[tuple[float, str]]


def main() -> None:
    """Makes the folders, runs the workflow twice and prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=PEOPLE, help="an odd number")
    parser.add_argument("--folder", type=Path, help="keep the run here")
    asked = parser.parse_args()
    if asked.people % 2 == 0:
        parser.error(f"--people {asked.people}: an odd number is needed, as OU-MVLP's 10307")
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.folder or Path(temporary)).resolve()
        write_project(folder, asked.people)
        begun = time.perf_counter()
        count = link_people(folder / "data" / "oumvlp", asked.people)
        took = time.perf_counter() - begun
        print(f"{asked.people:,} people, {count:,} sequences: folders in {took:.0f} s", flush=True)
        first = snakemake(folder, "--cores", "2")
        print_stages(folder)
        print_snakemake(first, pd.read_csv(folder / "costs.csv", names=["stage", "cpu", "peak"]))
        again = snakemake(folder, "--dry-run")
        assert any("Nothing to be done" in line for _, line in again.lines), again.lines
        print(f"| `snakemake -n`, nothing to do | {again.wall:.0f} s, {again.megabytes:.0f} MB |")
        print_disk(folder / "results")
        print(f"\nrank-1 of the drawings, which means nothing: {rank_1(folder)}")


def write_project(folder: Path, people: int) -> None:
    """Writes the dataset's settings, OU-MVLP's but for the methods, and what counts CPU time."""
    settings = yaml.safe_load((REPOSITORY / "config" / "oumvlp.yaml").read_text())
    last = people - 2
    settings["protocol"] |= {
        "train_subjects": [f"00001..{last:05d}..2"],
        "test_subjects": [f"00002..{last + 1:05d}..2", f"{people:05d}"],
    }
    settings |= {
        "pose": {"keypoints": "none"},
        "methods": {"gei": {"network": "gei"}},
    }
    (folder / "config").mkdir(parents=True, exist_ok=True)
    (folder / "config" / f"{NAME}.yaml").write_text(yaml.safe_dump(settings))
    (folder / "sitecustomize.py").write_text(METER)


def link_people(root: Path, people: int) -> int:
    """Creates the sequences as hard links to each person's drawings; returns their number."""
    walks = list(oumvlp_walks(people))
    if (root / walks[-1]).is_dir():
        return len(walks)  # of an earlier run
    drawings = root.parent / "drawings"
    drawings.mkdir(parents=True, exist_ok=True)
    for subject in range(1, people + 1):
        for place, image in enumerate(figures(subject)):
            cv2.imwrite(str(drawings / f"{subject:05d}-{place}.png"), image)
    for walk in walks:
        top, subject_name = walk.split("/")
        view, number = (int(part) for part in top.removeprefix("Silhouette_").split("-"))
        (root / walk).mkdir(parents=True)
        side = OUMVLP_VIEWS.index(view) % 7 // 2
        for frame in (0, 1):
            place = side * len(STRIDES) + number + frame
            link = root / walk / f"{frame + 1:04d}.png"
            os.link(drawings / f"{subject_name}-{place}.png", link)
    return len(walks)


def figures(subject: int) -> Iterator[Image]:
    """Yields a person's drawings `[64, 64]`: of each side, each stride."""
    generator = np.random.default_rng(subject)
    head, neck, body, hips, leg = generator.uniform((3, 9, 5, 30, 2), (6, 14, 12, 40, 5))
    middle, half = (neck + hips) / 2, (hips - neck) / 2 + 2
    for side in SIDES:
        for stride in STRIDES:
            image = np.zeros((64 * FINE, 64 * FINE), dtype=np.uint8)
            cv2.circle(image, fine(32, 7), round(FINE * head), 255, -1)
            cv2.ellipse(image, fine(32, middle), fine(body * side, half), 0, 0, 360, 255, -1)
            for foot in (-stride, stride):
                ends = fine(32, hips - 2), fine(32 + foot * side, 62)
                cv2.line(image, *ends, 255, round(FINE * leg))
            small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
            yield np.where(small > 127, 255, 0).astype(np.uint8)


def fine(x: float, y: float) -> tuple[int, int]:
    """Returns a place or two lengths in pixels of the larger image that is drawn first."""
    return round(FINE * x), round(FINE * y)


def snakemake(folder: Path, *options: str) -> Ran:
    """Runs Snakemake in the folder; each of its lines gets the seconds since the start."""
    command = [sys.executable, "-m", "snakemake", *options, *TARGETS]
    command += ["--snakefile", str(REPOSITORY / "Snakefile")]
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    meter = {"COSTS": str(folder / "costs.csv"), "PYTHONPATH": os.pathsep.join(paths)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | meter,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines, megabytes = [], 0.0
    for line in process.stdout:
        lines.append((time.perf_counter() - begun, line.rstrip()))
        megabytes = max(megabytes, peak_megabytes(process.pid))
    wall = time.perf_counter() - begun
    text = "\n".join(f"{seconds:8.1f} {line}" for seconds, line in lines)
    (folder / "snakemake.txt").write_text(text)
    if process.wait():
        sys.exit(f"the workflow failed; the end of what it said:\n{text[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(wall, cpu, megabytes, lines)


def peak_megabytes(process: int) -> float:
    """Returns the peak memory of a running process so far; 0 once it has ended."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def print_stages(folder: Path) -> None:
    """Prints a row for each stage."""
    costs = pd.read_csv(folder / "costs.csv", names=["stage", "cpu", "peak"])
    print("\n| stage | jobs | wall time of each, s | of all, s | CPU time of all, s | peak, MB |")
    print("|---|---:|---:|---:|---:|---:|")
    benchmarks = folder / "results" / NAME / "benchmarks"
    for stage in STAGES:
        tables = [*benchmarks.glob(f"{stage}.tsv"), *benchmarks.glob(f"{stage}/*.tsv")]
        walls = [float(pd.read_csv(table, sep="\t")["s"].iloc[0]) for table in tables]
        used = costs[costs["stage"] == stage]
        print(
            f"| {stage} | {len(walls)} | {min(walls):.0f}–{max(walls):.0f} | {sum(walls):,.0f} | "
            f"{used['cpu'].sum():,.0f} | {used['peak'].max():,.0f} |",
            flush=True,
        )


def print_snakemake(ran: Ran, costs: pd.DataFrame) -> None:
    """Prints what the whole run took, and Snakemake's share of it."""
    starts = [seconds for seconds, line in ran.lines if STARTED.fullmatch(line)]
    jobs = costs["cpu"].sum()
    print("\n| the whole run | |\n|---|---:|")
    print(f"| wall time | {ran.wall:,.0f} s |")
    print(f"| CPU time, with all jobs | {ran.cpu:,.0f} s |")
    print(f"| CPU time of Snakemake and shells | {ran.cpu - jobs:,.0f} s |")
    print(f"| from the start to the first job | {min(starts):.1f} s |")
    print(f"| from the checkpoint's end to the next job | {after_check(ran.lines):.1f} s |")
    print(f"| Snakemake's peak memory | {ran.megabytes:.0f} MB |", flush=True)


def after_check(lines: list[tuple[float, str]]) -> float:
    """Returns the seconds between the end of the checkpoint and the start of another job."""
    ended = next(s for s, line in lines if re.fullmatch(r"Finished.*check\)", line))
    return next(s for s, line in lines if s > ended and STARTED.fullmatch(line)) - ended


def print_disk(results: Path) -> None:
    """Prints the number and size of the files of each kind."""
    files = [path for path in results.rglob("*") if path.is_file()]
    named = sorted((kind_of(path.relative_to(results).as_posix()), path) for path in files)
    print("\n| files | number | MB |\n|---|---:|---:|")
    for kind, paths in groupby(named, key=lambda item: item[0]):
        sizes = [path.stat().st_size for _, path in paths]
        print(f"| {list(KINDS)[kind]} | {len(sizes)} | {sum(sizes) / 1e6:,.1f} |", flush=True)


def kind_of(path: str) -> int:
    """Returns the place of a file's kind in KINDS."""
    within = path.removeprefix(f"{NAME}/")
    return next(n for n, form in enumerate(KINDS.values()) if re.fullmatch(form, within))


def rank_1(folder: Path) -> str:
    """Returns the row of the table."""
    return (folder / TARGETS[0]).read_text().strip().splitlines()[-1]


if __name__ == "__main__":
    main()
