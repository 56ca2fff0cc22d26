"""Rows of a file that lie together: read in long stretches, into memory or onto a device."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from gaittake.io.ragged import RaggedFile

BLOCK_BYTES = 1 << 26  # read at once: what is loaded is never in memory twice
Indices = npt.NDArray[np.int64]


def runs_of(table: pd.DataFrame) -> Indices:
    """Returns `[m, 2]` first row and the row behind the last of what lies together in the file.

    Args:
        table: sequences of the file, in its order.
    """
    first = table["first_frame"].to_numpy()
    stop = first + table["frame_count"].to_numpy()
    breaks = np.flatnonzero(first[1:] != stop[:-1]) + 1
    return np.stack([first[np.r_[0, breaks]], stop[np.r_[breaks - 1, len(stop) - 1]]], axis=1)


def row_bytes(opened: RaggedFile, name: str) -> int:
    """Returns the bytes of a row of an array, decoded."""
    array = opened.arrays[name]
    return int(array.dtype.itemsize * np.prod(array.shape[1:]))


def read_runs(opened: RaggedFile, name: str, runs: Indices, device: torch.device) -> Tensor:
    """Returns the rows of an array in `runs` `[m, 2]`, one run behind the other, on the device."""
    none = torch.from_numpy(opened.read(name, 0, 0))
    total = int((runs[:, 1] - runs[:, 0]).sum())
    found = none.new_empty((total, *none.shape[1:]), device=device)
    block = max(1, BLOCK_BYTES // row_bytes(opened, name))
    done = 0
    for first, stop in runs.tolist():
        for start in range(first, stop, block):
            count = min(block, stop - start)
            found[done : done + count] = torch.from_numpy(opened.read(name, start, count))
            done += count
    return found
