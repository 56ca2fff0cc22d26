"""Frames per second of rendering walkers: RGB, silhouettes and true keypoints, written to disk.

    python benchmarks/render.py [processes]

Each process renders one subject of the `walkers` dataset into a temporary folder.
"""

import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from gaittake.settings import load_settings
from gaittake.sources.walkers.dataset import render_subjects

SETTINGS = load_settings(Path(__file__).parents[1] / "config" / "walkers.yaml").walkers


def render(subject: str) -> int:
    """Renders a subject and returns the number of written frames."""
    with tempfile.TemporaryDirectory() as folder:
        render_subjects(SETTINGS, [subject], Path(folder))
        return sum(1 for _ in Path(folder).rglob("*.png"))


def main() -> None:
    """Prints the rate; the first subject of each process is not counted."""
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    subjects = [f"{number:03d}" for number in range(1, 6 * processes + 1)]
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(render, subjects[:processes]))
        begun = time.perf_counter()
        frames = sum(pool.map(render, subjects[processes:]))
        seconds = time.perf_counter() - begun
    print(
        f"{frames} frames of {SETTINGS.width}x{SETTINGS.height} in {seconds:.1f} s on "
        f"{processes} processes: {frames / seconds:.0f} frames/s"
    )


if __name__ == "__main__":
    main()
