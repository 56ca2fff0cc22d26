"""Times index and cache of many pickles of GREW's shape, in OpenGait's form.

    python benchmarks/pickles.py --sequences 100000

GREW has 128,671 sequences of 26,345 subjects. Here each subject has four sequences of one type; a
pickle has a few frames of 64×64 (`--frames`), so that files are counted, not bytes.
"""

import argparse
import pickle
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from gaittake.data.build_cache import cache_shard
from gaittake.io.tables import read_sequences
from gaittake.settings import Align, CacheStage, IndexStage, Source
from gaittake.sources.index import index_sequences

SEQUENCES_PER_SUBJECT = 4


def write_tree(root: Path, *, sequences: int, frames: int) -> tuple[str, ...]:
    """Writes pickles `00001train/00/0/0.pkl`; returns the subjects."""
    rows, columns = np.indices((64, 64))
    figure = np.where((rows - 32) ** 2 / 1000 + (columns - 32) ** 2 / 120 < 1, 255, 0)
    silhouettes = np.stack([np.roll(figure, step, axis=1) for step in range(frames)])
    content = pickle.dumps(silhouettes.astype(np.uint8), protocol=4)
    subjects = []
    for number in range(sequences):
        if number % SEQUENCES_PER_SUBJECT == 0:
            subjects.append(f"{number // SEQUENCES_PER_SUBJECT + 1:05d}train")
        view = str(number % SEQUENCES_PER_SUBJECT)
        folder = root / subjects[-1] / "00" / view
        folder.mkdir(parents=True)
        (folder / f"{view}.pkl").write_bytes(content)
    return tuple(subjects)


def main() -> None:
    """Prints sizes and times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=5000)
    parser.add_argument("--frames", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        start = time.perf_counter()
        subjects = write_tree(place / "data", sequences=options.sequences, frames=options.frames)
        print(
            f"{options.sequences:,} pickles of {options.frames} frames, {len(subjects):,} subjects"
        )
        print(f"written in {time.perf_counter() - start:.1f} s")
        settings = IndexStage(
            source=Source(layout="opengait", root=place / "data"), subjects=subjects
        )
        start = time.perf_counter()
        index_sequences(
            settings, roots=None, out=place / "index.csv", rejects=place / "index.rejects.csv"
        )
        _print("index", time.perf_counter() - start, place / "index.csv", options.sequences)
        start = time.perf_counter()
        cache_shard(
            CacheStage(align=Align(), keypoints=False),
            index=place / "index.csv",
            keypoints=None,
            truth=None,
            out=place / "cache.h5",
            rejects=place / "cache.rejects.csv",
        )
        _print("cache", time.perf_counter() - start, place / "cache.h5", options.sequences)
        found = read_sequences(place / "index.csv")
        assert len(found) == options.sequences
        assert len((place / "cache.rejects.csv").read_text().splitlines()) == 1
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"largest memory: {memory:.0f} MB")


def _print(stage: str, seconds: float, path: Path, sequences: int) -> None:
    size = path.stat().st_size / 1e6
    print(f"{stage}: {seconds:.1f} s, {1e6 * seconds / sequences:.0f} µs a sequence, {size:.1f} MB")


if __name__ == "__main__":
    main()
