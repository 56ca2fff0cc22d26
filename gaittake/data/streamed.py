"""Frames that stay in the cache: a set larger than memory."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gaittake.data.runs import Indices
from gaittake.io.ragged import open_ragged

# Rows so near to each other are read at once: what lies between shares their chunks.
NEAR = 24


class Streamed:
    """An array of a cache, some of its rows, read when they are asked for.

    Args:
        cache: the file; it stays open as long as this lives.
        name: of the array.
        runs: `[m, 2]` first row and the row behind the last of each contiguous part.

    Attributes:
        shape: of these rows, as they were one array.
    """

    def __init__(self, cache: Path, name: str, runs: Indices) -> None:
        self._closing = ExitStack()
        self._file = self._closing.enter_context(open_ragged(cache, kind="cache"))
        self._name = name
        lengths = runs[:, 1] - runs[:, 0]
        self._starts = np.cumsum(lengths) - lengths
        self._shifts = runs[:, 0] - self._starts
        self.shape = torch.Size((int(lengths.sum()), *self._file.arrays[name].shape[1:]))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Indices) -> Tensor:
        """Returns rows, in any order, as often as they are asked for: a new tensor in memory.

        Raises:
            UserError: the stored bytes do not match their checksum.
        """
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        run = np.searchsorted(self._starts, rows, side="right") - 1
        wanted, places = np.unique(rows + self._shifts[run], return_inverse=True)
        spans = np.split(wanted, np.flatnonzero(np.diff(wanted) > NEAR) + 1)
        read = torch.from_numpy(np.concatenate([self._read(span) for span in spans]))
        chosen = read.index_select(0, torch.from_numpy(places.ravel()))
        return chosen.view(*rows.shape, *self.shape[1:])

    def _read(self, rows: Indices) -> npt.NDArray[np.generic]:
        """Returns rows of the file that lie near to each other, in their order."""
        first, last = int(rows[0]), int(rows[-1])
        read = self._file.read(self._name, first, last + 1 - first)
        return read if len(read) == len(rows) else read[rows - first]
