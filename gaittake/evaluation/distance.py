"""Embeddings from the file of the embed stage, and exact distances between them in float64.

`gaittake.evaluation.bounds` decides most comparisons of a large evaluation without exact distances.
"""

from typing import TYPE_CHECKING

import numpy as np

from gaittake.arrays import Float32s, Float64s, Int64s
from gaittake.errors import UserError
from gaittake.sequence import name_of

if TYPE_CHECKING:
    from gaittake.io.ragged import RaggedFile

Embeddings = Float32s  # [n, p, d]
# Pairs per block: few enough that their differences stay in a core's cache.
PAIRS = 8


def read_embeddings(opened: "RaggedFile", chosen: Int64s) -> Embeddings:
    """Returns the embeddings `[n, p, d]` of some sequences.

    Args:
        opened: the embeddings file, with one row per sequence.
        chosen: row numbers, ascending.

    Raises:
        UserError: an embedding has a value that is not finite.
    """
    shape = opened.arrays["embeddings"].shape[1:]
    embeddings = np.empty((len(chosen), *shape), dtype=np.float32)
    breaks = np.flatnonzero(np.diff(chosen) != 1) + 1
    starts, stops = np.r_[0, breaks], np.r_[breaks, len(chosen)]
    for start, stop in zip(starts, stops, strict=True):
        if start < stop:
            rows = opened.read("embeddings", int(chosen[start]), int(stop - start))
            embeddings[start:stop] = rows
    # A float64 sum of float32 values is finite if and only if all of them are.
    bad = ~np.isfinite(embeddings.reshape(len(chosen), -1).sum(axis=1, dtype=np.float64))
    if bad.any():
        row = opened.sequences.iloc[int(chosen[bad.argmax()])]
        name = name_of(row["subject"], row["type"], row["view"])
        raise UserError(
            f"{opened.path}: the embedding of {name} has values that are not finite, so it has no "
            "distances; the training diverged: check the method's train.csv and lower "
            "train.learning_rate"
        )
    return embeddings


def as_parts(embeddings: Embeddings, kind: str) -> Embeddings:
    """Returns embeddings in the shape that a kind of distance needs.

    Args:
        embeddings: `[n, p, d]`.
        kind: `parts`: mean over the parts of their Euclidean distances, `[n, p, d]`; `flat`:
            Euclidean distance of the flattened embeddings, `[n, 1, p * d]` (ASSUME: `parts`; the
            paper does not specify it).

    Raises:
        ValueError: an unknown kind.
    """
    if kind == "parts":
        return embeddings
    if kind == "flat":
        return embeddings.reshape(len(embeddings), 1, -1)
    raise ValueError(f"distance '{kind}': 'parts' or 'flat' is required")


def pair_distances(one: Embeddings, other: Embeddings, rows: Int64s, columns: Int64s) -> Float64s:
    """Returns `[pairs]`: the mean over the parts of their Euclidean distances.

    The result of a pair does not depend on the other pairs, so equal distances compare as equal.

    Args:
        one: `[n, p, d]`, as `as_parts` returns it.
        other: `[m, p, d]`.
        rows: `[pairs]` row of `one` in each pair.
        columns: `[pairs]` row of `other` in each pair.
    """
    found = np.empty(len(rows))
    for first in range(0, len(rows), PAIRS):
        pairs = slice(first, first + PAIRS)
        difference = one[rows[pairs]].astype(np.float64)
        difference -= other[columns[pairs]]
        difference *= difference
        found[pairs] = np.sqrt(difference.sum(axis=2)).mean(axis=1)
    return found


def distances(probes: Embeddings, gallery: Embeddings, *, kind: str = "parts") -> Float64s:
    """Returns distances `[n, m]` between probes `[n, p, d]` and gallery `[m, p, d]`."""
    rows, columns = np.indices((len(probes), len(gallery))).reshape(2, -1)
    pairs = pair_distances(as_parts(probes, kind), as_parts(gallery, kind), rows, columns)
    return pairs.reshape(len(probes), len(gallery))
