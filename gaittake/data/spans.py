"""Spans: contiguous rows of a file, read in large blocks into memory or onto a device."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gaittake.arrays import Int64s
from gaittake.io.ragged import RaggedFile

BLOCK_BYTES = 1 << 26  # read at once, so that decoded data is not in memory twice


def spans_of(table: pd.DataFrame) -> Int64s:
    """Returns spans `[m, 2]`: first row, and last row plus one, of contiguous sequences.

    Args:
        table: sequences in the order of the file.
    """
    first = table["first_frame"].to_numpy()
    stop = first + table["frame_count"].to_numpy()
    breaks = np.flatnonzero(first[1:] != stop[:-1]) + 1
    return np.stack([first[np.r_[0, breaks]], stop[np.r_[breaks - 1, len(stop) - 1]]], axis=1)


def row_bytes(opened: RaggedFile, name: str) -> int:
    """Returns the size of one decoded row of an array, bytes."""
    array = opened.arrays[name]
    return int(array.dtype.itemsize * np.prod(array.shape[1:]))


def read_spans(opened: RaggedFile, name: str, spans: Int64s, device: torch.device) -> Tensor:
    """Returns the rows of an array in `spans` `[m, 2]`, concatenated, on the device."""
    empty = torch.from_numpy(opened.read(name, 0, 0))
    total = int((spans[:, 1] - spans[:, 0]).sum())
    rows = empty.new_empty((total, *empty.shape[1:]), device=device)
    block = max(1, BLOCK_BYTES // row_bytes(opened, name))
    done = 0
    for first, stop in spans.tolist():
        for start in range(first, stop, block):
            count = min(block, stop - start)
            rows[done : done + count] = torch.from_numpy(opened.read(name, start, count))
            done += count
    return rows
