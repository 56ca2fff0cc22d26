"""Growth of time and memory with the number of subjects, and an estimate for full datasets.

    python benchmarks/growth.py [--subjects 8 16 32 64] [--tflops 30] [--folder kept]

Datasets of 8 to 64 rendered subjects, half of them for training, run through the whole workflow
with `--cores 1`. A subject has 4 sequences in 2 views, 20 frames of 240 x 320 each. The networks
are the small ones, the detector's input is 80 x 128 pixels, and each training takes a few steps:
its cost is steps x batch and does not depend on the number of subjects. All other stages process
every frame. Each half is one shard, so that all datasets have the same number of jobs.

CPU seconds and peak memory of each job are the kernel's counts at its end. The workflow's own
`benchmarks/*.tsv` have samples up to half a minute apart, too coarse on a busy machine.

The second part, see `full_size.py`, is an estimate for CASIA-B and OU-MVLP from the cost per
subject and from the multiply-accumulates of the paper's networks. Its GPU hours assume the rate
`--tflops`; no GPU is used or measured.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml
from full_size import Each, print_full_size
from sequences import REPOSITORY, machine

WALKS, VIEWS, FRAMES = 4, (36, 90), 20
SETTINGS = {
    "source": {"layout": "walkers"},
    "walkers": {
        "bodies": 2,
        "views": list(VIEWS),
        "normal": 2,
        "bag": 1,
        "coat": 1,
        "frames": FRAMES,
        "width": 320,
        "height": 240,
    },
    "pose": {
        "teacher_weights": "walkers",
        "teacher_people": 64,
        "boxes": "silhouette",
        "holdout_every": 4,
        "detector": {"backbone": "small", "min_size": 80, "max_size": 128},
        "teacher": {"steps": 4, "batch": 4},
        "finetune": {"steps": 4, "batch": 4},
        "pseudo_label": {"min_score": 0.0, "min_iou": 0.0},  # of an untrained teacher
    },
    "size": "small",
    "model": {
        "channels": [8, 16, 16, 16],
        "shrink": 2,
        "attention_input": "strips",
        "clip_length": 6,
    },
    "train": {
        "subjects_per_batch": 4,
        "sequences_per_subject": 2,
        "frames": 12,
        "steps": 6,
        "milestones": [4],
        "checkpoint_every": 6,
    },
}
# What each stage processes; trainings take the same steps for any number of subjects.
STAGES = {
    "render": "frames",
    "index": "sequences",
    "teacher": "steps",
    "pseudo-label": "training frames",
    "finetune": "steps",
    "predict": "frames",
    "quality": "frames",
    "cache": "frames",
    "merge": "frames",
    "survey": "sequences",
    "train": "steps",
    "embed": "test frames",
    "evaluate": "pairs of test sequences",
    "compare": "conditions",
    "report": "test sequences",
}
# Imported by each Python process: records CPU time and memory of a stage when it ends. VmHWM,
# because ru_maxrss includes the process before exec.
METER = """
import atexit, os, resource, sys

def note():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in used)
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    stage = "merge" if sys.orig_argv[4] == "merge" else sys.orig_argv[3]
    with open(os.environ["COSTS"], "a") as costs:
        costs.write(f"{stage},{seconds},{peak / 1024}\\n")

if sys.orig_argv[1:3] == ["-m", "gaittake"]:
    atexit.register(note)
"""
NOTICEABLE = 0.25  # share of the first cost; smaller growth is noise


class Growth(NamedTuple):
    """CPU seconds of a stage: constant part, part per subject, ratio of growths, kind of growth."""

    start: float
    subject: float
    ratio: float
    kind: str


def main() -> None:
    """Prints both parts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--subjects", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--tflops", type=float, default=30, help="a GPU's sustained, ASSUMED")
    parser.add_argument("--folder", type=Path, help="keep the runs here")
    asked = parser.parse_args()
    if len(asked.subjects) < 3:
        parser.error("--subjects needs three or more numbers, each twice the previous one")
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.folder or Path(temporary)).resolve()
        (folder / "config").mkdir(parents=True, exist_ok=True)
        costs = {subjects: run(folder, subjects) for subjects in asked.subjects}
        print_costs(costs)
        growths = {stage: growth(stage, costs) for stage in STAGES}
        print_growths(growths, asked.subjects)
        cache = folder / "results" / name_of(asked.subjects[-1]) / "cache.h5"
        bytes_a_frame = cache.stat().st_size / (asked.subjects[-1] * WALKS * len(VIEWS) * FRAMES)
    print_full_size(seconds_each(growths), bytes_a_frame, tflops=asked.tflops)


def name_of(subjects: int) -> str:
    """Returns the name of the dataset with this number of subjects."""
    return f"growth{subjects}"


def run(folder: Path, subjects: int) -> pd.DataFrame:
    """Runs the workflow; returns `cpu` (seconds, of all jobs) and `peak` (MB, of one) by stage."""
    name, half = name_of(subjects), subjects // 2
    protocol = {
        "train_subjects": [f"001..{half:03d}"],
        "test_subjects": [f"{half + 1:03d}..{subjects:03d}"],
        "gallery": ["nm-01"],
        "probes": {"nm": ["nm-02"], "bg": ["bg-01"], "cl": ["cl-01"]},
    }
    settings = {**SETTINGS, "shard_subjects": half, "protocol": protocol}
    settings["walkers"] = {**SETTINGS["walkers"], "subjects": subjects}
    (folder / "config" / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    (folder / "sitecustomize.py").write_text(METER)
    costs, log = folder / f"{name}.csv", folder / f"{name}.log"
    costs.unlink(missing_ok=True)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--forceall"]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), f"results/{name}_report.html"]
    meter = {"COSTS": str(costs), "PYTHONPATH": str(folder), "CUDA_VISIBLE_DEVICES": ""}
    begun = time.perf_counter()
    with log.open("w") as said:
        done = subprocess.run(
            command, cwd=folder, env=os.environ | meter, stdout=said, stderr=subprocess.STDOUT
        )
    if done.returncode:
        sys.exit(f"the workflow failed; the end of its log:\n{log.read_text()[-3000:]}")
    found = pd.read_csv(costs, names=["stage", "cpu", "peak"])
    wall, cpu = time.perf_counter() - begun, found["cpu"].sum()
    print(f"{subjects} subjects: {len(found)} jobs, {wall:.0f} s, CPU {cpu:.0f} s", flush=True)
    return found.groupby("stage").agg({"cpu": "sum", "peak": "max"})


def growth(stage: str, costs: dict[int, pd.DataFrame]) -> Growth:
    """Returns the line through a stage's CPU seconds, and the growth of the last two doublings.

    From 32 to 64 subjects, linear cost grows twice as much as from 16 to 32, quadratic four times.
    """
    subjects = list(costs)
    seconds = [float(costs[count].loc[stage, "cpu"]) for count in subjects]
    subject, start = np.polyfit(subjects, seconds, 1)
    before, last = np.diff(seconds)[-2:]
    if seconds[-1] - seconds[0] < NOTICEABLE * seconds[0]:
        return Growth(float(np.mean(seconds)), 0.0, float("nan"), "not measurable")
    ratio = last / before if before > 0 else float("inf")
    kind = "linear" if 1.4 <= ratio <= 2.8 else f"{'less' if ratio < 1.4 else 'more'} than linear"
    return Growth(float(start), float(subject), float(ratio), kind)


def seconds_each(growths: dict[str, Growth]) -> dict[str, Each]:
    """Returns the CPU seconds per frame or sequence; 0 if no growth was measured."""
    sequences = WALKS * len(VIEWS)
    handled = {
        "frames": sequences * FRAMES,
        "training frames": sequences * FRAMES / 2,
        "test frames": sequences * FRAMES / 2,
        "sequences": sequences,
        "test sequences": sequences / 2,
    }
    return {
        stage: Each(STAGES[stage], found.subject / handled.get(STAGES[stage], float("inf")))
        for stage, found in growths.items()
    }


def print_costs(costs: dict[int, pd.DataFrame]) -> None:
    """Prints a row for each stage: CPU seconds and peak memory for each number of subjects."""
    frames = [count * WALKS * len(VIEWS) * FRAMES for count in costs]
    print(f"\nFrames: {', '.join(f'{count:,}' for count in frames)}. CPU s of all jobs; peak MB.\n")
    print("| stage | " + " | ".join(f"{count} subjects" for count in costs) + " |")
    print("|---|" + "---:|" * len(costs))
    for stage in STAGES:
        cells = [
            f"{costs[n].loc[stage, 'cpu']:.1f} s, {costs[n].loc[stage, 'peak']:.0f} MB"
            for n in costs
        ]
        print(f"| {stage} | " + " | ".join(cells) + " |")


def print_growths(growths: dict[str, Growth], subjects: list[int]) -> None:
    """Prints how each stage grows."""
    a, b, c = subjects[-3:]
    print(
        "\nCPU seconds = start + subjects x time per subject. Doubling: growth "
        f"{b} to {c} / growth {a} to {b}; linear: 2.\n"
    )
    print("| stage | processes | start, s | per subject, ms | doubling | growth |")
    print("|---|---|---:|---:|---:|---|")
    for stage, found in growths.items():
        each, ratio = f"{1000 * found.subject:.0f}", f"{found.ratio:.1f}"
        if not found.subject:
            each = ratio = "–"
        row = f"| {stage} | {STAGES[stage]} | {found.start:.1f} | {each} | {ratio} |"
        print(f"{row} {found.kind} |", flush=True)


if __name__ == "__main__":
    main()
