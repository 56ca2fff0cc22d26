"""Sequences stored as one pickled array, as OpenGait's preparation writes them.

Loading a pickle can execute any program. This reader allows only the parts of a NumPy array; a file
that names anything else is rejected without executing it.
"""

import io
import pickle
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric",
            "numpy._core.numeric", "numpy")  # fmt: skip
_NAMES = frozenset({"_reconstruct", "_frombuffer", "ndarray", "dtype"})
_PARTS = {name: np.zeros(1, np.uint8).__reduce_ex__(5)[0] for name in ("_frombuffer",)}
_PARTS |= {name: np.zeros(1, np.uint8).__reduce_ex__(2)[0] for name in ("_reconstruct",)}
_PARTS |= {"ndarray": np.ndarray, "dtype": np.dtype}


class _ArrayUnpickler(pickle.Unpickler):
    """Builds NumPy arrays, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Returns a part of a NumPy array.

        Raises:
            UnpicklingError: it is something else.
        """
        if module in _MODULES and name in _NAMES:
            return _PARTS[name]
        if (module, name) == ("_codecs", "encode"):  # how protocol 2 keeps bytes
            return _latin_1
        raise pickle.UnpicklingError(f"{module}.{name} is not a part of an array")

    def persistent_load(self, pid: Any) -> NoReturn:
        """Refuses references to objects outside the file."""
        raise pickle.UnpicklingError(f"a reference to {pid!r} is not a part of an array")


def _latin_1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"text in {encoding} is not a part of an array")
    return text.encode(encoding)


def read_array(path: Path) -> npt.NDArray[np.uint8] | None:
    """Returns frames `[n, rows, columns]` uint8; None if the file holds anything else."""
    try:
        found = _ArrayUnpickler(io.BytesIO(path.read_bytes())).load()
    except Exception:
        return None
    if not isinstance(found, np.ndarray) or found.ndim != 3 or found.dtype != np.uint8:
        return None
    return found if found.size else None
