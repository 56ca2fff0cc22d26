"""Verification by the standard: FMR and FNMR of each subject's pairs, over thresholds.

A pair of a probe and a gallery sequence matches if its distance is at most the threshold. FMR is
the share of pairs of different subjects that match, FNMR that of pairs of one subject that do not
(ISO/IEC 19795-1). Pairs are counted by the probe's subject, so that subjects can be drawn again and
compared by group, in the bins of `gaittake.evaluation.verification`: no score is stored. Of the
bins, SPAN are kept, from 1/16 of the gallery's typical radius to four times it. Nearer pairs count
in the first bin and farther ones in the last, so no rate is stated too low.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.arrays import Float64s, Int64s
from gaittake.evaluation.intervals import Resampled, resampled
from gaittake.evaluation.verification import BINS, CURVE, DROPPED_BITS, thresholds

SPAN = 6 << 10  # six octaves
FMR = (0.01, 0.001)
MOST_ACCEPTED = 0.2  # no threshold with a higher FMR is needed in a resample


class SubjectPairs(NamedTuple):
    """Number of pairs in each bin of distances, updated in place.

    Attributes:
        lowest: the first bin that is kept.
        same: `[s, SPAN]` pairs of one subject.
        different: `[s, SPAN]` pairs of two subjects, by the probe's.
    """

    lowest: int
    same: Int64s
    different: Int64s


class Verified(NamedTuple):
    """Errors at one threshold.

    Attributes:
        threshold: largest distance that matches.
        misses: `[s]` pairs of one subject that do not match.
        same: `[s]` pairs of one subject.
        false_matches: `[s]` pairs of two subjects that match.
        different: `[s]` pairs of two subjects.
        fnmr: the rate, with its resamples.
    """

    threshold: float
    misses: Int64s
    same: Int64s
    false_matches: Int64s
    different: Int64s
    fnmr: Resampled


def empty_pairs(subjects: int, radius: float) -> SubjectPairs:
    """Returns counts without pairs.

    Args:
        subjects: number of subjects.
        radius: typical distance of a gallery sequence from their mean.
    """
    highest = int(np.float32(4 * radius).view(np.int32)) >> DROPPED_BITS
    lowest = min(max(0, highest - SPAN + 1), BINS - SPAN)
    return SubjectPairs(lowest, *np.zeros((2, subjects, SPAN), np.int32))


def count_pairs(counts: Int64s, lowest: int, distances: Tensor, subjects: Int64s) -> None:
    """Adds distances to counts `[s, SPAN]`; inf is skipped.

    Args:
        counts: of the pairs of one kind.
        lowest: the first bin that is kept.
        distances: `[n, m]` float32.
        subjects: `[n]` of the probes.
    """
    if not len(subjects):
        return
    present, place = np.unique(subjects, return_inverse=True)
    bits = distances.contiguous().view(torch.int32) >> DROPPED_BITS
    skipped = bits >= BINS
    bits = bits.sub_(lowest).clamp_(0, SPAN - 1).masked_fill_(skipped, SPAN)
    bits += torch.from_numpy(place.astype(np.int32))[:, None] * (SPAN + 1)
    found = torch.bincount(bits.flatten(), minlength=len(present) * (SPAN + 1))
    counts[present] += found.view(len(present), SPAN + 1)[:, :SPAN].numpy().astype(counts.dtype)


def verify(pairs: SubjectPairs, at: float) -> Verified | None:
    """Returns the errors at the largest threshold whose FMR is at most `at`.

    None if there are fewer than 1 / `at` pairs of different subjects, or none of one subject: they
    cannot measure it. In resamples, the threshold is that of the drawn subjects.
    """
    different, same = (item.sum(axis=1, dtype=np.int64) for item in (pairs.different, pairs.same))
    if different.sum() * at < 1 or not same.any():
        return None
    total = pairs.different.sum(axis=0, dtype=np.int64).cumsum()
    stop = 1 + int(np.searchsorted(total, MOST_ACCEPTED * total[-1], side="right"))
    accepted, matched = (
        item[:, :stop].cumsum(axis=1, dtype=np.int64) for item in (pairs.different, pairs.same)
    )
    # A column in front: nothing matches.
    accepted, matched = (np.pad(item, ((0, 0), (1, 0))) for item in (accepted, matched))

    probing = same + different > 0  # only people with a probe are drawn
    of_same, of_different, of_matched, of_accepted = (
        item[probing] for item in (same, different, matched, accepted)
    )

    def place(weights: Float64s) -> Int64s:
        allowed = at * (weights @ of_different)
        # Sums of weighted counts are integers: a difference below one half is rounding.
        within = weights @ of_accepted <= allowed[:, None] + 1e-6
        last: Int64s = within.sum(axis=1) - 1
        return last

    def fnmr(weights: Float64s) -> Float64s:
        of = weights @ of_same
        rows = np.arange(len(weights))
        matching = (weights @ of_matched)[rows, place(weights)]
        rate: Float64s = np.where(of > 0, 1 - matching / np.where(of > 0, of, 1), np.nan)
        return rate

    column = int(place(np.ones((1, len(of_same))))[0])
    edges = np.concatenate([[0.0], thresholds()[pairs.lowest :][:stop]])
    rate = resampled(fnmr, len(of_same))
    if rate is None:
        return None
    rate = rate._replace(without=rate.without[of_same > 0])
    return Verified(
        float(edges[column]),
        same - matched[:, column],
        same,
        accepted[:, column],
        different,
        rate,
    )


def det(pairs: SubjectPairs) -> dict[str, list[float]]:
    """Returns the DET curve: FNMR at each FMR of CURVE that the pairs can measure."""
    different, same = (item.sum(axis=0, dtype=np.int64).cumsum() for item in pairs[2:0:-1])
    measured = [at for at in CURVE if at * different[-1] >= 1 and same[-1]]
    places = [int(np.searchsorted(different, at * different[-1], side="right")) for at in measured]
    matched = np.concatenate([[0], same])
    return {"fmr": measured, "fnmr": [float(1 - matched[place] / same[-1]) for place in places]}
