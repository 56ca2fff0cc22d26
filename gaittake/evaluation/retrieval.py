"""Retrieval: how many gallery sequences of other people lie nearer to a probe than its own subject.

The rank of a match is one more than the number of other people's sequences at its distance or
nearer. So a tie counts against the probe: the result does not depend on the gallery's order, and a
network that maps everybody to one point finds nobody. Nothing is sorted: a lower bound decides
most comparisons, and what it leaves open is computed in float64.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.evaluation.bounds import Projection, Sketch, lower_bounds, sketch
from gaittake.evaluation.distance import Embeddings, Floats, Integers, pair_distances

# Probes at once, and gallery sequences at once where float64 is needed.
PROBES = 256
GALLERY = 1024
# So many distances of one probe cost as much as float64 products with the whole gallery.
MANY = 200


class Side(NamedTuple):
    """Probes or a gallery.

    Attributes:
        subjects: `[n]` a number for each person.
        embeddings: `[n, p, d]`.
        sketch: of the embeddings.
    """

    subjects: Integers
    embeddings: Embeddings
    sketch: Sketch

    def take(self, rows: slice | Integers) -> "Side":
        """Returns some of them; a slice copies nothing."""
        part = Sketch(self.sketch.factors[:, rows], self.sketch.slack[rows])
        return Side(self.subjects[rows], self.embeddings[rows], part)


class Found(NamedTuple):
    """What each probe found in a gallery.

    Attributes:
        own: `[n, most]` distances to the sequences of its own subject, nearest first, then inf.
        nearer: `[n, most]` sequences of others at that distance or nearer.
        matches: `[n]` sequences of its own subject.
    """

    own: Floats
    nearer: Integers
    matches: Integers

    @property
    def first_hit(self) -> Integers:
        """`[n]` rank (from 1) of the nearest sequence of the same subject; 0: there is none."""
        first: Integers = np.where(self.matches > 0, self.nearer[:, 0] + 1, 0)
        return first

    @property
    def precision(self) -> Floats:
        """`[n]` average precision; 0 where the subject is not in the gallery."""
        place = np.arange(1, self.nearer.shape[1] + 1)
        each = np.where(np.isfinite(self.own), place / (place + self.nearer), 0)
        precision: Floats = each.sum(axis=1) / np.maximum(self.matches, 1)
        return precision


def search(
    probes: Side,
    gallery: Side,
    projection: Projection,
    others: Callable[[slice, Tensor], None] = lambda rows, bounds: None,
) -> Found:
    """Returns what each probe found.

    Args:
        probes: at least one.
        gallery: at least one sequence.
        projection: the one that made their sketches.
        others: is told the lower bounds `[rows, m]` of each block of probes; inf stands for the
            sequences of a probe's own subject.
    """
    where = own_sequences(probes.subjects, gallery.subjects)
    rows, places = np.nonzero(where >= 0)
    own = np.full(where.shape, np.inf)
    own[rows, places] = pair_distances(
        probes.embeddings, gallery.embeddings, rows, where[rows, places]
    )
    own.sort(axis=1)
    nearer = np.zeros(where.shape, dtype=np.int64)
    for first in range(0, len(where), PROBES):
        block = slice(first, first + PROBES)
        chosen = probes.take(block)
        bounds = lower_bounds(chosen.sketch.factors, gallery.sketch.factors)
        hide(bounds, where[block])
        others(block, bounds)
        for place in range(where.shape[1]):
            nearer[block, place] = count_nearer(
                bounds, own[block, place], chosen, gallery, projection
            )
    return Found(own, nearer, (where >= 0).sum(axis=1))


def own_sequences(probes: Integers, gallery: Integers) -> Integers:
    """Returns `[n, most]`: the gallery sequences of each probe's subject, then -1; most >= 1."""
    order = np.argsort(gallery, kind="stable")
    first = np.searchsorted(gallery[order], probes, side="left")
    count = np.searchsorted(gallery[order], probes, side="right") - first
    place = np.arange(max(1, count.max()))
    known = place < count[:, None]
    where: Integers = np.where(known, order[np.where(known, first[:, None] + place, 0)], -1)
    return where


def hide(bounds: Tensor, where: Integers, first: int = 0) -> None:
    """Sets the bounds `[n, m]` of each probe's own sequences to inf.

    Args:
        bounds: of the gallery sequences from `first` on.
        where: `[n, most]`, of `own_sequences`.
        first: the first of these sequences.
    """
    rows, places = np.nonzero((where >= first) & (where < first + bounds.shape[1]))
    bounds[rows, where[rows, places] - first] = torch.inf


def count_nearer(
    bounds: Tensor, limits: Floats, probes: Side, gallery: Side, projection: Projection
) -> Integers:
    """Returns `[n]`: sequences of others at each probe's limit or nearer; 0 for a limit of inf.

    Args:
        bounds: `[n, m]` lower bounds of the distances; inf for the probe's own subject.
        limits: `[n]` distances, float64.
        probes: those of the bounds.
        gallery: that of the bounds.
        projection: its centre makes float64 products precise.
    """
    slack = probes.sketch.slack + gallery.sketch.slack.max()
    counts, rows, columns = compare(bounds, limits, slack)
    crowded = np.bincount(rows, minlength=len(limits)) > MANY
    few = ~crowded[rows]
    rows, columns = rows[few], columns[few]
    counts += _count_pairs(probes, gallery, limits, rows, columns)
    if crowded.any():
        chosen = np.flatnonzero(crowded)
        counts[chosen] = _count_in_float64(probes.take(chosen), gallery, limits[chosen], projection)
    return counts


def compare(bounds: Tensor, limits: Floats, slack: Floats) -> tuple[Integers, Integers, Integers]:
    """Returns how many of each row are surely at its limit or nearer, and the pairs left open.

    Args:
        bounds: `[n, m]` lower bounds.
        limits: `[n]`; a limit of inf asks for nothing.
        slack: `[n]`: a distance is at most so much above its bound.
    """
    rounding = 4 * torch.finfo(bounds.dtype).eps
    asked = np.isfinite(limits)
    highest = np.where(asked, limits * (1 + rounding), -1)
    sure_below = np.where(asked, limits * (1 - rounding) - slack, -1)
    near = bounds <= torch.from_numpy(highest).to(bounds.dtype)[:, None]
    pairs = near.nonzero(as_tuple=True)
    rows, columns = (item.numpy() for item in pairs)
    sure = bounds[pairs].numpy() < sure_below[rows]
    counts = np.bincount(rows[sure], minlength=len(limits))
    return counts, rows[~sure], columns[~sure]


def _count_pairs(
    probes: Side, gallery: Side, limits: Floats, rows: Integers, columns: Integers
) -> Integers:
    """Returns `[n]`: how many of these pairs are at their row's limit or nearer."""
    exact = pair_distances(probes.embeddings, gallery.embeddings, rows, columns)
    return np.bincount(rows[exact <= limits[rows]], minlength=len(limits))


def _count_in_float64(
    probes: Side, gallery: Side, limits: Floats, projection: Projection
) -> Integers:
    """Returns what `count_nearer` returns, from bounds that are precise to about 1e-6."""
    precise = Projection(projection.centre, None)
    one = sketch(precise, probes.embeddings, probes=True, dtype=torch.float64)
    where = own_sequences(probes.subjects, gallery.subjects)
    counts = np.zeros(len(limits), dtype=np.int64)
    for first in range(0, len(gallery.subjects), GALLERY):
        part = gallery.embeddings[first : first + GALLERY]
        other = sketch(precise, part, probes=False, dtype=torch.float64)
        bounds = lower_bounds(one.factors, other.factors)
        hide(bounds, where, first)
        sure, rows, columns = compare(bounds, limits, one.slack + other.slack.max())
        counts += sure + _count_pairs(probes, gallery, limits, rows, columns + first)
    return counts
