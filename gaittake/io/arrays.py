"""Arrays of numbers from pickles, the files of OpenGait. Nothing in a pickle is executed.

Loading a pickle with `pickle.load` can execute any program. Here the names that NumPy writes for an
array stand for functions of this file, which collect shape, type and bytes. No other name is looked
up, and NumPy sees only values that were checked.
"""

import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float32s
from gaittake.keypoints import with_confidences

Array = npt.NDArray[Any]
ARRAY = ".pkl"
FOREIGN = "pickle of a program or object, nothing of it was executed"
UNREADABLE = "unreadable pickle"
NO_SILHOUETTES = "pickle without uint8 silhouettes"
NO_KEYPOINTS = "pickle without 17 keypoints"
_NUMBERS = "biuf"  # kinds of numbers; other types could hold objects
_LONGEST = 80  # characters of a reason's details
_MODULES = frozenset(
    {
        "numpy",
        "numpy.core.multiarray",
        "numpy._core.multiarray",
        "numpy.core.numeric",
        "numpy._core.numeric",
    }
)


class _ForeignError(pickle.UnpicklingError):
    """The pickle names something that is not a part of an array of numbers."""


class _Numbers:
    """A type of numbers: in the place of `numpy.dtype`."""

    __slots__ = ("dtype",)

    def __init__(self, code: object, *_: object) -> None:
        known = isinstance(code, str) and len(code) <= 4 and "," not in code
        if not known or np.dtype(str(code)).kind not in _NUMBERS:
            raise _ForeignError(f"an array of {code!r}")
        self.dtype = np.dtype(str(code))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Sets the byte order; the rest of the state describes records."""
        self.dtype = self.dtype.newbyteorder(state[1])


class _Built:
    """An array whose shape, type and bytes follow: in the place of `numpy.ndarray`."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: Array | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Sets shape, type, whether the first axis varies fastest, and bytes."""
        _, shape, numbers, first_fastest, content = state
        if not isinstance(numbers, _Numbers) or not isinstance(content, bytes | bytearray):
            raise _ForeignError("an array of objects")
        if math.prod(shape) * numbers.dtype.itemsize != len(content):
            raise pickle.UnpicklingError("shape and number of bytes differ")
        flat = np.frombuffer(content, numbers.dtype)
        self.array = flat.reshape(shape, order="F" if first_fastest else "C")


class _Part:
    """A name in the pickle, which can only be called."""

    __slots__ = ("meaning",)

    def __init__(self, meaning: Callable[..., Any]) -> None:
        self.meaning = meaning

    def __call__(self, *arguments: Any) -> Any:
        return self.meaning(*arguments)


def _reconstruct(kind: object, *_: object) -> _Built:
    if not isinstance(kind, _Part) or kind.meaning is not _Built:
        raise _ForeignError("an array of another class")
    return _Built()


def _from_buffer(content: Any, numbers: Any, shape: Any, order: str, *_: object) -> _Built:
    """Returns an array of protocol 5."""
    built = _Built()
    built.__setstate__((1, shape, numbers, order == "F", content))
    return built


def _latin_1(text: str, encoding: str) -> bytes:
    """Returns the bytes that protocols before 3 keep as text."""
    if encoding != "latin1":
        raise _ForeignError(f"text in {encoding!r}")
    return text.encode("latin1")


_PARTS: dict[str, Callable[..., Any]] = {
    "ndarray": _Built,
    "dtype": _Numbers,
    "_reconstruct": _reconstruct,
    "_frombuffer": _from_buffer,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Collects the parts of an array, and nothing else."""

    def find_class(self, module: str, name: str) -> _Part:
        """Returns what stands for a part of an array.

        Raises:
            UnpicklingError: it is something else.
        """
        # A new object each time: a pickle can change what it names, and must not for the next one.
        if module in _MODULES and name in _PARTS:
            return _Part(_PARTS[name])
        if (module, name) == ("_codecs", "encode"):
            return _Part(_latin_1)
        raise _ForeignError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        """Refuses references to objects outside the file."""
        raise _ForeignError(f"a reference to {pid!r}")


def read_array(path: Path) -> Array:
    """Returns the array of numbers that a pickle holds, read-only.

    Raises:
        ValueError: it holds anything else, or is damaged; the message is a reason for a reject.
    """
    try:
        content = path.read_bytes()
        stream = io.BytesIO(content)
        found = _ArrayUnpickler(stream).load() if content else None
    except _ForeignError as error:
        raise ValueError(f"{FOREIGN}: {str(error)[:_LONGEST]}") from error
    except Exception as error:  # damaged files raise many kinds of errors
        raise ValueError(f"{UNREADABLE}: {_why(error)}") from error
    if not content:
        raise ValueError(f"{UNREADABLE}: empty file")
    if not isinstance(found, _Built) or found.array is None:
        kind = type(found).__name__.removeprefix("_")
        raise ValueError(f"{UNREADABLE}: one array is required, found {kind}")
    more = len(content) - stream.tell()
    if more:  # appended by a second `pickle.dump`, or the end of an older, longer file
        raise ValueError(f"{UNREADABLE}: {more} bytes follow the array")
    return found.array


def read_silhouettes_array(path: Path) -> npt.NDArray[np.uint8]:
    """Returns the silhouettes of a pickle, `[n, rows, columns]` uint8.

    Raises:
        ValueError: it has none; the message is a reason for a reject.
    """
    found = read_array(path)
    if found.ndim != 3 or found.dtype != np.uint8 or not found.size:
        raise ValueError(f"{NO_SILHOUETTES}: {_described(found)}")
    if found.max() == 1:
        raise ValueError(f"{NO_SILHOUETTES}: levels 0 and 1, levels up to 255 are required")
    return found


def read_keypoints_array(path: Path) -> Float32s:
    """Returns the keypoints of a pickle, `[n, 17, 3]`: x and y in pixels, confidence 0…1.

    Raises:
        ValueError: it has none; the message is a reason for a reject.
    """
    found = read_array(path)
    if found.ndim != 3 or found.shape[1:] != (17, 3) or not found.size:
        raise ValueError(f"{NO_KEYPOINTS}: {_described(found)}")
    with np.errstate(over="ignore"):
        numbers = found.astype(np.float32)
    damaged = np.count_nonzero(~np.isfinite(numbers).all(axis=(1, 2)))
    if damaged:
        frames = f"in {damaged} of {len(numbers)} frames"
        raise ValueError(f"{NO_KEYPOINTS}: some are not finite {frames}")
    return with_confidences(numbers)


def _described(array: Array) -> str:
    return f"{array.dtype.name} of shape {'×'.join(map(str, array.shape)) or 'none'}"


def _why(error: Exception) -> str:
    cut = isinstance(error, EOFError) or "truncated" in str(error)
    return "truncated" if cut else str(error)[:_LONGEST] or type(error).__name__


def write_array(array: Array, path: Path) -> None:
    """Writes a pickle that NumPy 1 and 2 read, with a name that NumPy 2 keeps for old files."""
    content = pickle.dumps(np.ascontiguousarray(array), protocol=3)
    path.write_bytes(content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1))
