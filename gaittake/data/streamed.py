"""Frames read from the cache on demand, for datasets larger than memory."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gaittake.arrays import Int64s
from gaittake.io.ragged import open_ragged

# Rows with at most this distance are read together; the rows between are in the same chunks.
NEAR = 24


class Streamed:
    """Some rows of an array in a cache, read on demand.

    Args:
        cache: the file; it stays open as long as this object exists.
        name: of the array.
        spans: `[m, 2]` rows, see `gaittake.data.spans`.

    Attributes:
        shape: of the rows as one array.
    """

    def __init__(self, cache: Path, name: str, spans: Int64s) -> None:
        self._closing = ExitStack()
        self._file = self._closing.enter_context(open_ragged(cache, kind="cache"))
        self._name = name
        lengths = spans[:, 1] - spans[:, 0]
        self._starts = np.cumsum(lengths) - lengths
        self._shifts = spans[:, 0] - self._starts
        self.shape = torch.Size((int(lengths.sum()), *self._file.arrays[name].shape[1:]))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Int64s) -> Tensor:
        """Returns a new tensor of rows in any order; rows may repeat.

        Raises:
            UserError: the file is damaged.
        """
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        span = np.searchsorted(self._starts, rows, side="right") - 1
        wanted, places = np.unique(rows + self._shifts[span], return_inverse=True)
        pieces = np.split(wanted, np.flatnonzero(np.diff(wanted) > NEAR) + 1)
        read = torch.from_numpy(np.concatenate([self._read(piece) for piece in pieces]))
        chosen = read.index_select(0, torch.from_numpy(places.ravel()))
        return chosen.view(*rows.shape, *self.shape[1:])

    def _read(self, rows: Int64s) -> npt.NDArray[np.generic]:
        """Returns sorted rows of the file that are near each other."""
        first, last = int(rows[0]), int(rows[-1])
        read = self._file.read(self._name, first, last + 1 - first)
        return read if len(read) == len(rows) else read[rows - first]
