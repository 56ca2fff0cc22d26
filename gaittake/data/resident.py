"""Sequences held in memory, on the device that computes; clips are gathered by index there."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from gaittake.errors import UserError
from gaittake.io.ragged import RaggedFile, open_ragged


class Resident(NamedTuple):
    """All frames of some sequences.

    Attributes:
        silhouettes: `[frames, rows, columns]` uint8.
        keypoints: `[frames, 17, 3]` float32.
        sequences: a row per sequence; `first_frame` points into the two arrays.
        data_digest: of the cache they came from.
    """

    silhouettes: Tensor
    keypoints: Tensor
    sequences: pd.DataFrame
    data_digest: str


class Batch(NamedTuple):
    """What a network takes: see `GaitTake.forward`."""

    silhouettes: Tensor
    keypoints: Tensor
    counts: Tensor | None


def load_resident(cache: Path, subjects: Iterable[str], device: torch.device) -> Resident:
    """Returns the sequences of these subjects, frames on the device.

    Raises:
        UserError: the cache holds none of them.
    """
    with open_ragged(cache, kind="cache") as opened:
        table = opened.sequences
        table = table[table["subject"].isin(list(subjects))].reset_index(drop=True)
        if table.empty:
            raise UserError(
                f"{cache}: holds no sequence of these subjects; rejects.csv beside it says why"
            )
        silhouettes = _read_rows(opened, "silhouettes", table)
        keypoints = _read_rows(opened, "keypoints", table)
        digest = str(opened.attributes.get("data_digest", ""))
    table["first_frame"] = np.r_[0, table["frame_count"].to_numpy().cumsum()[:-1]]
    return Resident(silhouettes.to(device), keypoints.to(device), table, digest)


def _read_rows(opened: RaggedFile, name: str, table: pd.DataFrame) -> Tensor:
    """Returns the rows of an array that belong to the sequences, in long contiguous reads."""
    first = table["first_frame"].to_numpy()
    stop = first + table["frame_count"].to_numpy()
    breaks = np.flatnonzero(first[1:] != stop[:-1]) + 1
    runs = zip(first[np.r_[0, breaks]], stop[np.r_[breaks - 1, len(stop) - 1]], strict=True)
    return torch.from_numpy(
        np.concatenate([opened.read(name, int(a), int(b - a)) for a, b in runs])
    )


def clip_rows(
    resident: Resident,
    chosen: npt.NDArray[np.int64],
    frames: int,
    generator: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Returns `[n, frames]` rows of consecutive frames, a random clip of each chosen sequence.

    A sequence shorter than the clip wraps around (PAPER 4.1: 30 frames; ASSUME: wrap).
    """
    first = resident.sequences["first_frame"].to_numpy()[chosen]
    counts = resident.sequences["frame_count"].to_numpy()[chosen]
    latest = np.maximum(counts - frames, 0)
    start = generator.integers(0, latest + 1)
    offsets = (start[:, None] + np.arange(frames)) % counts[:, None]
    rows: npt.NDArray[np.int64] = first[:, None] + offsets
    return rows


def gather_clips(resident: Resident, rows: npt.NDArray[np.int64]) -> Batch:
    """Returns the frames at `rows` `[n, s]`, floats made on the device."""
    where = torch.from_numpy(rows).to(resident.silhouettes.device, non_blocking=True)
    return Batch(resident.silhouettes[where].float() / 255, resident.keypoints[where], None)


def gather_whole(resident: Resident, chosen: list[int]) -> Batch:
    """Returns whole sequences, the shorter ones padded with zeros."""
    device = resident.silhouettes.device
    first = torch.tensor(resident.sequences["first_frame"].to_numpy()[chosen], device=device)
    counts = torch.tensor(resident.sequences["frame_count"].to_numpy()[chosen], device=device)
    offsets = torch.arange(int(counts.max()), device=device)
    real = offsets < counts[:, None]
    where = first[:, None] + torch.where(real, offsets, 0)
    silhouettes = resident.silhouettes[where].float() / 255 * real[:, :, None, None]
    keypoints = resident.keypoints[where] * real[:, :, None, None]
    return Batch(silhouettes, keypoints, None if bool(real.all()) else counts)
