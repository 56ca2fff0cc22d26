"""Open-set identification: FNIR at a FPIR, with subjects who are in no gallery.

A share of the test subjects is drawn, many times anew, and removed from the gallery; their probes
are the searches without a mate. FPIR is the share of these with any candidate at or below the
threshold, FNIR the share of the other searches whose mate is not at or below it, at any rank (NIST
FRTE 1:N). A search is a probe in one cell of the gallery, and one threshold serves all of them.

For each search, the nearest sequence of each of the NEAREST nearest other subjects is kept. Where
all of these are removed, the last one's distance stands for a farther one: FPIR is never too low.
The distances are lower bounds, as in `gaittake.evaluation.verification`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gaittake.arrays import Bools, Float32s, Float64s, Int64s
from gaittake.evaluation.intervals import rule_of_three, widened_tail

Int32s = npt.NDArray[np.int32]
NEAREST = 8
SHARE = 0.2
DRAWS = 400
FPIR = (0.01, 0.003)
SEED = 0


class Others(NamedTuple):
    """The nearest other subjects of some searches, nearest first.

    Attributes:
        distances: `[..., NEAREST]` float32; inf if there is no other.
        subjects: `[..., NEAREST]` int32; -1 if there is no other.
    """

    distances: Float32s
    subjects: Int32s


class Searches(NamedTuple):
    """Searches that the protocol counts.

    Attributes:
        subject: `[q]` of the probe.
        mate: `[q]` distance of the nearest sequence of the probe's subject; inf: none.
        others: `[q, NEAREST]` the nearest other subjects.
        lost: `[s]` number of each subject's searches that a rejected sequence made impossible.
    """

    subject: Int64s
    mate: Float64s
    others: Others
    lost: Int64s


class OpenSet(NamedTuple):
    """Errors at one FPIR; sums over the draws.

    Attributes:
        fnir: mean over the draws.
        generalised: likewise, with lost searches as errors.
        interval: of 95 %, of draws in which the subjects are drawn as well; None: one subject.
        misses: `[s]` searches that miss their mate.
        mated: `[s]` searches with a mate.
        false_positives: `[s]` searches without a mate that return a candidate.
        nonmated: `[s]` searches without a mate.
    """

    fnir: float
    generalised: float
    interval: tuple[float, float] | None
    misses: Int64s
    mated: Int64s
    false_positives: Int64s
    nonmated: Int64s


def nearest_others(bounds: Tensor, owners: Int64s) -> Others:
    """Returns the nearest other subjects of each probe.

    Args:
        bounds: `[n, m]` lower bounds of distances; inf for the probe's own subject.
        owners: `[m]` subjects of the gallery.
    """
    if (np.diff(owners) < 0).any():
        order = np.argsort(owners, kind="stable")
        owners, bounds = owners[order], bounds[:, torch.from_numpy(order)]
    present, starts = np.unique(owners, return_index=True)
    if len(present) < len(owners):
        bounds = torch.from_numpy(np.minimum.reduceat(bounds.numpy(), starts, axis=1))
    found = bounds.topk(min(NEAREST, len(present)), dim=1, largest=False, sorted=True)
    distances = np.full((len(bounds), NEAREST), np.inf, dtype=np.float32)
    subjects = np.full((len(bounds), NEAREST), -1, dtype=np.int32)
    count = found.values.shape[1]
    distances[:, :count] = found.values.numpy()
    subjects[:, :count] = present[found.indices.numpy()]
    subjects[np.isinf(distances)] = -1
    return Others(distances, subjects)


def open_set(searches: Searches) -> dict[float, OpenSet | None]:
    """Returns the errors at each of FPIR; None where too few searches can measure it.

    At least 1 / FPIR searches without a mate are required in a draw, on average.
    """
    subjects = len(searches.lost)
    searching = np.unique(searches.subject)
    removed = max(1, round(SHARE * len(searching)))
    found: dict[float, OpenSet | None] = dict.fromkeys(FPIR)
    measured = [at for at in FPIR if len(searches.subject) * at * removed >= max(1, len(searching))]
    if len(searching) < 2 or not np.isfinite(searches.mate).any() or not measured:
        return found
    generator = np.random.default_rng(SEED)
    rates: dict[float, list[tuple[float, float, float]]] = {at: [] for at in measured}
    counts = {at: np.zeros((4, subjects)) for at in measured}
    for _ in range(DRAWS):
        absent = np.zeros(subjects, dtype=bool)
        absent[generator.choice(searching, removed, replace=False)] = True
        drawn = np.bincount(generator.choice(searching, len(searching)), minlength=subjects)
        nonmated = np.flatnonzero(absent[searches.subject])
        mated = np.flatnonzero(~absent[searches.subject] & np.isfinite(searches.mate))
        nearest = first_present(searches.others, nonmated, absent)
        order = np.argsort(nearest)
        nearest, nonmated = nearest[order], nonmated[order]
        lost = np.where(absent, 0, searches.lost)
        owner, mate = searches.subject[mated], searches.mate[mated]
        other = searches.subject[nonmated]
        weights = drawn[other].astype(np.float64)
        by_mated = np.bincount(owner, minlength=subjects)
        by_nonmated = np.bincount(other, minlength=subjects)
        for at in measured:
            limit = largest_limit(nearest, np.ones(len(nearest)), at)
            missed = mate >= limit
            each = (
                np.bincount(owner[missed], minlength=subjects),
                by_mated,
                np.bincount(other[nearest < limit], minlength=subjects),
                by_nonmated,
            )
            counts[at] += each
            misses, of = each[0].sum(), each[1].sum()
            general = float((misses + lost.sum()) / max(1, of + lost.sum()))
            sampled = np.bincount(
                owner[mate >= largest_limit(nearest, weights, at)], minlength=subjects
            )
            weighted = drawn @ each[1]
            rates[at].append(
                (
                    float(misses / of) if of else np.nan,
                    general,
                    float(drawn @ sampled / weighted) if weighted and weights.any() else np.nan,
                )
            )
    for at in measured:
        plain, general, again = np.array(rates[at]).T
        found[at] = OpenSet(
            float(np.nanmean(plain)),
            float(np.mean(general)),
            _interval(again, len(searching)),
            *counts[at].astype(np.int64),
        )
    return found


def first_present(others: Others, rows: Int64s, absent: Bools) -> Float64s:
    """Returns `[rows]`: the distance of the nearest other subject who is in the gallery.

    Args:
        others: of all searches.
        rows: of the searches without a mate.
        absent: `[s]` whether each subject is removed from the gallery.
    """
    distances, subjects = others.distances[rows], others.subjects[rows]
    present = (subjects < 0) | ~absent[subjects]
    place = np.where(present.any(axis=1), present.argmax(axis=1), NEAREST - 1)
    found: Float64s = distances[np.arange(len(rows)), place].astype(np.float64)
    return found


def largest_limit(nearest: Float64s, weights: Float64s, at: float) -> float:
    """Returns the largest distance below which at most a share `at` of the searches are positive.

    Args:
        nearest: `[q]` distance of each search's nearest candidate, ascending.
        weights: `[q]` of the searches.
        at: the largest FPIR.
    """
    reached = weights.cumsum()
    if not len(reached) or reached[-1] <= 0:
        return np.inf
    place = int(np.searchsorted(reached, at * reached[-1] + 1e-9, side="right"))
    return float(nearest[place]) if place < len(nearest) else np.inf


def _interval(drawn: Float64s, subjects: int) -> tuple[float, float] | None:
    """Returns the percentiles of the drawn rates, with the levels for few subjects."""
    known = drawn[~np.isnan(drawn)]
    if subjects < 2 or not len(known):
        return None
    if not known.any():
        return 0.0, rule_of_three(subjects)
    tail = widened_tail(subjects)
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)
