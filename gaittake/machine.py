"""What Linux, macOS and Windows do differently: the machine's name, its memory, file locks."""

import ctypes
import os
import platform
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Parameters of glibc's mallopt, and the bytes up to which freed memory is kept.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 2**30
# Of a machine that does not tell its memory: little enough that frames are streamed where in doubt.
UNKNOWN_MEMORY = 8 * 2**30


def machine_name() -> str:
    """Returns the machine's name in its network."""
    return platform.node()


def user_number() -> int:
    """Returns the number of the user's account; 0 on Windows, whose temporary folders are apart."""
    return os.getuid() if hasattr(os, "getuid") else 0


def physical_memory() -> int:
    """Returns the bytes of the machine's memory; 8 GiB where the system does not tell them."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf, others not these names
        return UNKNOWN_MEMORY


def keep_freed_memory() -> None:
    """Lets this process reuse the memory that it frees, instead of returning it.

    A network on a CPU frees the same large tensors in each batch and asks for them again. glibc
    gives them back to Linux each time, which must clear the pages for the next use: an eighth of
    the time of `predict`. Nothing changes where the C library is another one.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # TypeError: Windows
        return
    mallopt(_MMAP_THRESHOLD, _KEPT)
    mallopt(_TRIM_THRESHOLD, _KEPT)


def is_alive(process: int) -> bool:
    """Returns whether a process of this machine exists; where it cannot be asked, true."""
    if os.name != "posix":  # on Windows the question would be Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the process of another user
        pass
    return True


def lock_file(file: IO[str]) -> None:
    """Locks a whole file until it is closed.

    Raises:
        BlockingIOError: another process holds the lock.
        OSError: the file system or the operating system has no such locks.
    """
    _require_locks()
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_byte(file: IO[str], byte: int) -> None:
    """Locks one byte of a file, which need not have it, until the file is closed.

    Raises:
        BlockingIOError, PermissionError: another process holds it; POSIX allows both.
        OSError: the file system or the operating system has no such locks.
    """
    _require_locks()
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)


def unlock_byte(file: IO[str], byte: int) -> None:
    """Releases a byte that `lock_byte` locked."""
    fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)


def _require_locks() -> None:
    if fcntl is None:
        raise OSError(None, "this operating system has no file locks of POSIX")
