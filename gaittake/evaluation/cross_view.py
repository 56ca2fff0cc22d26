"""The cross-view protocol: the search for each probe in the gallery of each view.

The gallery stays in memory (4.4 GB for OU-MVLP); the probes are read in blocks of 0.5 GB. No
matrix of distances is larger than a block of probes times the gallery of one view.
"""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.arrays import Bools, Float64s, Int64s
from gaittake.evaluation.bounds import Projection, fit_projection, sketch
from gaittake.evaluation.distance import Embeddings, as_parts, read_embeddings
from gaittake.evaluation.probes import NO_GALLERY
from gaittake.evaluation.retrieval import EmbeddingSet, Matches, search
from gaittake.evaluation.roles import Roles
from gaittake.evaluation.statistics import divide
from gaittake.evaluation.verification import Histogram, add, empty_histogram
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedFile

BLOCK_BYTES = 512 << 20
METRICS = ("rank1", "rank5", "rank10", "map", "rank1_matched", "chance")
CURVE_RANKS = 20


class Outcomes(NamedTuple):
    """Results of the search, with a row for each probe and a column for the gallery of each view.

    Attributes:
        probes: `[n]` row numbers of the probes in the table of sequences.
        first_match: `[n, v]` rank of the nearest match; 0: no match; NO_GALLERY: empty gallery.
        precision: `[n, v]` average precision.
        matches: `[n, v]` number of gallery sequences of the same subject.
        gallery: `[v]` number of gallery sequences.
        histograms: distances of the pairs that the protocol counts, by condition.
    """

    probes: Int64s
    first_match: Int64s
    precision: Float64s
    matches: Int64s
    gallery: Int64s
    histograms: dict[str, Histogram]


class Grid(NamedTuple):
    """Metrics of one condition for each probe view (a) and gallery view (b); NaN: no value.

    Attributes:
        probes: `[a]` number of probes.
        gallery: `[b]` number of gallery sequences.
        matched: `[a, b]` number of probes with their subject in the gallery.
        metrics: `[a, b]` of each of METRICS, 0…1. `rank1_matched` skips the probes without a match,
            which `rank1` counts as wrong.
        curve: `[a, b, CURVE_RANKS]` share of probes with a match at rank 1, 2, … or better.
    """

    probes: Int64s
    gallery: Int64s
    matched: Int64s
    metrics: dict[str, Float64s]
    curve: Float64s


def cross_view(
    opened: RaggedFile, roles: Roles, *, distance: str = "parts", same_view: bool = False
) -> Outcomes:
    """Returns the result of each probe in the gallery of each view.

    Args:
        opened: the embeddings file, with one row per sequence.
        roles: of the sequences.
        distance: kind, see `gaittake.evaluation.distance.as_parts`.
        same_view: whether the histograms count pairs of identical views.

    Raises:
        UserError: an embedding has a value that is not finite.
    """
    _, subjects = np.unique(opened.sequences["subject"].to_numpy(), return_inverse=True)
    outcomes = _empty_outcomes(roles)
    rows_of = {
        column: roles.gallery_of(view)
        for column, view in enumerate(roles.views)
        if outcomes.gallery[column]
    }
    if not rows_of:
        return outcomes

    def read(rows: Int64s) -> Embeddings:
        return as_parts(read_embeddings(opened, rows), distance)

    embeddings = {column: read(rows) for column, rows in rows_of.items()}
    projection = fit_projection(list(embeddings.values()))

    def gallery_of(column: int) -> EmbeddingSet:
        sketched = sketch(projection, embeddings[column], probes=False)
        return EmbeddingSet(subjects[rows_of[column]], embeddings[column], sketched)

    if projection.short:
        gallery_of = functools.cache(gallery_of)
    total = len(outcomes.probes) * len(rows_of)
    with progress("evaluate", total, unit="probes times views") as advance:
        for block in _blocks(opened, len(outcomes.probes)):
            rows = outcomes.probes[block]
            vectors = read(rows)
            sketched = sketch(projection, vectors, probes=True)
            probes = EmbeddingSet(subjects[rows], vectors, sketched)
            for column in rows_of:
                tallies = _tallies(outcomes, roles, rows, roles.views[column], same_view)
                matches = _search(probes, gallery_of(column), projection, tallies)
                outcomes.first_match[block, column] = matches.first
                outcomes.precision[block, column] = matches.precision
                outcomes.matches[block, column] = matches.total
                advance(len(rows))
    return outcomes


def _empty_outcomes(roles: Roles) -> Outcomes:
    """Returns the outcomes before the search."""
    probes = np.flatnonzero(np.logical_or.reduce(list(roles.conditions.values())))
    shape = (len(probes), len(roles.views))
    gallery = np.array([len(roles.gallery_of(view)) for view in roles.views], dtype=np.int64)
    return Outcomes(
        probes=probes,
        first_match=np.full(shape, NO_GALLERY),
        precision=np.zeros(shape),
        matches=np.zeros(shape, dtype=np.int64),
        gallery=gallery,
        histograms={name: empty_histogram() for name in roles.conditions},
    )


def _blocks(opened: RaggedFile, probes: int) -> Iterator[slice]:
    """Yields blocks of probes with up to BLOCK_BYTES of embeddings."""
    row_bytes = 4 * int(np.prod(opened.arrays["embeddings"].shape[1:]))
    step = max(1, BLOCK_BYTES // row_bytes)
    for first in range(0, probes, step):
        yield slice(first, min(first + step, probes))


def _tallies(
    outcomes: Outcomes, roles: Roles, rows: Int64s, view: str, same_view: bool
) -> list[tuple[Histogram, Bools]]:
    """Returns the histogram of each condition and which probes it counts in a view's gallery."""
    counted = (roles.view[rows] != view) | same_view
    return [
        (outcomes.histograms[name], is_probe[rows] & counted)
        for name, is_probe in roles.conditions.items()
    ]


def _search(
    probes: EmbeddingSet,
    gallery: EmbeddingSet,
    projection: Projection,
    tallies: list[tuple[Histogram, Bools]],
) -> Matches:
    """Returns the matches of a block of probes in one view, and adds to the histograms.

    Args:
        probes: the block.
        gallery: of the view.
        projection: of the sketches.
        tallies: each histogram and which probes it counts.
    """

    def count_others(rows: slice, bounds: Tensor) -> None:
        for histogram, counted in tallies:
            add(histogram.different, bounds[torch.from_numpy(counted[rows])])

    matches = search(probes, gallery, projection, count_others)
    for histogram, counted in tallies:
        add(histogram.same, torch.from_numpy(matches.distances[counted]).float())
    return matches


def grid_of(outcomes: Outcomes, roles: Roles, condition: str) -> Grid:
    """Returns the metrics of a condition for each pair of views."""
    size = len(roles.views)
    is_probe = roles.conditions[condition][outcomes.probes]
    view = roles.view[outcomes.probes]
    probes = np.zeros(size, dtype=np.int64)
    matched = np.zeros((size, size), dtype=np.int64)
    curve = np.full((size, size, CURVE_RANKS), np.nan)
    precision, chance = np.full((2, size, size), np.nan)
    filled = np.flatnonzero(outcomes.gallery)
    for place, probed in enumerate(roles.views):
        rows = np.flatnonzero(is_probe & (view == probed))
        probes[place] = len(rows)
        if len(rows):
            first, matches = (
                outcomes.first_match[rows][:, filled],
                outcomes.matches[rows][:, filled],
            )
            within = [((first > 0) & (first <= k + 1)).mean(axis=0) for k in range(CURVE_RANKS)]
            curve[place, filled] = np.transpose(within)
            precision[place, filled] = outcomes.precision[rows][:, filled].mean(axis=0)
            matched[place, filled] = (matches > 0).sum(axis=0)
            chance[place, filled] = matches.mean(axis=0) / outcomes.gallery[filled]
    metrics = {
        "rank1": curve[..., 0],
        "rank5": curve[..., 4],
        "rank10": curve[..., 9],
        "map": precision,
        "rank1_matched": divide(curve[..., 0] * probes[:, None], matched),
        "chance": chance,
    }
    return Grid(probes, outcomes.gallery, matched, metrics, curve)
