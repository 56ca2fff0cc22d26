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


def load_resident(
    cache: Path,
    subjects: Iterable[str],
    device: torch.device,
    *,
    keypoints: str = "predicted",
    noise: float = 0.0,
) -> Resident:
    """Returns the sequences of these subjects, frames on the device.

    Args:
        cache: the dataset's cache.
        subjects: whose sequences.
        device: where the frames are held.
        keypoints: `predicted`, or the renderer's own, `exact`.
        noise: standard deviation of what is added to x and y, share of the body's height; the same
            at each loading.

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
        silhouettes = _read_rows(opened, "silhouettes", table)
        joints = _read_rows(opened, _array(opened, cache, keypoints), table)
        digest = str(opened.attributes.get("data_digest", ""))
    table["first_frame"] = np.r_[0, table["frame_count"].to_numpy().cumsum()[:-1]]
    if noise:
        generator = torch.Generator().manual_seed(0)
        moved = joints[..., :2] + noise * torch.randn(joints[..., :2].shape, generator=generator)
        joints[..., :2] = moved.clamp(0, 1)
    return Resident(silhouettes.to(device), joints.to(device), table, digest)


def _array(opened: RaggedFile, cache: Path, keypoints: str) -> str:
    """Returns where the cache keeps these keypoints."""
    if keypoints == "predicted" or opened.attributes.get("keypoints") == "truth":
        return "keypoints"
    if "exact" not in opened.arrays:
        raise UserError(
            f"{cache}: exact keypoints are asked for, and only rendered walkers have them; set the "
            "method's keypoints to 'predicted'"
        )
    return "exact"


def _read_rows(opened: RaggedFile, name: str, table: pd.DataFrame) -> Tensor:
    """Returns the rows of an array that belong to the sequences, in long contiguous reads."""
    first = table["first_frame"].to_numpy()
    stop = first + table["frame_count"].to_numpy()
    breaks = np.flatnonzero(first[1:] != stop[:-1]) + 1
    runs = zip(first[np.r_[0, breaks]], stop[np.r_[breaks - 1, len(stop) - 1]], strict=True)
    return torch.from_numpy(
        np.concatenate([opened.read(name, int(a), int(b - a)) for a, b in runs])
    )


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
