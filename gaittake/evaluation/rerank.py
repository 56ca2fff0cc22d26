"""Re-ranking by reciprocal neighbours: two sequences are near if they have the same neighbours.

Source: Zhong et al. 2017, "Re-ranking Person Re-identification with k-reciprocal Encoding". The
distances of all pairs of probes and gallery are in memory: 8 bytes each, 2 GB for 16,000 sequences.
"""

import numpy as np
import numpy.typing as npt
import torch

from gaittake.arrays import Float64s, Int64s
from gaittake.evaluation.bounds import ROWS, fit_projection, lower_bounds, sketch
from gaittake.evaluation.distance import Embeddings

K1, K2 = 6, 6  # neighbours, and neighbours to average over; ASSUME: OpenGait's for HID
KEPT = 0.3  # weight of the distance itself; ASSUME: OpenGait's for HID
SHARED = 2 / 3  # share of a neighbour's neighbours that must be shared to add all of them


def nearest_reciprocal(probes: Embeddings, gallery: Embeddings, k: int) -> Int64s:
    """Returns `[n, k]`: places of the k nearest gallery sequences after re-ranking.

    Args:
        probes: `[n, p, d]`, as `gaittake.evaluation.distance.as_parts` returns them.
        gallery: `[m, p, d]`.
        k: at most m.
    """
    distances = all_distances(np.concatenate([probes, gallery]))
    order = np.argsort(reranked(distances, len(probes)), axis=1, kind="stable")
    return order[:, :k]


def all_distances(embeddings: Embeddings) -> Float64s:
    """Returns distances `[n, n]`, precise to about a millionth; 0 on the diagonal."""
    projection = fit_projection([embeddings], directions=embeddings.shape[2])._replace(axes=None)
    other = sketch(projection, embeddings, probes=False, dtype=torch.float64).factors
    found = np.empty((len(embeddings), len(embeddings)))
    for first in range(0, len(embeddings), ROWS):
        rows = slice(first, first + ROWS)
        one = sketch(projection, embeddings[rows], probes=True, dtype=torch.float64).factors
        found[rows] = lower_bounds(one, other).numpy()
    np.fill_diagonal(found, 0)
    return found


def reranked(distances: Float64s, probes: int, *, k1: int = K1, k2: int = K2) -> Float64s:
    """Returns the new distances `[probes, n - probes]` of the first rows to the others.

    Args:
        distances: `[n, n]` of all sequences, the probes first.
        probes: number of probes.
        k1: neighbours that must be mutual.
        k2: nearest sequences over which the neighbourhoods are averaged.
    """
    # Squared and relative to the farthest sequence, as in the paper's experiments.
    squared = (distances**2 / np.max(distances**2, axis=0)).T
    order = np.argsort(squared, axis=1, kind="stable")[:, : max(k1 + 1, k2)]
    weights = np.zeros(distances.shape, dtype=np.float32)
    for row in range(len(distances)):
        near = _expanded(order, row, k1)
        weight = np.exp(-squared[row, near])
        weights[row, near] = weight / weight.sum()
    averaged = np.stack([weights[order[row, :k2]].mean(axis=0) for row in range(len(order))])
    jaccard = np.empty((probes, len(distances) - probes))
    for row in range(probes):
        near = np.flatnonzero(averaged[row])
        shared = np.minimum(averaged[row, near], averaged[probes:, near]).sum(axis=1)
        jaccard[row] = 1 - shared / (2 - shared)
    final: Float64s = (1 - KEPT) * jaccard + KEPT * squared[:probes, probes:]
    return final


def _expanded(order: Int64s, row: int, k1: int) -> npt.NDArray[np.int64]:
    """Returns a sequence's mutual neighbours, and those of neighbours that share most of theirs."""
    own = _mutual(order, row, k1)
    found = [own]
    for neighbour in own:
        others = _mutual(order, int(neighbour), round(k1 / 2))
        if len(np.intersect1d(others, own)) > SHARED * len(others):
            found.append(others)
    return np.unique(np.concatenate(found))


def _mutual(order: Int64s, row: int, k: int) -> Int64s:
    """Returns the k nearest sequences (and itself) that have this one among their own k."""
    near = order[row, : k + 1]
    mutual: Int64s = near[(order[near, : k + 1] == row).any(axis=1)]
    return mutual
