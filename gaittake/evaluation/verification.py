"""Verification: error rates of deciding whether two sequences show one subject, from histograms.

A pair of a probe and a gallery sequence is accepted if its distance is at most the threshold.
Distances are counted in bins of at most 1/1024 of the distance (a float32 without its last 13
bits): billions of pairs need 4 MB, and no pair is stored. The distances of different subjects are
lower bounds (`gaittake.evaluation.bounds`), less than a bin below the exact distance. In galleries
large enough for sketches they are typically 0.02 % below it, and 0.2 % for the nearest thousandth
of the pairs (measured on trained embeddings). The stated false accepts are therefore never too low.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.arrays import Float64s, Int64s

DROPPED_BITS = 13
RESOLUTION = 2.0 ** (DROPPED_BITS - 23)
# Up to float32's infinity, which marks a pair that does not count.
BINS = 0x7F800000 >> DROPPED_BITS
FALSE_ACCEPTS = (0.001, 0.01, 0.05)
CURVE = tuple(np.logspace(-4, 0, 41).tolist())
SHOWN_BINS = 40
QUANTILES = (0.001, 0.01, *(n / 20 for n in range(1, 20)), 0.99, 0.999)


class Histogram(NamedTuple):
    """Number of pairs in each bin of distances; `[BINS]` each, updated in place.

    Attributes:
        same: pairs of one subject.
        different: pairs of two subjects.
    """

    same: Int64s
    different: Int64s


def empty_histogram() -> Histogram:
    """Returns a histogram without pairs."""
    return Histogram(np.zeros(BINS, np.int64), np.zeros(BINS, np.int64))


def add(counts: Int64s, distances: Tensor) -> None:
    """Adds float32 distances to the counts `[BINS]` of a histogram; inf is skipped."""
    bits = distances.contiguous().view(torch.int32).flatten() >> DROPPED_BITS
    counts += torch.bincount(bits, minlength=BINS + 1)[:BINS].numpy()


def thresholds() -> Float64s:
    """Returns `[BINS]`: the largest float32 in each bin, as float64."""
    bits = (np.arange(1, BINS + 1, dtype=np.int32) << DROPPED_BITS) - 1
    return bits.view(np.float32).astype(np.float64)


def verification(histogram: Histogram) -> dict[str, Any] | None:
    """Returns the error rates; None without pairs of the same or of different subjects.

    `at_false_accepts` has the operating points at 0.1, 1 and 5 % false accepts: the largest
    threshold with at most this share of false accepts, and its share of true accepts. For
    `histogram`, which figures show, see `coarse`.
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
        "histogram": coarse(histogram),
        "quantiles": {
            "shares": list(QUANTILES),
            "same": quantiles(edges, true_accepts),
            "different": quantiles(edges, false_accepts),
        },
    }


def coarse(histogram: Histogram) -> dict[str, list[float]]:
    """Returns the share of the pairs in each of SHOWN_BINS equally wide bins of distance.

    `edges` has one number more than `same` and `different`. An edge is exact to RESOLUTION.

    Args:
        histogram: with pairs of one subject and of different subjects.
    """
    used = np.flatnonzero(histogram.same + histogram.different)
    distance = thresholds()[used]
    edges = np.linspace(distance[0], distance[-1], SHOWN_BINS + 1)
    places = np.searchsorted(edges, distance, side="right") - 1
    places = np.minimum(places, SHOWN_BINS - 1)  # the last edge belongs to the last bin
    counts = (np.bincount(places, item[used], SHOWN_BINS) / item.sum() for item in histogram)
    same, different = (found.tolist() for found in counts)
    return {"edges": edges.tolist(), "same": same, "different": different}


def operating_point(
    edges: Float64s, true_accepts: Float64s, false_accepts: Float64s, at: float
) -> dict[str, float]:
    """Returns the largest threshold whose share of false accepts is at most `at`.

    Args:
        edges: `[b]` thresholds, ascending.
        true_accepts: `[b]` share of the pairs of one subject at or below each threshold.
        false_accepts: `[b]` share of the pairs of different subjects at or below each.
        at: the largest share of false accepts.
    """
    place = int(np.searchsorted(false_accepts, at, side="right")) - 1
    if place < 0:
        return {"threshold": 0.0, "true_accepts": 0.0, "false_accepts": 0.0}
    return {
        "threshold": float(edges[place]),
        "true_accepts": float(true_accepts[place]),
        "false_accepts": float(false_accepts[place]),
    }


def equal_error(
    edges: Float64s, true_accepts: Float64s, false_accepts: Float64s
) -> tuple[float, float]:
    """Returns the rate at which false accepts equal false rejects, and its threshold.

    Both rates are interpolated linearly between two thresholds.
    """
    # Nothing is accepted below the first threshold, everything at the last.
    difference = np.concatenate([[-1.0], false_accepts - (1 - true_accepts)])
    accepts = np.concatenate([[0.0], false_accepts])
    after = int(np.argmax(difference >= 0))
    before = after - 1
    share = -difference[before] / (difference[after] - difference[before])
    rate = accepts[before] + share * (accepts[after] - accepts[before])
    return float(rate), float(edges[before])


def quantiles(edges: Float64s, accepted: Float64s) -> list[float]:
    """Returns the distances at QUANTILES of the pairs."""
    places = np.searchsorted(accepted, QUANTILES, side="left")
    return [float(edges[place]) for place in np.minimum(places, len(edges) - 1)]
