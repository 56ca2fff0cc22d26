"""Embeddings from the file of the embed stage, and exact distances between them in float64.

`gaittake.evaluation.bounds` decides most comparisons of a large evaluation without exact distances.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gaittake.arrays import Bools, Float32s, Float64s, Int64s
from gaittake.errors import UserError
from gaittake.sequence import name_of

if TYPE_CHECKING:
    from gaittake.io.ragged import RaggedFile

Embeddings = Float32s  # [n, p, d]
LARGEST = 1e15  # of an embedding's values: their squares must fit into float32
# Pairs per block: few enough that their differences stay in a core's cache.
PAIRS = 8


def read_embeddings(opened: "RaggedFile", chosen: Int64s) -> Embeddings:
    """Returns the embeddings `[n, p, d]` of some sequences.

    Args:
        opened: the embeddings file, with one row per sequence.
        chosen: row numbers, ascending.

    Raises:
        UserError: an embedding has a value that is not finite, or larger than LARGEST.
    """
    shape = opened.arrays["embeddings"].shape[1:]
    embeddings = np.empty((len(chosen), *shape), dtype=np.float32)
    breaks = np.flatnonzero(np.diff(chosen) != 1) + 1
    starts, stops = np.r_[0, breaks], np.r_[breaks, len(chosen)]
    for start, stop in zip(starts, stops, strict=True):
        if start < stop:
            rows = opened.read("embeddings", int(chosen[start]), int(stop - start))
            embeddings[start:stop] = rows
    values = embeddings.reshape(len(chosen), -1)
    largest = np.maximum(values.max(axis=1), -values.min(axis=1))
    bad = ~(largest <= LARGEST)  # also of NaN
    if bad.any():
        place = int(bad.argmax())
        row = opened.sequences.iloc[int(chosen[place])]
        name = name_of(row["subject"], row["type"], row["view"])
        known = np.isfinite(largest[place])
        what = f"values of up to {largest[place]:.0e}" if known else "values that are not finite"
        raise UserError(
            f"{opened.path}: the embedding of {name} has {what}, so it has no distances; the "
            "training diverged: check the method's train.csv and lower train.learning_rate"
        )
    return embeddings


def require_tested(opened: "RaggedFile", subjects: Sequence[str]) -> None:
    """Checks that a file holds no sequence of other people, who would be in gallery and probes.

    Args:
        opened: the embeddings file.
        subjects: the test subjects.

    Raises:
        UserError: it does.
    """
    others = sorted(set(opened.sequences["subject"]) - set(subjects))
    if others:
        shown = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
        raise UserError(
            f"{opened.path}: embeddings of people whom protocol.test_subjects does not name "
            f"({shown}), and who would be searched among those it names; run `gaittake embed` with "
            "these settings first"
        )


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


def nearest_first(distances: Float64s, own: Bools) -> Int64s:
    """Returns `[n, m]`: places of the gallery sequences of each probe, in the order of their ranks.

    At equal distances, other subjects come first, as in `gaittake.evaluation.retrieval`.

    Args:
        distances: `[n, m]`.
        own: `[n, m]` whether a sequence is of the probe's subject.
    """
    order: Int64s = np.lexsort((own, distances), axis=1)
    return order
