"""Atomic writes: to a temporary name first, renamed when the content is complete."""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gaittake.machine import is_alive, machine_name


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path next to `path`; renames it to `path` if the block succeeds.

    Raises:
        OSError: the folder is not writable, or the disk is full. `path` stays as it was.
    """
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
        if error.errno is not None and error.filename is None:  # "disk full" names no file
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
