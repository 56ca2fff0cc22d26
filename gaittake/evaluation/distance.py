"""Distances between embeddings in float64, where every digit counts or there are few of them.

`gaittake.evaluation.bounds` decides most comparisons of a large evaluation without them.
"""

import numpy as np
import numpy.typing as npt

Embeddings = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
# Pairs at once: few enough that their differences stay in a core's cache.
PAIRS = 8


def as_parts(embeddings: Embeddings, kind: str) -> Embeddings:
    """Returns `[n, p, d]` as the distance takes it.

    Args:
        embeddings: `[n, p, d]`.
        kind: `parts`: mean over the parts of Euclidean distances; `flat`: one Euclidean distance
            between the flattened embeddings, `[n, 1, p * d]` (ASSUME: `parts`; the paper does not
            say).
    """
    return embeddings.reshape(len(embeddings), 1, -1) if kind == "flat" else embeddings


def pair_distances(one: Embeddings, other: Embeddings, rows: Integers, columns: Integers) -> Floats:
    """Returns the distance of each pair of row and column: the mean of the parts' Euclidean ones.

    Equal pairs give equal numbers, whatever they are computed together with: a tie is a tie.

    Args:
        one: `[n, p, d]`, as `as_parts` gives it.
        other: `[m, p, d]`.
        rows: `[pairs]` which of `one`.
        columns: `[pairs]` which of `other`.
    """
    found = np.empty(len(rows))
    for first in range(0, len(rows), PAIRS):
        pairs = slice(first, first + PAIRS)
        difference = one[rows[pairs]].astype(np.float64)
        difference -= other[columns[pairs]]
        difference *= difference
        found[pairs] = np.sqrt(difference.sum(axis=2)).mean(axis=1)
    return found


def distances(probes: Embeddings, gallery: Embeddings, *, kind: str = "parts") -> Floats:
    """Returns `[n, m]` distances between probes `[n, p, d]` and gallery `[m, p, d]`."""
    rows, columns = np.indices((len(probes), len(gallery))).reshape(2, -1)
    pairs = pair_distances(as_parts(probes, kind), as_parts(gallery, kind), rows, columns)
    return pairs.reshape(len(probes), len(gallery))
