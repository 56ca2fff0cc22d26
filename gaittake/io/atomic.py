"""Atomic writes: to a temporary name first, renamed when the content is complete."""

import errno
import glob
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from gaittake.errors import UserError
from gaittake.machine import is_alive, machine_name


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path next to `path`; renames it to `path` if the block succeeds.

    Raises:
        OSError: the folder is not writable, `path` is a folder, or the disk is full. `path` stays
            as it was; the error names it.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    # torch.save stores the file's name without its suffix: it must be the same in each run.
    temporary = path.with_name(f".{path.name}.tmp-{_machine()}-{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        # "Disk full" names no file, others the temporary one.
        if error.errno is not None and str(error.filename) in ("None", str(temporary)):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder next to `path`; it replaces `path` if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_writable(path: Path) -> None:
    """Checks that a file can be written at a place, before anything is computed.

    Raises:
        UserError: it is a folder, below a file, or in a folder that is not writable.
    """
    if path.is_dir():
        raise UserError(f"{path}: a folder; the name of a file to write is required")
    above = next(folder for folder in path.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        raise UserError(f"{path}: {above} is no folder; choose another location")
    if not os.access(above, os.W_OK | os.X_OK):
        raise UserError(f"{path}: no permission to write in {above}; choose a writable location")


def require_replaceable(folder: Path, *, made: Collection[str] = ()) -> None:
    """Checks that a folder that `whole_folder` replaces holds nothing that would be lost.

    Args:
        folder: need not exist.
        made: names that an earlier run of the same command leaves in it.

    Raises:
        UserError: it is a file, or holds something else.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise UserError(f"{folder}: a file; name a new folder")
    others = sorted(path.name for path in folder.glob("*") if path.name not in made)
    if others:
        raise UserError(
            f"{folder}: exists and is not empty; '{others[0]}' would be deleted. Name a new folder"
        )


def _remove_leftovers(path: Path) -> None:
    """Removes temporary files of `path` that killed processes of this machine left behind."""
    pattern = f".{glob.escape(path.name)}.tmp-{glob.escape(_machine())}-*"
    for leftover in path.parent.glob(pattern):
        process = leftover.name.rpartition("-")[2]
        if process.isdigit() and not is_alive(int(process)):
            leftover.unlink(missing_ok=True)


def _machine() -> str:
    """Returns this machine's name, its dots replaced."""
    return machine_name().replace(".", "-")
