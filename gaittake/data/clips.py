"""Which frames make a clip: consecutive ones, some of a window, or any. Drawn by the generator."""

import numpy as np
import numpy.typing as npt

from gaittake.data.store import SequenceStore

Indices = npt.NDArray[np.int64]


def clip_rows(
    store: SequenceStore,
    chosen: Indices,
    frames: int,
    generator: np.random.Generator,
    *,
    order: str = "consecutive",
) -> Indices:
    """Returns `[n, frames]` rows of the frames of a random clip of each chosen sequence.

    Args:
        store: the sequences.
        chosen: `[n]`, which of them.
        frames: of a clip.
        generator: of the step.
        order: see `clip_frames`.
    """
    first = store.sequences["first_frame"].to_numpy()[chosen]
    counts = store.sequences["frame_count"].to_numpy()[chosen]
    return first[:, None] + clip_frames(counts, frames, generator, order=order)


def clip_frames(
    counts: Indices, frames: int, generator: np.random.Generator, *, order: str = "consecutive"
) -> Indices:
    """Returns `[n, frames]`: which frames of each sequence make its clip, counted from 0.

    Args:
        counts: `[n]`, frames of each sequence.
        frames: of a clip.
        generator: of the step.
        order: `consecutive`: from a random frame on; a shorter sequence wraps around (PAPER 4.1:
            30 frames; ASSUME: wrap). `sorted`: the frames of a random window, at most a third
            longer than the clip, from which some are left out (GaitPart: 30 of 30 to 40; shorter:
            as before). `any`: of the whole sequence, in any order, none twice before all were
            taken (GaitSet).
    """
    if order == "any":
        return _distinct(counts, frames, generator)
    windows, kept = np.full(len(counts), frames), np.arange(frames)[None]
    if order == "sorted":
        longest = generator.integers(frames, frames + frames // 3 + 1, len(counts))
        windows = np.minimum(longest, np.maximum(counts, frames))
        kept = np.sort(_distinct(windows, frames, generator), axis=1)
    start = generator.integers(0, np.maximum(counts - windows, 0) + 1)
    found: Indices = (start[:, None] + kept) % counts[:, None]
    return found


def _distinct(counts: Indices, frames: int, generator: np.random.Generator) -> Indices:
    """Returns `[n, frames]` numbers below each count, none twice before all were taken."""
    keys = generator.random((len(counts), int(counts.max())))
    keys[np.arange(keys.shape[1]) >= counts[:, None]] = 2.0
    shuffled = keys.argsort(axis=1)
    return np.take_along_axis(shuffled, np.arange(frames) % counts[:, None], axis=1)
