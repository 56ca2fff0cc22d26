"""Sequences held where they fit, best on the device that computes; clips are gathered there.

Where the frames lie changes no batch: the same bytes are turned to floats on the device.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gaittake.data.memory import Place, choose_place
from gaittake.data.runs import Indices, read_runs, row_bytes, runs_of
from gaittake.data.streamed import Streamed
from gaittake.errors import UserError
from gaittake.io.ragged import RaggedFile, open_ragged
from gaittake.io.read_ahead import read_ahead


class Gathered(NamedTuple):
    """Frames on their way to the device.

    Attributes:
        rows: `[n, s]`, which ones.
        silhouettes: `[n, s, rows, columns]` uint8.
        keypoints: `[n, s, 17, 3]` float32.
    """

    rows: Indices
    silhouettes: Tensor
    keypoints: Tensor


class SequenceStore(NamedTuple):
    """All frames of some sequences.

    Attributes:
        silhouettes: `[frames, rows, columns]` uint8.
        keypoints: `[frames, 17, 3]` float32.
        sequences: a row per sequence; `first_frame` points into the two arrays.
        data_digest: of the cache they came from.
        device: where batches go.
        coming: the batches that are read ahead, see `ahead`.
    """

    silhouettes: Tensor | Streamed
    keypoints: Tensor
    sequences: pd.DataFrame
    data_digest: str
    device: torch.device
    coming: Iterator[Gathered] | None = None


class Batch(NamedTuple):
    """What a network takes: see `GaitTake.forward`."""

    silhouettes: Tensor
    keypoints: Tensor
    counts: Tensor | None


def load_store(
    cache: Path,
    subjects: Iterable[str],
    device: torch.device,
    *,
    keypoints: str = "predicted",
    noise: float = 0.0,
    place: Place | None = None,
) -> SequenceStore:
    """Returns the sequences of these subjects.

    Where silhouettes are streamed, their keypoints, a fourteenth of the bytes, are in memory.

    Args:
        cache: the dataset's cache.
        subjects: whose sequences.
        device: where batches go.
        keypoints: `predicted`, or the renderer's own, `truth`.
        noise: standard deviation of what is added to x and y, share of the body's height; the same
            at each loading.
        place: where the frames are held; None: where they fit, see `choose_place`.

    Raises:
        UserError: the cache holds none of these subjects, or no such keypoints.
    """
    with open_ragged(cache, kind="cache") as opened:
        table = opened.sequences
        table = table[table["subject"].isin(list(subjects))].reset_index(drop=True)
        if table.empty:
            raise UserError(
                f"{cache}: holds no sequence of these subjects; rejects.csv beside it says why"
            )
        runs = runs_of(table)
        points = _array(opened, cache, keypoints)
        if place is None:
            frames = int(table["frame_count"].sum())
            needed = frames * (row_bytes(opened, "silhouettes") + row_bytes(opened, points))
            place = choose_place(needed, device)
        memory = device if place == "device" else torch.device("cpu")
        joints = read_runs(opened, points, runs, torch.device("cpu"))
        if noise:
            _add_noise(joints, noise)
        silhouettes = (
            Streamed(cache, "silhouettes", runs)
            if place == "cache"
            else read_runs(opened, "silhouettes", runs, memory)
        )
        digest = str(opened.attributes.get("data_digest", ""))
    table["first_frame"] = np.r_[0, table["frame_count"].to_numpy().cumsum()[:-1]]
    return SequenceStore(silhouettes, joints.to(memory), table, digest, device)


def _array(opened: RaggedFile, cache: Path, keypoints: str) -> str:
    """Returns where the cache keeps these keypoints."""
    if keypoints == "predicted" or opened.attributes.get("keypoints") == "truth":
        return "keypoints"
    if "truth" not in opened.arrays:
        raise UserError(
            f"{cache}: exact keypoints are asked for, and only rendered walkers have them; set the "
            "method's keypoints to 'predicted'"
        )
    return "truth"


def _add_noise(joints: Tensor, noise: float) -> None:
    generator = torch.Generator().manual_seed(0)
    moved = joints[..., :2] + noise * torch.randn(joints[..., :2].shape, generator=generator)
    joints[..., :2] = moved.clamp(0, 1)


@contextmanager
def ahead(store: SequenceStore, batches: Iterable[Indices]) -> Iterator[SequenceStore]:
    """Yields the sequences with batches that are read ahead by a thread, a few at a time.

    Inside, `gather_clips` and `gather_whole` must be called for these batches, in this order.
    Frames on the device need no thread, they are gathered there. An error of the thread is raised
    where its batch is asked for; at the end of the block the thread ends.

    Args:
        store: the sequences.
        batches: rows of the frames of each batch, `[n, s]`.
    """
    frames = store.silhouettes
    if isinstance(frames, Tensor) and frames.device.type == store.device.type:
        yield store
        return
    with closing(read_ahead(fetch(store, rows) for rows in batches)) as coming:
        yield store._replace(coming=coming)


def gather_clips(store: SequenceStore, rows: Indices) -> Batch:
    """Returns the frames at `rows` `[n, s]`, floats made on the device."""
    return Batch(*_gather(store, rows), None)


def gather_whole(store: SequenceStore, chosen: list[int]) -> Batch:
    """Returns whole sequences, the shorter ones padded with zeros."""
    counts = store.sequences["frame_count"].to_numpy()[chosen]
    silhouettes, keypoints = _gather(store, whole_rows(store, chosen))
    if (counts == counts[0]).all():
        return Batch(silhouettes, keypoints, None)
    on_device = to_device(torch.from_numpy(counts), store.device)
    real = torch.arange(int(counts.max()), device=store.device) < on_device[:, None]
    real = real[:, :, None, None]
    return Batch(silhouettes * real, keypoints * real, on_device)


def whole_rows(store: SequenceStore, chosen: list[int]) -> Indices:
    """Returns `[n, s]` rows of whole sequences; behind its end, a shorter one's first again."""
    first = store.sequences["first_frame"].to_numpy()[chosen][:, None]
    counts = store.sequences["frame_count"].to_numpy()[chosen][:, None]
    offsets = np.arange(counts.max())
    rows: Indices = first + np.where(offsets < counts, offsets, 0)
    return rows


def _gather(store: SequenceStore, rows: Indices) -> tuple[Tensor, Tensor]:
    """Returns silhouettes as floats in 0…1, and keypoints, of the frames at `rows` `[n, s]`."""
    read = fetch(store, rows) if store.coming is None else next(store.coming, None)
    if read is None or not np.array_equal(read.rows, rows):
        raise ValueError("inside `ahead`, a batch was asked for that is not the next one")
    silhouettes = to_device(read.silhouettes, store.device)
    return silhouettes.float().div_(255), to_device(read.keypoints, store.device)


def fetch(store: SequenceStore, rows: Indices) -> Gathered:
    """Returns the frames at `rows` `[n, s]` where they are held; what was streamed, in memory."""
    found = []
    for frames in (store.silhouettes, store.keypoints):
        if isinstance(frames, Tensor):
            which = to_device(torch.from_numpy(rows.ravel()), frames.device)
            found.append(frames.index_select(0, which).view(*rows.shape, *frames.shape[1:]))
        else:
            found.append(frames[rows])
    if store.device.type == "cuda":
        found = [each if each.is_cuda else each.pin_memory() for each in found]
    return Gathered(rows, *found)


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Returns the values on the device; the processor does not wait for a GPU to take them."""
    if device.type == "cuda" and not (values.is_cuda or values.is_pinned()):
        values = values.pin_memory()
    return values.to(device, non_blocking=True)
