"""Retrieval metrics as pure functions of distances: rank-k and mean average precision."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class Retrieval(NamedTuple):
    """What each probe found.

    Attributes:
        first_hit: `[n]` rank (from 1) of the nearest gallery item of the same subject; 0: none.
        precision: `[n]` average precision; 0 where there is no such item.
        chance: `[n]` share of the gallery that is the same subject.
    """

    first_hit: npt.NDArray[np.int64]
    precision: Floats
    chance: Floats


def retrieve(distances: Floats, same: Bools) -> Retrieval:
    """Returns what each probe found.

    Args:
        distances: `[n, m]` from probe to gallery.
        same: `[n, m]` whether the two are the same subject.
    """
    order = np.argsort(distances, axis=1, kind="stable")
    hits = np.take_along_axis(same, order, axis=1)
    ranks = np.arange(1, hits.shape[1] + 1)
    total = hits.sum(axis=1)
    precision = (hits.cumsum(axis=1) / ranks * hits).sum(axis=1) / np.maximum(total, 1)
    first = np.where(total > 0, hits.argmax(axis=1) + 1, 0)
    return Retrieval(first, precision, same.mean(axis=1))


def rank_k(found: Retrieval, k: int) -> float:
    """Returns the share of probes with a hit among the nearest k; without one counts as wrong."""
    return float(((found.first_hit > 0) & (found.first_hit <= k)).mean())
