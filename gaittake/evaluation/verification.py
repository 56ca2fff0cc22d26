"""Verification: is this the same person? Error rates over all thresholds, from histograms.

Pairs of a probe and a gallery sequence are accepted at or below a threshold of their distance.
Distances are counted in bins that are at most 1/1024 of the distance wide (a float32 without its
last 13 bits), so that billions of pairs need 4 MB and no pair is kept. Those of different people
are lower bounds (`gaittake.evaluation.bounds`): less than a bin below the distance, in galleries
so large that sketches are used 0.02 % below the usual distance and 0.2 % where the nearest of a
thousand strangers are (measured on trained embeddings), so that a threshold errs on the safe side.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.evaluation.distance import Floats, Integers

DROPPED_BITS = 13
RESOLUTION = 2.0 ** (DROPPED_BITS - 23)
# Of float32's infinity, which stands for a pair that does not count.
BINS = 0x7F800000 >> DROPPED_BITS
FALSE_ACCEPTS = (0.001, 0.01)
CURVE = tuple(np.logspace(-4, 0, 41).tolist())
QUANTILES = (0.001, 0.01, *(n / 20 for n in range(1, 20)), 0.99, 0.999)


class Histogram(NamedTuple):
    """How many pairs lie at each distance; `[BINS]` each, added to in place.

    Attributes:
        same: pairs of one person.
        different: pairs of two people.
    """

    same: Integers
    different: Integers


def empty_histogram() -> Histogram:
    """Returns a histogram without a pair."""
    return Histogram(np.zeros(BINS, np.int64), np.zeros(BINS, np.int64))


def add(counts: Integers, distances: Tensor) -> None:
    """Adds float32 distances to the counts `[BINS]` of a histogram; inf is left out."""
    bits = distances.contiguous().view(torch.int32).flatten() >> DROPPED_BITS
    counts += torch.bincount(bits, minlength=BINS + 1)[:BINS].numpy()


def thresholds() -> Floats:
    """Returns `[BINS]`: the largest float32 of each bin."""
    bits = (np.arange(1, BINS + 1, dtype=np.int32) << DROPPED_BITS) - 1
    return bits.view(np.float32).astype(np.float64)


def verification(histogram: Histogram) -> dict[str, Any] | None:
    """Returns the error rates; None where pairs of one of the two kinds are lacking.

    `at_false_accepts` gives, for 0.1 and 1 % false accepts, the largest threshold that accepts no
    more pairs of different people, and the share of same-person pairs that it accepts.
    """
    pairs = [int(item.sum()) for item in histogram]
    if not all(pairs):
        return None
    used = np.flatnonzero(histogram.same + histogram.different)
    edges = thresholds()[used]
    true_accepts, false_accepts = (item[used].cumsum() / item.sum() for item in histogram)
    rate, threshold = equal_error(edges, true_accepts, false_accepts)
    points = {
        str(at): operating_point(edges, true_accepts, false_accepts, at)
        for at in (*FALSE_ACCEPTS, *CURVE)
    }
    return {
        "pairs_same": pairs[0],
        "pairs_different": pairs[1],
        "resolution": RESOLUTION,
        "equal_error_rate": rate,
        "equal_error_threshold": threshold,
        "at_false_accepts": {str(at): points[str(at)] for at in FALSE_ACCEPTS},
        "roc": {
            "false_accepts": list(CURVE),
            "true_accepts": [points[str(at)]["true_accepts"] for at in CURVE],
        },
        "quantiles": {
            "shares": list(QUANTILES),
            "same": quantiles(edges, true_accepts),
            "different": quantiles(edges, false_accepts),
        },
    }


def operating_point(
    edges: Floats, true_accepts: Floats, false_accepts: Floats, at: float
) -> dict[str, float]:
    """Returns the largest threshold with no more than a share `at` of false accepts.

    Args:
        edges: `[b]` thresholds, ascending.
        true_accepts: `[b]` share of same-person pairs at or below each.
        false_accepts: `[b]` the same of different people.
        at: the share that is allowed.
    """
    place = int(np.searchsorted(false_accepts, at, side="right")) - 1
    if place < 0:
        return {"threshold": 0.0, "true_accepts": 0.0, "false_accepts": 0.0}
    return {
        "threshold": float(edges[place]),
        "true_accepts": float(true_accepts[place]),
        "false_accepts": float(false_accepts[place]),
    }


def equal_error(edges: Floats, true_accepts: Floats, false_accepts: Floats) -> tuple[float, float]:
    """Returns the rate at which false accepts equal false rejects, and the threshold there.

    Between two thresholds both rates are taken as straight lines.
    """
    # Nothing is accepted below the first threshold, everything at the last.
    difference = np.concatenate([[-1.0], false_accepts - (1 - true_accepts)])
    accepts = np.concatenate([[0.0], false_accepts])
    after = int(np.argmax(difference >= 0))
    before = after - 1
    share = -difference[before] / (difference[after] - difference[before])
    rate = accepts[before] + share * (accepts[after] - accepts[before])
    return float(rate), float(edges[before])


def quantiles(edges: Floats, accepted: Floats) -> list[float]:
    """Returns the distances that QUANTILES of the pairs do not exceed."""
    places = np.searchsorted(accepted, QUANTILES, side="left")
    return [float(edges[place]) for place in np.minimum(places, len(edges) - 1)]
