"""Lower bounds of distances: cheap enough for all pairs, tight enough to decide nearly all of them.

A sketch of an embedding has k + 1 numbers per part: the difference to the gallery's mean, projected
on the k leading principal directions, and the length of the residual. The distance of two sketches
is at most the distance of the embeddings, and at least that minus the two residuals. Trained
embeddings are close to a common mean and vary in few directions, so a sketch of 16 to 32 numbers
gives a distance to a thousandth, with a tenth of the multiplications.

The bounds also hold in float32: the squared lengths are reduced beforehand by more than the
rounding error (Higham, Accuracy and Stability of Numerical Algorithms, 3.1: the error of a sum of K
products is at most K u / (1 - K u) times the sum of their magnitudes).
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.arrays import Float64s
from gaittake.evaluation.distance import Embeddings

RESIDUAL = 1e-3  # largest share of the energy (sum of squares) outside the leading directions
# Smaller galleries, in rows per number of an embedding's part, are not projected: finding the
# directions would cost more than they save.
LEAST_ROWS = 4
SAMPLE = 1024  # about this many embeddings give the directions
SHORT = 4  # least ratio of an embedding's length to its sketch's for keeping all sketches
# Rows and columns per block, which stays in a core's cache.
ROWS = 256
COLUMNS = 1024


class Projection(NamedTuple):
    """Maps embeddings to sketches.

    Attributes:
        centre: `[p, d]` mean of the gallery.
        axes: `[p, d, k]` leading directions, orthonormal; None keeps all numbers.
    """

    centre: Float64s
    axes: Float64s | None

    @property
    def short(self) -> bool:
        """Whether sketches are short enough to keep those of all gallery views in memory."""
        return self.axes is not None and self.axes.shape[1] >= SHORT * self.axes.shape[2]


class Sketch(NamedTuple):
    """Sketches of some embeddings.

    Attributes:
        factors: `[p, n, k + 3]`: the product of a probe's row and a gallery sequence's row is
            their squared distance, reduced by the largest rounding error.
        slack: `[n]` float64: a distance is at most its lower bound plus both slacks.
    """

    factors: Tensor
    slack: Float64s


def fit_projection(gallery: Sequence[Embeddings], directions: int | None = None) -> Projection:
    """Returns the projection for a gallery.

    Args:
        gallery: `[m, p, d]` of each view.
        directions: k; None chooses it by RESIDUAL, and keeps all numbers if the gallery is small
            or more than half of the directions would be needed.
    """
    step = max(1, sum(map(len, gallery)) // SAMPLE)
    sample = np.concatenate([rows[::step] for rows in gallery])
    centre = sample.mean(axis=0, dtype=np.float64)
    size = sample.shape[2]
    if directions is None and max(map(len, gallery)) < LEAST_ROWS * size:
        return Projection(centre, None)
    energies, axes = [], []
    for part, mean in enumerate(centre):
        rows = sample[:, part] - mean
        energy, vectors = np.linalg.eigh(rows.T @ rows)
        energies.append(np.maximum(energy[::-1], 0))
        axes.append(vectors[:, ::-1])
    kept = leading(np.array(energies)) if directions is None else directions
    if directions is None and kept > size // 2:
        return Projection(centre, None)
    return Projection(centre, np.ascontiguousarray(np.array(axes)[:, :, :kept]))


def leading(energies: Float64s) -> int:
    """Returns the number of directions that leave at most RESIDUAL of each part, a multiple of 8.

    Args:
        energies: `[p, d]`, largest first.
    """
    total = energies.sum(axis=1, keepdims=True)
    residual = total - energies.cumsum(axis=1)
    needed = 1 + (residual > RESIDUAL * total).sum(axis=1).max()
    return int(-(-needed // 8) * 8)


def sketch(
    projection: Projection,
    embeddings: Embeddings,
    *,
    probes: bool,
    dtype: torch.dtype = torch.float32,
) -> Sketch:
    """Returns the sketches of embeddings `[n, p, d]`.

    Args:
        projection: of the gallery.
        embeddings: of the probes or the gallery.
        probes: whether these are the probes.
        dtype: of the factors.
    """
    axes = projection.axes
    parts, length = projection.centre.shape[0], projection.centre.shape[1]
    if axes is not None:
        length = axes.shape[2] + 1
    factors = torch.ones(parts, len(embeddings), length + 2, dtype=dtype)
    slack = np.zeros(len(embeddings))
    error = torch.finfo(dtype).eps / 2
    # Twice the error of the products, of their rounded factors and of the squares together.
    shrink = 4 * (length + 6) * error
    for part, first in product(range(parts), range(0, len(embeddings), ROWS)):
        rows = slice(first, first + ROWS)
        points = embeddings[rows, part] - projection.centre[part]
        square = np.einsum("nd,nd->n", points, points)
        slack[rows] += np.sqrt(square) * (np.sqrt(2 * shrink) + 8 * (parts + 4) * error)
        if axes is not None:
            points = points @ axes[part]
            kept = np.einsum("nd,nd->n", points, points)
            residual = np.sqrt(np.maximum(square - kept, 0))
            slack[rows] += residual
            points = np.concatenate([points, residual[:, None]], axis=1)
        # |x - y|² as one product: (-2x, |x|², 1) · (y, 1, |y|²).
        place = factors[part, rows]
        place[:, :length] = torch.from_numpy(-2 * points if probes else points)
        place[:, length if probes else length + 1] = torch.from_numpy((1 - shrink) * square)
    return Sketch(factors, slack / parts)


def lower_bounds(probes: Tensor, gallery: Tensor) -> Tensor:
    """Returns `[n, m]` lower bounds of the distances between probes and gallery sequences.

    Args:
        probes: factors `[p, n, k + 3]`; a few hundred rows stay in a core's cache.
        gallery: factors `[p, m, k + 3]`, of the same projection and dtype.
    """
    parts = len(probes)
    total = probes.new_zeros(probes.shape[1], gallery.shape[1])
    for first in range(0, total.shape[1], COLUMNS):
        columns = slice(first, first + COLUMNS)
        block = torch.empty_like(total[:, columns])
        for part in range(parts):
            torch.mm(probes[part], gallery[part, columns].T, out=block)
            total[:, columns] += block.clamp_min_(0).sqrt_()
    # The roots and their sum may be rounded up.
    error = torch.finfo(total.dtype).eps
    return total.mul_((1 - (parts + 4) * error) / parts)
