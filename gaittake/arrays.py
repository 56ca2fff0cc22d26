"""Array types, named by their dtype. Shapes are in the docstrings that use them."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Uint8s = npt.NDArray[np.uint8]
