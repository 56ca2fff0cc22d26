"""Retrieval: how many gallery sequences of other subjects are nearer to a probe than its match.

The rank of a match is one plus the number of other subjects' sequences at the same distance or
nearer. A tie counts against the probe, so the result does not depend on the order of the gallery,
and a network that maps all sequences to one point gets no match at rank 1. Nothing is sorted:
lower bounds decide most comparisons, and only the remaining ones need exact distances in float64.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.arrays import Bools, Float64s, Int64s
from gaittake.evaluation.bounds import Projection, Sketch, fit_projection, lower_bounds, sketch
from gaittake.evaluation.distance import Embeddings, pair_distances

PROBES = 256  # per block
GALLERY = 1024  # per block in float64
ROUNDING = 4 * torch.finfo(torch.float32).eps
# Above this number of undecided pairs, a probe is compared with the whole gallery by float64
# products, which then cost less than the exact distances.
MOST_PAIRS = 200
# Such probes are compared together: each group sketches the whole gallery anew.
CROWDED = 2048


class EmbeddingSet(NamedTuple):
    """Embeddings of probes or of a gallery.

    Attributes:
        subjects: `[n]` an integer for each subject.
        embeddings: `[n, p, d]`.
        sketch: of the embeddings.
        cameras: `[n]` an integer for each camera: pairs of one subject by one camera do not count;
            None: they count.
    """

    subjects: Int64s
    embeddings: Embeddings
    sketch: Sketch
    cameras: Int64s | None = None

    def take(self, rows: slice | Int64s) -> "EmbeddingSet":
        """Returns some of the rows; a slice gives views without a copy."""
        part = Sketch(self.sketch.factors[:, rows], self.sketch.slack[rows])
        cameras = None if self.cameras is None else self.cameras[rows]
        return EmbeddingSet(self.subjects[rows], self.embeddings[rows], part, cameras)


class Matches(NamedTuple):
    """The gallery sequences of each probe's own subject that count.

    Attributes:
        distances: `[n, most]` ascending; inf behind the last match.
        nearer: `[n, most]` number of other subjects' sequences at that distance or nearer.
        total: `[n]` number of matches.
        dropped: `[n]` number of the subject's sequences that do not count.
    """

    distances: Float64s
    nearer: Int64s
    total: Int64s
    dropped: Int64s

    @property
    def first(self) -> Int64s:
        """`[n]` rank (from 1) of the nearest match; 0 without a match."""
        first: Int64s = np.where(self.total > 0, self.nearer[:, 0] + 1, 0)
        return first

    @property
    def precision(self) -> Float64s:
        """`[n]` average precision; 0 without a match."""
        place = np.arange(1, self.nearer.shape[1] + 1)
        each = np.where(np.isfinite(self.distances), place / (place + self.nearer), 0)
        precision: Float64s = each.sum(axis=1) / np.maximum(self.total, 1)
        return precision

    @property
    def penalty(self) -> Float64s:
        """`[n]` inverse negative penalty: matches / rank of the last one; 0 without a match.

        Source: Ye et al. 2021, "Deep Learning for Person Re-identification", section 4.2.
        """
        last = np.maximum(self.total - 1, 0)[:, None]
        rank = self.total + np.take_along_axis(self.nearer, last, axis=1)[:, 0]
        penalty: Float64s = self.total / np.maximum(rank, 1)
        return penalty


def search(
    probes: EmbeddingSet,
    gallery: EmbeddingSet,
    projection: Projection,
    count_others: Callable[[slice, Tensor], None] = lambda rows, bounds: None,
) -> Matches:
    """Returns the matches of each probe.

    Args:
        probes: at least one.
        gallery: at least one sequence.
        projection: of their sketches.
        count_others: called for each block of probes with its rows and the lower bounds
            `[rows, m]`; inf marks the sequences of a probe's own subject.
    """
    own = matching_places(probes.subjects, gallery.subjects)
    places = own
    if probes.cameras is not None and gallery.cameras is not None:
        places = np.where(gallery.cameras[own] == probes.cameras[:, None], -1, own)
    rows, columns = np.nonzero(places >= 0)
    matching = np.full(places.shape, np.inf)
    matching[rows, columns] = pair_distances(
        probes.embeddings, gallery.embeddings, rows, places[rows, columns]
    )
    matching.sort(axis=1)
    nearer = np.zeros(places.shape, dtype=np.int64)
    crowded = np.zeros(places.shape, dtype=bool)
    for first in range(0, len(places), PROBES):
        block = slice(first, first + PROBES)
        chosen = probes.take(block)
        bounds = lower_bounds(chosen.sketch.factors, gallery.sketch.factors)
        exclude_matches(bounds, own[block])
        count_others(block, bounds)
        for column in range(places.shape[1]):
            nearer[block, column], crowded[block, column] = count_nearer(
                bounds, matching[block, column], chosen, gallery
            )
    for column in range(places.shape[1]):
        left = np.flatnonzero(crowded[:, column])
        for first in range(0, len(left), CROWDED):
            rows = left[first : first + CROWDED]
            nearer[rows, column] = _count_in_float64(
                probes.take(rows), gallery, matching[rows, column], projection
            )
    total = (places >= 0).sum(axis=1)
    return Matches(matching, nearer, total, (own >= 0).sum(axis=1) - total)


def nearest(probes: Embeddings, gallery: Embeddings, k: int) -> Int64s:
    """Returns `[n, k]`: places of the k nearest gallery sequences; at equal distances, the first.

    Args:
        probes: `[n, p, d]`, as `gaittake.evaluation.distance.as_parts` returns them.
        gallery: `[m, p, d]`.
        k: at most m.
    """
    projection = fit_projection([gallery])
    factors = sketch(projection, gallery, probes=False).factors
    found = np.empty((len(probes), k), dtype=np.int64)
    for first in range(0, len(probes), PROBES):
        block = probes[first : first + PROBES]
        bounds = lower_bounds(sketch(projection, block, probes=True).factors, factors)
        # The k sequences with the lowest bounds are not farther than this; nearer ones have lower
        # bounds, so they are among the pairs below.
        guess = bounds.topk(k, dim=1, largest=False).indices.numpy()
        rows = np.arange(len(block)).repeat(k)
        limits = pair_distances(block, gallery, rows, guess.ravel()).reshape(-1, k).max(axis=1)
        near = bounds <= torch.from_numpy(limits * (1 + ROUNDING)).float()[:, None]
        rows, columns = (item.numpy() for item in near.nonzero(as_tuple=True))
        exact = pair_distances(block, gallery, rows, columns)
        order = np.lexsort((columns, exact, rows))
        starts = np.searchsorted(rows[order], np.arange(len(block)))
        found[first : first + PROBES] = columns[order[starts[:, None] + np.arange(k)]]
    return found


def matching_places(probes: Int64s, gallery: Int64s) -> Int64s:
    """Returns `[n, most]`: places in the gallery of each probe's subject, then -1; most >= 1.

    Args:
        probes: `[n]` subjects.
        gallery: `[m]` subjects.
    """
    order = np.argsort(gallery, kind="stable")
    first = np.searchsorted(gallery[order], probes, side="left")
    count = np.searchsorted(gallery[order], probes, side="right") - first
    place = np.arange(max(1, count.max()))
    known = place < count[:, None]
    places: Int64s = np.where(known, order[np.where(known, first[:, None] + place, 0)], -1)
    return places


def exclude_matches(bounds: Tensor, places: Int64s, first: int = 0) -> None:
    """Sets the bounds `[n, m]` of each probe's own subject to inf, in place.

    Args:
        bounds: of the gallery sequences from `first` on.
        places: `[n, most]`, from `matching_places`.
        first: place of the first of these sequences in the gallery.
    """
    rows, columns = np.nonzero((places >= first) & (places < first + bounds.shape[1]))
    bounds[rows, places[rows, columns] - first] = torch.inf


def count_nearer(
    bounds: Tensor, limits: Float64s, probes: EmbeddingSet, gallery: EmbeddingSet
) -> tuple[Int64s, Bools]:
    """Returns `[n]`: number of other subjects' sequences at each probe's limit or nearer.

    And `[n]`: the probes with too many undecided pairs, whose number is not known yet.

    Args:
        bounds: `[n, m]` lower bounds of the distances; inf for the probe's own subject.
        limits: `[n]` distances, float64; the count for inf is 0.
        probes: of the bounds.
        gallery: of the bounds.
    """
    slack = probes.sketch.slack + gallery.sketch.slack.max()
    counts, rows, columns = decide(bounds, limits, slack)
    crowded = np.bincount(rows, minlength=len(limits)) > MOST_PAIRS
    few = ~crowded[rows]
    rows, columns = rows[few], columns[few]
    return counts + _count_pairs(probes, gallery, limits, rows, columns), crowded


def decide(bounds: Tensor, limits: Float64s, slack: Float64s) -> tuple[Int64s, Int64s, Int64s]:
    """Returns the counts `[n]` that the bounds prove, and the undecided pairs (rows, columns).

    Args:
        bounds: `[n, m]` lower bounds.
        limits: `[n]` distances; rows with the limit inf count nothing.
        slack: `[n]`: a distance exceeds its bound by at most this.
    """
    rounding = 4 * torch.finfo(bounds.dtype).eps
    limited = np.isfinite(limits)
    highest = np.where(limited, limits * (1 + rounding), -1)
    surely_below = np.where(limited, limits * (1 - rounding) - slack, -1)
    near = bounds <= torch.from_numpy(highest).to(bounds.dtype)[:, None]
    pairs = near.nonzero(as_tuple=True)
    rows, columns = (item.numpy() for item in pairs)
    decided = bounds[pairs].numpy() < surely_below[rows]
    counts = np.bincount(rows[decided], minlength=len(limits))
    return counts, rows[~decided], columns[~decided]


def _count_pairs(
    probes: EmbeddingSet, gallery: EmbeddingSet, limits: Float64s, rows: Int64s, columns: Int64s
) -> Int64s:
    """Returns `[n]`: number of the given pairs at their row's limit or nearer."""
    exact = pair_distances(probes.embeddings, gallery.embeddings, rows, columns)
    return np.bincount(rows[exact <= limits[rows]], minlength=len(limits))


def _count_in_float64(
    probes: EmbeddingSet, gallery: EmbeddingSet, limits: Float64s, projection: Projection
) -> Int64s:
    """Returns the numbers that `count_nearer` left, from bounds with a precision of about 1e-6.

    Args:
        probes: those left.
        gallery: of the bounds.
        limits: `[n]` distances, float64.
        projection: its centre keeps float64 products precise.
    """
    precise = Projection(projection.centre, None)
    one = sketch(precise, probes.embeddings, probes=True, dtype=torch.float64)
    places = matching_places(probes.subjects, gallery.subjects)
    counts = np.zeros(len(limits), dtype=np.int64)
    for first in range(0, len(gallery.subjects), GALLERY):
        part = gallery.embeddings[first : first + GALLERY]
        other = sketch(precise, part, probes=False, dtype=torch.float64)
        bounds = lower_bounds(one.factors, other.factors)
        exclude_matches(bounds, places, first)
        decided, rows, columns = decide(bounds, limits, one.slack + other.slack.max())
        counts += decided + _count_pairs(probes, gallery, limits, rows, columns + first)
    return counts
