"""Array types, named by their dtype. Shapes are in the docstrings that use them."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Uint8s = npt.NDArray[np.uint8]


def describe_array(value: object) -> str:
    """Returns type and shape of an array, `float64 [30, 17, 2]`, or the class of anything else."""
    if not isinstance(value, np.ndarray):
        return f"a {type(value).__name__}"
    return f"{value.dtype} {list(value.shape)}"
