"""Synthetic sequences of CASIA-B's size, for the benchmarks of the cache and of loading clips.

Walkers are rendered at CASIA-B's frame size, 320 x 240, and aligned as in the cache stage. Each
sequence has 40 to 100 consecutive frames of one rendered walk. Keypoints are the true ones with
noise and with confidences like a detector's, so that they compress as badly as predicted ones.
"""

import os
import pickle
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gaittake.io.ragged import RaggedWriter
from gaittake.keypoints import normalise
from gaittake.sequence import type_of
from gaittake.settings import load_settings
from gaittake.silhouette import align
from gaittake.sources.walkers.dataset import render_take, subject_scene
from gaittake.sources.walkers.people import make_walker
from gaittake.sources.walkers.render import Rendered

REPOSITORY = Path(__file__).parents[1]
WALKERS, FRAMES = 8, 100
SEQUENCES_PER_SUBJECT = 20
ARRAYS = {"silhouettes": ("uint8", (64, 44)), "keypoints": ("float32", (17, 3))}
CUT = (64 - 44) // 2  # columns that common data loaders cut from each side

Walked = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]


class Made(NamedTuple):
    """A sequence: `[s, 64, 44]` uint8 and `[s, 17, 3]` float32."""

    subject: str
    number: int
    silhouettes: npt.NDArray[np.uint8]
    keypoints: npt.NDArray[np.float32]


def make_sequences(count: int) -> list[Made]:
    """Returns a number of sequences, the same in each run."""
    walks, generator = list(_walks()), np.random.default_rng(0)
    made = []
    for index in range(count):
        silhouettes, keypoints = walks[index % len(walks)]
        length = min(int(generator.integers(40, 101)), len(silhouettes))
        start = int(generator.integers(0, len(silhouettes) - length + 1))
        own = slice(start, start + length)
        subject, number = divmod(index, SEQUENCES_PER_SUBJECT)
        made.append(Made(f"{subject + 1:03d}", number + 1, silhouettes[own], keypoints[own]))
    return made


def _walks() -> Iterator[Walked]:
    """Yields the aligned sequences of some walkers, each in two views."""
    settings = load_settings(REPOSITORY / "config/walkers.yaml").walkers.model_copy(
        update={"frames": FRAMES, "width": 320, "height": 240}
    )
    generator = np.random.default_rng(1)
    for index in range(WALKERS):
        walker = make_walker(settings, f"{index + 1:03d}")
        scene = subject_scene(settings, walker.subject)
        for walk in walker.takes[:4]:
            for view in settings.views[index % 2 :: 2]:
                found = _aligned(render_take(settings, walker, walk, view, scene), generator)
                if found is not None:
                    yield found


def _aligned(rendered: Rendered, generator: np.random.Generator) -> Walked | None:
    """Returns the frames with a person, and their keypoints."""
    found = [align(image, height=64, width=44, min_mass=10_000) for image in rendered.silhouettes]
    kept = [index for index, item in enumerate(found) if item is not None]
    items = [item for item in found if item is not None]
    if not items:
        return None
    points = rendered.joints[kept] + generator.normal(0, 1, (len(kept), 17, 2))
    confidence = 1 - generator.exponential(0.003, (len(kept), 17, 1)).clip(max=1)
    keypoints = normalise(
        np.concatenate([points, confidence], axis=2).astype(np.float32),
        top=np.array([item.top for item in items], dtype=np.float32),
        height=np.array([item.height for item in items], dtype=np.float32),
        centre=np.array([item.centre for item in items], dtype=np.float32),
    )
    return np.stack([item.image for item in items]), keypoints


def write_pickles(made: list[Made], folder: Path) -> list[Path]:
    """Writes one pickle per sequence, `[s, 64, 64]` uint8, as common data loaders expect."""
    folder.mkdir(parents=True)
    paths = []
    for sequence in made:
        paths.append(folder / f"{sequence.subject}-{sequence.number:02d}.pkl")
        padded = np.pad(sequence.silhouettes, ((0, 0), (0, 0), (CUT, CUT)))
        paths[-1].write_bytes(pickle.dumps(padded, protocol=pickle.HIGHEST_PROTOCOL))
    return paths


def write_cache(made: list[Made], path: Path) -> Path:
    """Writes the sequences into a cache."""
    with RaggedWriter(
        path, kind="cache", arrays=ARRAYS, attributes={"keypoints": "keypoints"}
    ) as out:
        for sequence in made:
            out.append(
                (sequence.subject, type_of("nm", sequence.number), "090"),
                silhouettes=sequence.silhouettes,
                keypoints=sequence.keypoints,
            )
    return path


def machine() -> str:
    """Returns the machine's processor and load, for the head of a table."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(":")[1].strip() for line in lines if "model name" in line), "unknown")
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores of {name}, load {load:.1f} at the start"


def megabytes() -> float:
    """Returns the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def cpu_seconds(work: Callable[[], object], turns: int) -> float:
    """Returns the minimum CPU time of several runs."""
    found = []
    for _ in range(turns):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)
