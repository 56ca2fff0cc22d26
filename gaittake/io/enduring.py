"""A file that HDF5 can always close: HDF5 ends the whole process when it cannot, on a full disk."""

import io
from pathlib import Path
from typing import Any


class EnduringFile(io.FileIO):
    """A new file that takes everything; from its first error on, nothing more is written.

    Whoever writes to it asks by `raise_error` whether all of it arrived.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self._path = path
        self._error: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Writes all of the bytes, in several turns where the system takes a part of them."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest and self._error is None:
            try:
                rest = rest[super().write(rest) :]
            except OSError as error:
                self._error = error
        return size

    def truncate(self, size: int | None = None, /) -> int:
        """Sets the file's size."""
        if self._error is None:
            try:
                return super().truncate(size)
            except OSError as error:
                self._error = error
        return size or 0

    def raise_error(self) -> None:
        """Raises the first error that there was.

        Raises:
            OSError: the disk is full, or the file cannot be written for another reason.
        """
        if self._error is not None:
            raise OSError(self._error.errno, self._error.strerror, str(self._path))
