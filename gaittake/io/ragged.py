"""Sequences of unequal length in one HDF5 file: frames one after another, a table of who is where.

Every HDF5 file of the pipeline has this form: `truth`, `pseudo_labels`, `keypoints`, `cache` and
`embeddings`. Arrays are `[rows, ...]`; the columns under `sequences/` say which rows belong to
whom. One file holds 268,000 sequences and opens in a moment, which a group for each would not.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake import __version__
from gaittake.errors import UserError
from gaittake.io.atomic import whole_file

SCHEMA = 1
CHUNK_BYTES = 1 << 18
TEXT_COLUMNS = ("subject", "condition")
INTEGER_COLUMNS = ("number", "view", "first_frame", "frame_count")
Array = npt.NDArray[Any]


class RaggedWriter:
    """Writes such a file under a temporary name; it gets its own name when the block ends well.

    Args:
        path: where the file shall be.
        kind: what the file is, for example `cache`; a reader asks for it by this word.
        arrays: name of each array, with the dtype and the shape of one row.
        attributes: what made the file: settings, digests.
    """

    def __init__(
        self,
        path: Path,
        *,
        kind: str,
        arrays: Mapping[str, tuple[str, tuple[int, ...]]],
        attributes: Mapping[str, str | int | float] | None = None,
    ) -> None:
        self._whole = whole_file(path)
        self._file = h5py.File(self._whole.__enter__(), "w", locking=False)
        self._file.attrs.update(
            {"kind": kind, "schema": SCHEMA, "package": __version__} | dict(attributes or {})
        )
        self._columns: dict[str, list[Any]] = {c: [] for c in TEXT_COLUMNS + INTEGER_COLUMNS}
        self._rows = 0
        for name, (dtype, shape) in arrays.items():
            row_bytes = np.dtype(dtype).itemsize * max(1, int(np.prod(shape)))
            self._file.create_dataset(
                name,
                shape=(0, *shape),
                maxshape=(None, *shape),
                dtype=dtype,
                chunks=(max(1, CHUNK_BYTES // row_bytes), *shape),
                compression="gzip",
                compression_opts=1,
                shuffle=np.dtype(dtype).itemsize > 1,
                fletcher32=True,
            )
        self._names = tuple(arrays)

    def __enter__(self) -> Self:
        return self

    def append(
        self, *, subject: str, condition: str, number: int, view: int, **arrays: Array
    ) -> None:
        """Adds one sequence: the same number of rows in every array."""
        lengths = {name: len(arrays[name]) for name in self._names}
        if len(set(lengths.values())) != 1 or set(arrays) != set(self._names):
            raise ValueError(
                f"sequence {subject}/{condition}-{number:02d}/{view:03d}: arrays "
                f"{sorted(self._names)} of one length are needed, got {lengths}"
            )
        count = next(iter(lengths.values()))
        for name in self._names:
            data = self._file[name]
            data.resize(self._rows + count, axis=0)
            data[self._rows :] = arrays[name]
        for column, value in {
            "subject": subject,
            "condition": condition,
            "number": number,
            "view": view,
            "first_frame": self._rows,
            "frame_count": count,
        }.items():
            self._columns[column].append(value)
        self._rows += count

    def set_attribute(self, name: str, value: str) -> None:
        """Adds an attribute that is known only once the rows are written."""
        self._file.attrs[name] = value

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._write_table()
                # The closing mark: written last, so that its absence tells of a broken write.
                self._file.attrs["complete"] = True
        finally:
            self._file.close()
            self._whole.__exit__(kind, error, trace)

    def _write_table(self) -> None:
        group = self._file.create_group("sequences")
        for column in TEXT_COLUMNS:
            group.create_dataset(column, data=np.array(self._columns[column], dtype="S"))
        for column in INTEGER_COLUMNS:
            group.create_dataset(column, data=np.array(self._columns[column], dtype="int64"))


class RaggedFile:
    """Reads such a file. Made by `open_ragged`.

    Attributes:
        sequences: a row per sequence: subject, condition, number, view, first_frame, frame_count.
        attributes: what made the file.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file
        self.attributes: dict[str, Any] = dict(file.attrs)
        group = file["sequences"]
        columns: dict[str, Any] = {c: np.char.decode(group[c][:], "utf-8") for c in TEXT_COLUMNS}
        columns |= {c: group[c][:] for c in INTEGER_COLUMNS}
        self.sequences = pd.DataFrame(columns)

    @property
    def arrays(self) -> dict[str, h5py.Dataset]:
        """The arrays, by name, still on disk."""
        return {name: item for name, item in self._file.items() if isinstance(item, h5py.Dataset)}

    def read(self, name: str, first: int = 0, count: int | None = None) -> Array:
        """Returns rows `first` to `first + count` of an array.

        Raises:
            UserError: the stored bytes do not match their checksum.
        """
        stop = None if count is None else first + count
        try:
            rows: Array = self._file[name][first:stop]
        except OSError as error:
            raise UserError(
                f"{self.path}: rows {first} to {stop} of '{name}' are damaged ({error}). "
                "Delete the file and run the same command again: it is made anew."
            ) from error
        return rows


@contextmanager
def open_ragged(path: Path, *, kind: str) -> Iterator[RaggedFile]:
    """Yields the opened file.

    Raises:
        UserError: the file is missing, truncated, unfinished, of another kind or another schema.
    """
    remedy = "Delete it and run the same command again: it is made anew."
    if not path.exists():
        raise UserError(f"{path}: there is no such file; a {kind} file is needed here.")
    try:
        # The pipeline never writes to a file under its final name, so readers need no lock, and
        # file systems without locks (NFS, Lustre) work.
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise UserError(f"{path}: not a readable HDF5 file ({error}). {remedy}") from error
    with file:
        found = file.attrs.get("kind")
        if found != kind:
            raise UserError(f"{path}: a {kind} file is needed, this is '{found}'. {remedy}")
        if file.attrs.get("schema") != SCHEMA:
            raise UserError(
                f"{path}: schema {SCHEMA} is needed, this file has "
                f"{file.attrs.get('schema')}, written by gaittake {file.attrs.get('package')}. "
                + remedy
            )
        if not file.attrs.get("complete", False):
            raise UserError(f"{path}: its closing mark is missing, it was cut off. {remedy}")
        yield RaggedFile(path, file)
