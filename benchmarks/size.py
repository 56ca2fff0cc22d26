"""Time and memory at the size of CASIA-B and OU-MVLP: index, survey, dry run, cache tables.

    python benchmarks/size.py

Folders like those of the datasets (13,640 and 268,000 sequences) are created in a temporary folder.
Each sequence has one frame, a hard link to a small image; a sample has as many frames as CASIA-B.
This takes 600,000 inodes, 2.5 GB of folders and some minutes. The columns of the table: step, time,
peak memory so far, result, target.
"""

import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from gaittake.data.build_cache import merge_caches
from gaittake.io.ragged import RaggedWriter, open_ragged
from gaittake.io.tables import read_sequences, write_sequences
from gaittake.pipeline import plan
from gaittake.pipeline.job import Job
from gaittake.pipeline.subjects import shards
from gaittake.settings import Settings, load_settings
from gaittake.sources.index import index_sequences
from gaittake.sources.survey import survey

REPOSITORY = Path(__file__).parents[1]
FRAMES = 80  # of a sequence of CASIA-B, about
LINKS = 50_000  # of one file; file systems allow 65,000
OUMVLP_VIEWS = (*range(0, 91, 15), *range(180, 271, 15))
OUMVLP, PEOPLE = 268_000, 10_307
BEGUN = time.perf_counter()


def main() -> None:
    """Creates the folders and prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(REPOSITORY / "config", root / "config")
        os.chdir(root)
        link_frames(root / "data/casiab/silhouettes", casiab_walks())
        (root / "data/casiab/DatasetB-1/video").mkdir(parents=True)
        (root / "data/casiab/DatasetB-2/video").mkdir(parents=True)
        link_frames(root / "data/oumvlp", oumvlp_walks())
        print(f"folders created in {time.perf_counter() - BEGUN:.0f} s")
        sample = itertools.islice(casiab_walks(), 1760)
        link_frames(root / "data/sample", sample, FRAMES)
        measure_index(
            load_settings(
                root / "config/casiab.yaml",
                ("source.silhouettes=[data/sample]", "protocol.train_subjects=[001..016]"),
            ),
            f"16 subjects, {FRAMES} frames each",
        )
        for dataset in ("casiab", "oumvlp"):
            settings = load_settings(root / "config" / f"{dataset}.yaml")
            count = measure_index(settings, dataset)
            measure_plan(dataset)
            measure_cache(settings, count)
        measure_merge()


def row(what: str, seconds: float, result: str, wanted: str = "") -> None:
    """Prints a row of the table; the memory is the peak of this process so far."""
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:48} {seconds:8.2f} s  {megabytes:6.0f} MB  {result:28} {wanted}", flush=True)


def casiab_walks() -> Iterator[str]:
    """Yields the folders of CASIA-B's 13,640 sequences."""
    walks = [f"nm-{n:02d}" for n in range(1, 7)] + ["bg-01", "bg-02", "cl-01", "cl-02"]
    for subject in range(1, 125):
        for walk in walks:
            yield from (f"{subject:03d}/{walk}/{view:03d}" for view in range(0, 181, 18))


def oumvlp_walks(people: int = PEOPLE) -> Iterator[str]:
    """Yields the folders of 268,000 sequences, as in OU-MVLP; missing ones are spread evenly.

    With fewer people, as large a share is missing.
    """
    every = len(OUMVLP_VIEWS) * 2 * people
    missing, place = every - OUMVLP * people // PEOPLE, 0
    for view in OUMVLP_VIEWS:
        for number in (0, 1):
            for subject in range(1, people + 1):
                if place * missing % every >= missing:
                    yield f"Silhouette_{view:03d}-{number:02d}/{subject:05d}"
                place += 1


def link_frames(root: Path, folders: Iterable[str], frames: int = 1) -> None:
    """Creates folders with a number of frames each."""
    image = np.zeros((64, 44), dtype=np.uint8)
    image[4:60, 16:28] = 255
    links = 0
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for number in range(1, frames + 1):
            if links % LINKS == 0:
                original = root.parent / f"original-{root.name}-{links}.png"
                cv2.imwrite(str(original), image)
            os.link(original, root / folder / f"{number:03d}.png")
            links += 1


def measure_index(settings: Settings, what: str) -> int:
    """Indexes all shards, one after another; returns the number of sequences."""
    begun = time.perf_counter()
    for shard in shards(settings):
        stage = plan.index(Job(settings.dataset, shard=shard))
        out = Path("results", settings.dataset, "index", f"{shard}.csv")
        index_sequences(stage, roots=None, out=out, rejects=out.with_suffix(".rejects.csv"))
    seconds = time.perf_counter() - begun
    tables = sorted(Path("results", settings.dataset, "index").glob("*[0-9].csv"))
    count = sum(len(read_sequences(table)) for table in tables)
    rate = f"{count} sequences, {count / seconds:.0f}/s"
    row(f"{what}: index", seconds, rate, ">= 2000/s")
    return count


def measure_plan(dataset: str) -> None:
    """Times a dry run of all jobs in a separate process."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "8"]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), f"results/{dataset}_rank1.csv"]
    begun = time.perf_counter()
    with Path("plan.txt").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    said = Path("plan.txt").read_text()
    assert status == 0, said
    jobs = next(line.split()[1] for line in said.splitlines() if line.startswith("total"))
    result = f"{jobs} jobs, {usage.ru_maxrss / 1024:.0f} MB in its process"
    row(f"{dataset}: snakemake --dry-run", time.perf_counter() - begun, result, "<= 60 s, 2 GB")


def measure_cache(settings: Settings, count: int) -> None:
    """Times merging, reading and surveying caches with one frame per sequence."""
    folder = Path("results", settings.dataset)
    parts, tables = [], []
    for shard in shards(settings):
        tables.append(folder / "index" / f"{shard}.csv")
        parts.append(write_cache(folder / "cache" / f"{shard}.h5", tables[-1], frames=1))
    begun = time.perf_counter()
    merge_caches(
        parts, index=tables, out=folder / "cache.h5", out_sequences=folder / "sequences.csv"
    )
    row(f"{settings.dataset}: merge, 1 frame each", time.perf_counter() - begun, f"{count}")
    begun = time.perf_counter()
    with open_ragged(folder / "cache.h5", kind="cache") as opened:
        rows = len(opened.sequences)
    row(f"{settings.dataset}: cache's table", time.perf_counter() - begun, f"{rows} rows", "<= 2 s")
    begun = time.perf_counter()
    survey(
        plan.survey(Job(settings.dataset)),
        sequences=folder / "sequences.csv",
        cache=folder / "cache.h5",
        rejects=[table.with_suffix(".rejects.csv") for table in tables],
        out=folder / "rejects.csv",
    )
    row(f"{settings.dataset}: survey", time.perf_counter() - begun, f"{count} sequences")


def measure_merge() -> None:
    """Times merging 3,840 sequences of 24 frames, the size of the dataset `walkers`."""
    parts, tables = [], []
    sequences = read_sequences(Path("results/casiab/sequences.csv"))[:3840]
    for place in range(6):
        tables.append(Path("some", f"{place}.csv"))
        write_sequences(sequences[place * 640 : (place + 1) * 640], tables[-1])
        parts.append(write_cache(Path("some", f"{place}.h5"), tables[-1], frames=24))
    begun = time.perf_counter()
    merge_caches(parts, index=tables, out=Path("some.h5"), out_sequences=Path("some.csv"))
    seconds = time.perf_counter() - begun
    row("merge, 24 frames each", seconds, f"3840 sequences, {3840 * 24 / seconds:.0f} frames/s")


def write_cache(path: Path, index: Path, *, frames: int) -> Path:
    """Writes a shard's cache of synthetic figures."""
    generator = np.random.default_rng(0)
    figure = np.zeros((64, 44), dtype=np.uint8)
    cv2.ellipse(figure, (22, 32), (9, 31), 0, 0, 360, 255, -1)
    figures = np.stack([np.roll(cv2.blur(figure, (3, 3)), shift, axis=1) for shift in range(24)])
    arrays = {"silhouettes": ("uint8", (64, 44)), "keypoints": ("float32", (17, 3))}
    attributes = {"settings": "{}", "keypoints": "keypoints"}
    with RaggedWriter(path, kind="cache", arrays=arrays, attributes=attributes) as out:
        for sequence in read_sequences(index):
            out.append(
                sequence.identity,
                silhouettes=figures[:frames],
                keypoints=generator.random((frames, 17, 3), dtype=np.float32),
            )
    return path


if __name__ == "__main__":
    main()
