"""The sequences of some subjects, in memory or streamed, and batches of them on the device.

Batches do not depend on where the frames are held.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gaittake.arrays import Int64s
from gaittake.data.memory import Place, choose_place
from gaittake.data.spans import read_spans, row_bytes, spans_of
from gaittake.data.streamed import Streamed
from gaittake.errors import UserError
from gaittake.io.ragged import RaggedFile, open_ragged, table_digest
from gaittake.io.read_ahead import read_ahead

logger = logging.getLogger(__name__)
LONGEST = 720  # frames of a whole sequence; ASSUME: OpenGait's limit, for memory


class Frames(NamedTuple):
    """The frames of a batch where they are held, before they are copied to the device.

    Attributes:
        rows: `[n, s]` rows in the store.
        silhouettes: `[n, s, rows, columns]` uint8.
        keypoints: `[n, s, 17, 3]` float32; `[n, s, 0, 3]` without keypoints.
    """

    rows: Int64s
    silhouettes: Tensor
    keypoints: Tensor


class SequenceStore(NamedTuple):
    """The frames of some sequences.

    Attributes:
        silhouettes: `[frames, rows, columns]` uint8.
        keypoints: `[frames, 17, 3]` float32; `[frames, 0, 3]` without keypoints.
        sequences: one row per sequence; `first_frame` is an index of the two arrays.
        data_digest: of these sequences: other subjects of the cache do not change it.
        device: of the batches.
        prefetched: the next batches, see `prefetch`.
    """

    silhouettes: Tensor | Streamed
    keypoints: Tensor
    sequences: pd.DataFrame
    data_digest: str
    device: torch.device
    prefetched: Iterator[Frames] | None = None


class Batch(NamedTuple):
    """The arguments of a network, see `GaitTake.forward`."""

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
    """Returns the sequences of some subjects.

    Keypoints are always in memory, also if silhouettes are streamed: they take a fourteenth of the
    bytes.

    Args:
        cache: the dataset's cache.
        subjects: names.
        device: of the batches.
        keypoints: `predicted`; `truth`: the renderer's true keypoints; `none`: silhouettes only.
        noise: standard deviation of Gaussian noise on x and y, in body heights; the seed is fixed.
        place: where the frames are held; None chooses by `choose_place`.

    Raises:
        UserError: the cache has no sequence of these subjects, or no such keypoints.
        ValueError: an unknown `keypoints`.
    """
    with open_ragged(cache, kind="cache") as opened:
        table = opened.sequences
        table = table[table["subject"].isin(list(subjects))].reset_index(drop=True)
        if table.empty:
            raise UserError(
                f"{cache}: no sequence of the subjects was found; see rejects.csv in its folder"
            )
        spans = spans_of(table)
        array = _keypoint_array(opened, cache, keypoints)
        if place is None:
            frames = int(table["frame_count"].sum())
            held = filter(None, ("silhouettes", array))
            place = choose_place(frames * sum(row_bytes(opened, name) for name in held), device)
        memory = device if place == "device" else torch.device("cpu")
        points = torch.empty(int(table["frame_count"].sum()), 0, 3)
        if array:
            points = read_spans(opened, array, spans, torch.device("cpu"))
            if noise:
                _add_noise(points, noise)
        silhouettes = (
            Streamed(cache, "silhouettes", spans)
            if place == "cache"
            else read_spans(opened, "silhouettes", spans, memory)
        )
    table["first_frame"] = np.r_[0, table["frame_count"].to_numpy().cumsum()[:-1]]
    return SequenceStore(silhouettes, points.to(memory), table, table_digest(table), device)


def _keypoint_array(opened: RaggedFile, cache: Path, keypoints: str) -> str:
    """Returns the name of the cache's array of these keypoints, '' for none."""
    if keypoints not in ("predicted", "truth", "none"):
        raise ValueError(f"keypoints must be 'predicted', 'truth' or 'none', not {keypoints!r}")
    if keypoints == "none":
        return ""
    if "keypoints" not in opened.arrays:
        raise UserError(
            f"{cache}: made without keypoints (pose.keypoints: none), which the method needs; set "
            "pose.keypoints to 'predicted' and make the cache again"
        )
    if keypoints == "predicted" or opened.attributes.get("keypoints") == "truth":
        return "keypoints"
    if "truth" not in opened.arrays:
        raise UserError(
            f"{cache}: the method needs true keypoints, which only rendered datasets have; set its "
            "keypoints to 'predicted'"
        )
    return "truth"


def _add_noise(keypoints: Tensor, noise: float) -> None:
    generator = torch.Generator().manual_seed(0)
    moved = keypoints[..., :2] + noise * torch.randn(keypoints[..., :2].shape, generator=generator)
    keypoints[..., :2] = moved.clamp(0, 1)


@contextmanager
def prefetch(store: SequenceStore, batches: Iterable[Int64s]) -> Iterator[SequenceStore]:
    """Yields the store, while a thread reads the next batches.

    Inside the block, `gather_clips` and `gather_whole` must be called for these batches in this
    order. Frames on the device need no thread. An error in the thread is raised when its batch is
    requested. The thread ends with the block.

    Args:
        store: the sequences.
        batches: rows of the frames of each batch, `[n, s]`.
    """
    frames = store.silhouettes
    if isinstance(frames, Tensor) and frames.device.type == store.device.type:
        yield store
        return
    with closing(read_ahead(fetch(store, rows) for rows in batches)) as prefetched:
        yield store._replace(prefetched=prefetched)


def gather_clips(store: SequenceStore, rows: Int64s) -> Batch:
    """Returns the batch of the frames at `rows` `[n, s]`, on the device."""
    return Batch(*_gather(store, rows), None)


def gather_whole(store: SequenceStore, chosen: list[int]) -> Batch:
    """Returns the batch of whole sequences on the device; shorter ones are padded with zeros.

    Of a sequence with more than `LONGEST` frames it has the first ones, and logs a warning.
    """
    counts = store.sequences["frame_count"].to_numpy()[chosen]
    for subject, count in zip(store.sequences["subject"].iloc[chosen], counts, strict=True):
        if count > LONGEST:
            logger.warning(
                "subject %s: the first %d of the %d frames of a sequence are used",
                subject,
                LONGEST,
                count,
            )
    counts = counts.clip(max=LONGEST)
    silhouettes, keypoints = _gather(store, whole_rows(store, chosen))
    if (counts == counts[0]).all():
        return Batch(silhouettes, keypoints, None)
    on_device = to_device(torch.from_numpy(counts), store.device)
    real = torch.arange(int(counts.max()), device=store.device) < on_device[:, None]
    real = real[:, :, None, None]
    return Batch(silhouettes * real, keypoints * real, on_device)


def whole_rows(store: SequenceStore, chosen: list[int]) -> Int64s:
    """Returns `[n, s]` rows of whole sequences, of at most `LONGEST` frames each.

    A shorter one is padded with its first row.
    """
    first = store.sequences["first_frame"].to_numpy()[chosen][:, None]
    counts = store.sequences["frame_count"].to_numpy()[chosen][:, None].clip(max=LONGEST)
    offsets = np.arange(counts.max())
    rows: Int64s = first + np.where(offsets < counts, offsets, 0)
    return rows


def _gather(store: SequenceStore, rows: Int64s) -> tuple[Tensor, Tensor]:
    """Returns silhouettes in 0…1 and keypoints of the frames at `rows` `[n, s]`, on the device."""
    read = fetch(store, rows) if store.prefetched is None else next(store.prefetched, None)
    if read is None or not np.array_equal(read.rows, rows):
        raise ValueError("the requested batch is not the next one of `prefetch`")
    silhouettes = to_device(read.silhouettes, store.device)
    return silhouettes.float().div_(255), to_device(read.keypoints, store.device)


def fetch(store: SequenceStore, rows: Int64s) -> Frames:
    """Returns the frames at `rows` `[n, s]` where they are held; streamed ones in memory."""
    found = []
    for frames in (store.silhouettes, store.keypoints):
        if isinstance(frames, Tensor):
            flat = to_device(torch.from_numpy(rows.ravel()), frames.device)
            found.append(frames.index_select(0, flat).view(*rows.shape, *frames.shape[1:]))
        else:
            found.append(frames[rows])
    if store.device.type == "cuda":
        found = [each if each.is_cuda else each.pin_memory() for each in found]
    return Frames(rows, *found)


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Returns the values on the device, without waiting until a GPU has copied them."""
    if device.type == "cuda" and not (values.is_cuda or values.is_pinned()):
        values = values.pin_memory()
    return values.to(device, non_blocking=True)
