"""Write to a temporary name, rename when whole: a half-written file never has the real name."""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renamed to `path` if the block ends well.

    Raises:
        OSError: the folder cannot be written, or the disk is full. Nothing is left at `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    # torch.save writes a name up to its last dot into the file: the same in every run.
    temporary = path.with_name(f".{path.name}.tmp-{_machine()}-{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # a full disk names no file
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yields a fresh folder beside `path`; it takes the place of `path` if the block ends well."""
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
    """Removes what processes of this machine that were killed had written of the file."""
    pattern = f".{glob.escape(path.name)}.tmp-{glob.escape(_machine())}-*"
    for leftover in path.parent.glob(pattern):
        process = leftover.name.rpartition("-")[2]
        if process.isdigit() and not _runs(int(process)):
            leftover.unlink(missing_ok=True)


def _machine() -> str:
    """Returns this machine's name, without a dot."""
    return os.uname().nodename.replace(".", "-")


def _runs(process: int) -> bool:
    """Tells whether a process of this machine is alive."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True
