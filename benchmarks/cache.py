"""Size and loading time of the cache, compared with one pickle per sequence.

    python benchmarks/cache.py [sequences]

2,000 sequences of 40 to 100 frames. The pickles hold silhouettes only, `[s, 64, 64]` uint8; the
cache holds the middle 44 columns and the keypoints of each frame, with checksums. All files are in
the page cache, so the times are those of decoding: CPU seconds of one process, the minimum of three
turns. A second table has other chunk sizes and gzip levels for a part of the sequences, and the
time of clips of 30 frames at random positions, as streaming reads them.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from sequences import Made, cpu_seconds, machine, make_sequences, write_cache, write_pickles

from gaittake.data.store import gather_clips, load_store
from gaittake.io import ragged

CPU = torch.device("cpu")
TURNS = 3
VARIANTS = [(1 << 15, 4), (1 << 16, 1), (1 << 16, 4), (1 << 16, 6), (1 << 18, 1), (1 << 18, 4)]
PART = 400  # sequences of the variants
CLIPS = 512


def main() -> None:
    """Prints the two tables."""
    torch.set_num_threads(1)
    print(machine())
    made = make_sequences(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
    with tempfile.TemporaryDirectory() as folder:
        compare(made, Path(folder))
        print(f"\n{min(PART, len(made))} sequences; size relative to the pickles")
        print("| chunk, KiB | gzip level | size | load, MB/s | clip of 30, ms | write, MB/s |")
        print("|---:|---:|---:|---:|---:|---:|")
        for chunk, level in VARIANTS:
            print(variant(made[:PART], Path(folder), chunk, level), flush=True)


def compare(made: list[Made], folder: Path) -> None:
    """Prints size and loading rate of the cache beside their targets."""
    pickles = sum(path.stat().st_size for path in write_pickles(made, folder / "pickles"))
    cache = write_cache(made, folder / "cache.h5")
    decoded = decoded_bytes(made)
    rate = decoded / 1e6 / cpu_seconds(lambda: load(cache, made), TURNS)
    with ragged.open_ragged(cache, kind="cache") as opened:
        parts = {n: opened.arrays[n].id.get_storage_size() for n in sorted(opened.arrays)}
    print(f"{len(made)} sequences, {sum(len(m.silhouettes) for m in made)} frames")
    print("| quantity | measured | target |")
    print("|---|---:|---:|")
    print(f"| pickles | {pickles / 1e6:.1f} MB | |")
    print(f"| cache | {cache.stat().st_size / 1e6:.1f} MB | |")
    print(f"| cache: silhouettes | {parts['silhouettes'] / 1e6:.1f} MB | |")
    print(f"| cache: keypoints | {parts['keypoints'] / 1e6:.1f} MB | |")
    print(f"| cache / pickles | 1/{pickles / cache.stat().st_size:.2f} | 1/5 |")
    print(f"| loading, decoded bytes per core | {rate:.0f} MB/s | 200 MB/s |", flush=True)


def variant(made: list[Made], folder: Path, chunk: int, level: int) -> str:
    """Returns the table row of one chunk size and gzip level."""
    default = ragged.CHUNK_BYTES, ragged.GZIP_LEVEL
    ragged.CHUNK_BYTES, ragged.GZIP_LEVEL = chunk, level
    try:
        cache = folder / "variant.h5"
        writing = cpu_seconds(lambda: write_cache(made, cache), 1)
    finally:
        ragged.CHUNK_BYTES, ragged.GZIP_LEVEL = default
    pickled = sum(len(m.silhouettes) * 64 * 64 for m in made)
    loading = cpu_seconds(lambda: load(cache, made), TURNS)
    streamed = load_store(cache, {m.subject for m in made}, CPU, place="cache")
    generator = np.random.default_rng(0)
    places = generator.integers(0, len(streamed.silhouettes) - 30, (CLIPS, 1)) + np.arange(30)

    def clips() -> None:
        for rows in places:
            gather_clips(streamed, rows[None])

    clip = 1000 * cpu_seconds(clips, TURNS) / CLIPS
    megabytes = decoded_bytes(made) / 1e6
    return (
        f"| {chunk // 1024} | {level} | 1/{pickled / cache.stat().st_size:.2f} | "
        f"{megabytes / loading:.0f} | {clip:.2f} | {megabytes / writing:.0f} |"
    )


def load(cache: Path, made: list[Made]) -> None:
    """Loads all sequences into memory."""
    load_store(cache, {m.subject for m in made}, CPU, place="device")


def decoded_bytes(made: list[Made]) -> int:
    """Returns the bytes of silhouettes and keypoints in memory."""
    return sum(m.silhouettes.nbytes + m.keypoints.nbytes for m in made)


if __name__ == "__main__":
    main()
