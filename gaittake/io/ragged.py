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
from gaittake.io.enduring import EnduringFile

SCHEMA = 1
# A clip of 30 silhouettes touches two or three such chunks, read twice as fast as from chunks four
# times as large, at 1 % more bytes; level 4 saves a tenth of the bytes of level 1 and reads faster
# (benchmarks/cache.py).
CHUNK_BYTES = 1 << 16
GZIP_LEVEL = 4
# Rows wait in memory until they are so many: HDF5 takes milliseconds for each time a file grows.
WAITING_BYTES = 1 << 24
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
        self._disk = EnduringFile(self._whole.__enter__())
        # Since version 1.10 HDF5 guards its own structures, too, by checksums.
        self._file = h5py.File(self._disk, "w", libver=("v110", "v110"))
        made_by = {"kind": kind, "schema": SCHEMA, "package": __version__, **(attributes or {})}
        self._file.attrs.update({name: _stored(value) for name, value in made_by.items()})
        self._columns: dict[str, list[Any]] = {c: [] for c in TEXT_COLUMNS + INTEGER_COLUMNS}
        self._rows = 0
        self._waiting: dict[str, list[Array]] = {name: [] for name in arrays}
        self._waiting_bytes = 0
        for name, (dtype, shape) in arrays.items():
            row_bytes = np.dtype(dtype).itemsize * max(1, int(np.prod(shape)))
            self._file.create_dataset(
                name,
                shape=(0, *shape),
                maxshape=(None, *shape),
                dtype=dtype,
                chunks=(max(1, CHUNK_BYTES // row_bytes), *shape),
                compression="gzip",
                compression_opts=GZIP_LEVEL,
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
            rows = np.array(arrays[name])
            self._waiting[name].append(rows)
            self._waiting_bytes += rows.nbytes
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
        if self._waiting_bytes >= WAITING_BYTES:
            self._write_waiting()

    def _write_waiting(self) -> None:
        for name, waiting in self._waiting.items():
            if waiting:
                rows, data = np.concatenate(waiting), self._file[name]
                data.resize(len(data) + len(rows), axis=0)
                data[len(data) - len(rows) :] = rows
                waiting.clear()
        self._waiting_bytes = 0
        self._disk.raise_error()

    def set_attribute(self, name: str, value: str) -> None:
        """Adds an attribute that is known only once the rows are written."""
        self._file.attrs[name] = _stored(value)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._write_waiting()
                self._write_table()
                # The closing mark: written last, so that its absence tells of a broken write.
                self._file.attrs["complete"] = True
            self._file.close()
            self._disk.raise_error()
        except BaseException as fault:
            self._close()
            self._whole.__exit__(type(fault), fault, fault.__traceback__)
            raise
        self._close()
        self._whole.__exit__(kind, error, trace)

    def _close(self) -> None:
        self._file.close()
        self._disk.close()

    def _write_table(self) -> None:
        group = self._file.create_group("sequences")
        for column, values in self._columns.items():
            data = np.array(values, dtype="S" if column in TEXT_COLUMNS else "int64")
            chunks = (max(1, len(data)),)
            group.create_dataset(
                column, data=data, chunks=chunks, maxshape=(None,), fletcher32=True
            )


def _stored(value: object) -> Any:
    """Returns text as HDF5 keeps it under a checksum: of fixed length."""
    return np.bytes_(value.encode() or b"\0") if isinstance(value, str) else value


def read_attributes(file: h5py.File) -> dict[str, Any]:
    """Returns the attributes of a file, text as `str`."""
    return {n: v.decode() if isinstance(v, bytes) else v for n, v in file.attrs.items()}


class RaggedFile:
    """Reads such a file. Made by `open_ragged`.

    Attributes:
        sequences: a row per sequence: subject, condition, number, view, first_frame, frame_count.
        attributes: what made the file.
        arrays: by name, still on disk.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file
        self.attributes = read_attributes(file)
        # By name: `items()` would leave out an array whose header is damaged.
        self.arrays: dict[str, h5py.Dataset] = {n: file[n] for n in file if n != "sequences"}
        group = file["sequences"]
        columns: dict[str, Any] = {c: np.char.decode(group[c][:], "utf-8") for c in TEXT_COLUMNS}
        columns |= {c: group[c][:] for c in INTEGER_COLUMNS}
        self.sequences = pd.DataFrame(columns)

    def read(self, name: str, first: int = 0, count: int | None = None) -> Array:
        """Returns rows `first` to `first + count` of an array.

        Raises:
            UserError: the stored bytes do not match their checksum.
        """
        stop = None if count is None else first + count
        try:
            rows: Array = self.arrays[name][first:stop]
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
        raise UserError(
            f"{path}: not a readable HDF5 file ({error}). Delete it if the pipeline wrote "
            "it, and run the same command again; otherwise check the path."
        ) from error
    with file:
        try:
            _refuse_others(path, file, kind, remedy)
            opened = RaggedFile(path, file)
        # What h5py raises where the file's own structures are damaged.
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            raise UserError(f"{path}: damaged ({error}). {remedy}") from error
        yield opened


def _refuse_others(path: Path, file: h5py.File, kind: str, remedy: str) -> None:
    """Raises a UserError for a file of another kind or schema, and for one that is unfinished."""
    found = read_attributes(file)
    if found.get("kind") != kind:
        raise UserError(f"{path}: a {kind} file is needed, this is '{found.get('kind')}'. {remedy}")
    if found.get("schema") != SCHEMA:
        raise UserError(
            f"{path}: schema {SCHEMA} is needed, this file has {found.get('schema')}, written by "
            f"gaittake {found.get('package')}. {remedy}"
        )
    if not found.get("complete", False):
        raise UserError(f"{path}: its closing mark is missing, it was cut off. {remedy}")
