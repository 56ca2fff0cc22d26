"""Lower bounds of distances, cheap enough for all pairs, tight enough to decide nearly all of them.

An embedding minus the gallery's mean, in the leading principal directions of its part, and the
length of what is left over: a sketch of k + 1 numbers. The distance of two sketches is never
larger than the distance of the embeddings, and smaller by no more than what is left over of both.
Trained embeddings lie near a common mean and in few directions, so that a sketch of 16 to 32
numbers says where a distance lies to a thousandth, and costs a tenth of the multiplications.

A bound computed in float32 is a bound still: the squared lengths are made smaller beforehand by
more than the arithmetic can err (Higham, Accuracy and Stability of Numerical Algorithms, 3.1: a
sum of K products is off by at most K u / (1 - K u) times the sum of their magnitudes).
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.evaluation.distance import Embeddings, Floats

# Share of the energy (of the sum of squares) that a sketch may leave over.
LEFT_OVER = 1e-3
# Directions are worth finding where they are used often: rows of a gallery view for each number.
WORTHWHILE = 4
SAMPLE = 1024
SHORT = 4
# Rows and columns at once, so that they stay in a core's cache.
ROWS = 256
COLUMNS = 1024


class Projection(NamedTuple):
    """How embeddings are sketched.

    Attributes:
        centre: `[p, d]` mean of the gallery.
        axes: `[p, d, k]` leading directions, orthonormal; None: all numbers are kept.
    """

    centre: Floats
    axes: Floats | None

    @property
    def short(self) -> bool:
        """Whether sketches are so much shorter than embeddings that they may all be kept."""
        return self.axes is not None and self.axes.shape[1] >= SHORT * self.axes.shape[2]


class Sketch(NamedTuple):
    """Sketches of some embeddings.

    Attributes:
        factors: `[p, n, k + 3]`: a row of the probes' times a row of the gallery's is a squared
            distance, smaller by what the arithmetic may err.
        slack: `[n]` float64: a distance is at most its lower bound and the slacks of both ends.
    """

    factors: Tensor
    slack: Floats


def fit_projection(gallery: Sequence[Embeddings], directions: int | None = None) -> Projection:
    """Returns the projection for a gallery.

    Args:
        gallery: `[m, p, d]` of each view.
        directions: k; None chooses it by LEFT_OVER, and keeps all numbers of a small gallery or
            where more than half of the directions were needed.
    """
    step = max(1, sum(map(len, gallery)) // SAMPLE)
    sample = np.concatenate([rows[::step] for rows in gallery])
    centre = sample.mean(axis=0, dtype=np.float64)
    size = sample.shape[2]
    if directions is None and max(map(len, gallery)) < WORTHWHILE * size:
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


def leading(energies: Floats) -> int:
    """Returns how many directions leave over at most LEFT_OVER of each part, a multiple of 8.

    Args:
        energies: `[p, d]`, largest first.
    """
    total = energies.sum(axis=1, keepdims=True)
    left_over = total - energies.cumsum(axis=1)
    needed = 1 + (left_over > LEFT_OVER * total).sum(axis=1).max()
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
        probes: which of the two.
        dtype: of the factors.
    """
    axes = projection.axes
    parts, length = projection.centre.shape[0], projection.centre.shape[1]
    if axes is not None:
        length = axes.shape[2] + 1
    factors = torch.ones(parts, len(embeddings), length + 2, dtype=dtype)
    slack = np.zeros(len(embeddings))
    error = torch.finfo(dtype).eps / 2
    # Twice what the products, the rounding of their factors and of the squares err together.
    shrink = 4 * (length + 6) * error
    for part, first in product(range(parts), range(0, len(embeddings), ROWS)):
        rows = slice(first, first + ROWS)
        points = embeddings[rows, part] - projection.centre[part]
        square = np.einsum("nd,nd->n", points, points)
        slack[rows] += np.sqrt(square) * (np.sqrt(2 * shrink) + 8 * (parts + 4) * error)
        if axes is not None:
            points = points @ axes[part]
            kept = np.einsum("nd,nd->n", points, points)
            left_over = np.sqrt(np.maximum(square - kept, 0))
            slack[rows] += left_over
            points = np.concatenate([points, left_over[:, None]], axis=1)
        # |x - y|² as one product: (-2x, |x|², 1) · (y, 1, |y|²).
        place = factors[part, rows]
        place[:, :length] = torch.from_numpy(-2 * points if probes else points)
        place[:, length if probes else length + 1] = torch.from_numpy((1 - shrink) * square)
    return Sketch(factors, slack / parts)


def lower_bounds(probes: Tensor, gallery: Tensor) -> Tensor:
    """Returns `[n, m]`: the distance of a probe and a gallery sequence is nowhere below it.

    Args:
        probes: factors `[p, n, k + 3]`; a few hundred rows at once stay in a core's cache.
        gallery: factors `[p, m, k + 3]`, by the same projection, of the same dtype.
    """
    parts = len(probes)
    total = probes.new_zeros(probes.shape[1], gallery.shape[1])
    for first in range(0, total.shape[1], COLUMNS):
        columns = slice(first, first + COLUMNS)
        block = torch.empty_like(total[:, columns])
        for part in range(parts):
            torch.mm(probes[part], gallery[part, columns].T, out=block)
            total[:, columns] += block.clamp_min_(0).sqrt_()
    # The roots and their sum may have been rounded up.
    error = torch.finfo(total.dtype).eps
    return total.mul_((1 - (parts + 4) * error) / parts)
