"""Random clips of sequences: consecutive frames, some frames of a window, or any frames."""

import numpy as np

from gaittake.arrays import Int64s
from gaittake.data.store import SequenceStore


def clip_rows(
    store: SequenceStore,
    chosen: Int64s,
    frames: int,
    generator: np.random.Generator,
    *,
    order: str = "consecutive",
) -> Int64s:
    """Returns `[n, frames]`: the rows of a random clip of each chosen sequence.

    Args:
        store: the sequences.
        chosen: `[n]` indices of sequences.
        frames: of a clip.
        generator: of the step.
        order: see `clip_frames`.
    """
    first = store.sequences["first_frame"].to_numpy()[chosen]
    counts = store.sequences["frame_count"].to_numpy()[chosen]
    return first[:, None] + clip_frames(counts, frames, generator, order=order)


def clip_frames(
    counts: Int64s, frames: int, generator: np.random.Generator, *, order: str = "consecutive"
) -> Int64s:
    """Returns `[n, frames]`: the frames of a random clip of each sequence, counted from 0.

    Args:
        counts: `[n]` frames of each sequence.
        frames: of a clip.
        generator: of the step.
        order: `consecutive`: consecutive frames from a random start (PAPER 4.1: 30 frames).
            `sorted`: sorted frames of a random window (GaitPart: 30 of 30 to 40 frames; ASSUME:
            a third longer at most for clips of any length). `any`: frames of the whole sequence in
            random order (GaitSet). ASSUME: a sequence shorter than the clip starts with its first
            frame and wraps around; in OpenGait it starts anywhere. ASSUME: `any` repeats a frame
            only after all are used; GaitSet's code draws each frame independently, OpenGait's does
            so where the sequence is shorter than the clip.

    Raises:
        ValueError: an unknown `order`.
    """
    if order not in ("consecutive", "sorted", "any"):
        raise ValueError(f"order must be 'consecutive', 'sorted' or 'any', not {order!r}")
    if order == "any":
        return _distinct(counts, frames, generator)
    windows, kept = np.full(len(counts), frames), np.arange(frames)[None]
    if order == "sorted":
        longest = generator.integers(frames, frames + frames // 3 + 1, len(counts))
        windows = np.minimum(longest, np.maximum(counts, frames))
        kept = np.sort(_distinct(windows, frames, generator), axis=1)
    start = generator.integers(0, np.maximum(counts - windows, 0) + 1)
    chosen: Int64s = (start[:, None] + kept) % counts[:, None]
    return chosen


def _distinct(counts: Int64s, frames: int, generator: np.random.Generator) -> Int64s:
    """Returns `[n, frames]` random integers below each count, repeated only after all are used."""
    keys = generator.random((len(counts), int(counts.max())))
    keys[np.arange(keys.shape[1]) >= counts[:, None]] = 2.0
    shuffled = keys.argsort(axis=1)
    return np.take_along_axis(shuffled, np.arange(frames) % counts[:, None], axis=1)
