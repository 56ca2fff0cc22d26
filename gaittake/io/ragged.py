"""Sequences of unequal length in one HDF5 file: the rows of all sequences, and a table of them.

All HDF5 files of the pipeline have this format: `truth`, `pseudo_labels`, `keypoints`, `cache` and
`embeddings`. Arrays are `[rows, ...]`; the columns under `sequences/` give the rows of each
sequence. A file of 268,000 sequences opens quickly, which one HDF5 group per sequence would not.
"""

import hashlib
import io
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
from gaittake.sequence import IDENTITY, Identity, name_of

SCHEMA = 3
# A clip of 30 silhouettes lies in two or three chunks of this size. It reads twice as fast as from
# chunks four times as large, and the file is 1 % larger. Level 4 saves a tenth of the bytes of
# level 1 and reads faster (benchmarks/cache.py).
CHUNK_BYTES = 1 << 16
GZIP_LEVEL = 4
# Rows are buffered up to this size, because HDF5 takes milliseconds to extend an array.
BUFFER_BYTES = 1 << 24
TEXT_COLUMNS = (*IDENTITY, "digest")
INTEGER_COLUMNS = ("first_frame", "frame_count")
Array = npt.NDArray[Any]


class _DeferredErrorFile(io.FileIO):
    """A new file that keeps its first write error for `raise_error` and then writes nothing more.

    HDF5 aborts the process if it cannot close a file, for example on a full disk. With this file
    underneath, it always can.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self._path = path
        self._error: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Writes all of the bytes; the system may need several calls for them."""
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
        """Raises the first error, if any.

        Raises:
            OSError: the disk is full, or the file cannot be written for another reason.
        """
        if self._error is not None:
            raise OSError(self._error.errno, self._error.strerror, str(self._path))


class RaggedWriter:
    """Writes a ragged file under a temporary name, and renames it if the block succeeds.

    Args:
        path: the file.
        kind: the kind of file, for example `cache`; `open_ragged` checks it.
        arrays: name of each array, with the dtype and the shape of one row.
        attributes: where the content comes from: settings, digests.
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
        self._disk = _DeferredErrorFile(self._whole.__enter__())
        # Formats since HDF5 1.10 have checksums for HDF5's own structures as well.
        self._file = h5py.File(self._disk, "w", libver=("v110", "v110"))
        stored = {
            "kind": kind,
            "schema": SCHEMA,
            "package": __version__,
            **(attributes or {}),
        }
        self._file.attrs.update({name: _stored(value) for name, value in stored.items()})
        self._columns: dict[str, list[Any]] = {c: [] for c in TEXT_COLUMNS + INTEGER_COLUMNS}
        self._rows = 0
        # To ask HDF5 for a dtype takes 0.1 ms, half a minute for 268,000 sequences.
        self._dtypes = {name: np.dtype(dtype) for name, (dtype, _) in arrays.items()}
        self._buffer: dict[str, list[Array]] = {name: [] for name in arrays}
        self._buffered_bytes = 0
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

    def __enter__(self) -> Self:
        return self

    def append(self, identity: Identity, **arrays: Array) -> None:
        """Adds one sequence: the same number of rows in every array."""
        lengths = {name: len(arrays[name]) for name in self._dtypes}
        if len(set(lengths.values())) != 1 or set(arrays) != set(self._dtypes):
            raise ValueError(
                f"sequence {name_of(*identity)}: arrays {sorted(self._dtypes)} of equal length are "
                f"required, got {lengths}"
            )
        count = next(iter(lengths.values()))
        stored = {n: np.array(arrays[n], dtype=dtype) for n, dtype in self._dtypes.items()}
        for name, rows in stored.items():
            self._buffer[name].append(rows)
            self._buffered_bytes += rows.nbytes
        for column, value in {
            **dict(zip(IDENTITY, identity, strict=True)),
            "first_frame": self._rows,
            "frame_count": count,
            "digest": _digest(stored),
        }.items():
            self._columns[column].append(value)
        self._rows += count
        if self._buffered_bytes >= BUFFER_BYTES:
            self._write_buffer()

    def _write_buffer(self) -> None:
        for name, buffered in self._buffer.items():
            if buffered:
                rows, data = np.concatenate(buffered), self._file[name]
                data.resize(len(data) + len(rows), axis=0)
                data[len(data) - len(rows) :] = rows
                buffered.clear()
        self._buffered_bytes = 0
        self._disk.raise_error()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._write_buffer()
                self._write_table()
                # Written last: a file without this attribute is incomplete.
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

    def set_attribute(self, name: str, value: str) -> None:
        """Adds an attribute that is known only after the sequences are appended."""
        self._file.attrs[name] = _stored(value)

    def _write_table(self) -> None:
        group = self._file.create_group("sequences")
        for column, values in self._columns.items():
            data = _text(values) if column in TEXT_COLUMNS else np.array(values, dtype="int64")
            chunks = (max(1, len(data)),)
            group.create_dataset(
                column, data=data, chunks=chunks, maxshape=(None,), fletcher32=True
            )


def _text(values: list[str]) -> Array:
    """Returns names as UTF-8 of one length; HDF5 has checksums for these only."""
    return np.array([value.encode() for value in values], dtype="S")


def _digest(arrays: Mapping[str, Array]) -> str:
    """Returns the first 16 digits of the SHA-256 of a sequence's rows."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}\n".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()[:16]


def table_digest(sequences: pd.DataFrame) -> str:
    """Returns a digest of the names and rows of some sequences of a file, in their order."""
    names = sequences[list(TEXT_COLUMNS)].itertuples(index=False, name=None)
    return hashlib.sha256("\n".join(map(repr, names)).encode()).hexdigest()[:16]


def _stored(value: object) -> Any:
    """Returns text as bytes of fixed length; HDF5 has checksums for these only."""
    return np.bytes_(value.encode() or b"\0") if isinstance(value, str) else value


def read_attributes(file: h5py.File) -> dict[str, Any]:
    """Returns the attributes of a file, text as `str`."""
    return {n: v.decode() if isinstance(v, bytes) else v for n, v in file.attrs.items()}


class RaggedFile:
    """A ragged file opened for reading by `open_ragged`.

    Attributes:
        sequences: a row per sequence: subject, type, view, first_frame, frame_count, digest (of its
            rows).
        attributes: where the content comes from.
        arrays: by name; their rows are read on access.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file
        self.attributes = read_attributes(file)
        # By name, because `items()` silently skips an array whose header is damaged.
        self.arrays: dict[str, h5py.Dataset] = {n: file[n] for n in file if n != "sequences"}
        group = file["sequences"]
        columns: dict[str, Any] = {c: np.char.decode(group[c][:], "utf-8") for c in TEXT_COLUMNS}
        columns |= {c: group[c][:] for c in INTEGER_COLUMNS}
        self.sequences = pd.DataFrame(columns)[[*IDENTITY, *INTEGER_COLUMNS, "digest"]]

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
                "Delete the file and run the same command again to recreate it."
            ) from error
        return rows


@contextmanager
def open_ragged(path: Path, *, kind: str) -> Iterator[RaggedFile]:
    """Yields the opened file.

    Raises:
        UserError: the file is missing, truncated, unfinished, of another kind or another schema.
    """
    fix = "Delete it and run the same command again to recreate it."
    if not path.exists():
        raise UserError(
            f"{path}: no such file; one of kind '{kind}' is required. Run the stage that writes "
            "it, or check the path."
        )
    try:
        # The pipeline never writes to a file under its final name. Readers need no lock, so file
        # systems without locks (NFS, Lustre) work.
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise UserError(
            f"{path}: not a readable HDF5 file ({error}). Delete it if the pipeline wrote "
            "it, and run the same command again; otherwise check the path."
        ) from error
    with file:
        try:
            _check_kind(path, file, kind, fix)
            opened = RaggedFile(path, file)
        # h5py raises these if HDF5's own structures are damaged.
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            raise UserError(f"{path}: damaged ({error}). {fix}") from error
        yield opened


def _check_kind(path: Path, file: h5py.File, kind: str, fix: str) -> None:
    """Raises a UserError for a file of another kind or schema, or an incomplete one."""
    found = read_attributes(file)
    if found.get("kind") != kind:
        raise UserError(f"{path}: a {kind} file is required, this is '{found.get('kind')}'. {fix}")
    if found.get("schema") != SCHEMA:
        raise UserError(
            f"{path}: schema {SCHEMA} is required, this file has {found.get('schema')}, written by "
            f"gaittake {found.get('package')}. {fix}"
        )
    if not found.get("complete", False):
        raise UserError(f"{path}: incomplete; it was not fully written or copied. {fix}")
