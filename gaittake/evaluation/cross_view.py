"""The search for each probe in each cell of the gallery: that of a view, of a camera, or all of it.

The gallery stays in memory (4.4 GB for OU-MVLP); the probes are read in blocks of 0.5 GB. No
matrix of distances is larger than a block of probes times one cell of the gallery.
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
CURVE_RANKS = 20
RANKS = (1, 5, 10, 20)
# Metrics that also exist without the probes that have no match: `rank1_matched`.
MATCHED = (*(f"rank{k}" for k in RANKS), "map", "minp")
METRICS = (*MATCHED, *(f"{name}_matched" for name in MATCHED), "chance")


class Outcomes(NamedTuple):
    """Results of the search, with a row for each probe and a column for each cell of the gallery.

    Attributes:
        probes: `[n]` row numbers of the probes in the table of sequences.
        first_match: `[n, b]` rank of the nearest match; 0: no match; NO_GALLERY: empty gallery.
        precision: `[n, b]` average precision.
        penalty: `[n, b]` inverse negative penalty.
        matches: `[n, b]` number of gallery sequences of the same subject that count.
        dropped: `[n, b]` number of those that do not.
        gallery: `[b]` number of gallery sequences.
        histograms: distances of the pairs that the protocol counts, by condition.
    """

    probes: Int64s
    first_match: Int64s
    precision: Float64s
    penalty: Float64s
    matches: Int64s
    dropped: Int64s
    gallery: Int64s
    histograms: dict[str, Histogram]


class Grid(NamedTuple):
    """Metrics of one condition for each cell of probes (a) and gallery (b); NaN: no value.

    Attributes:
        probes: `[a]` number of probes.
        gallery: `[b]` number of gallery sequences.
        matched: `[a, b]` number of probes with their subject in the gallery.
        metrics: `[a, b]` of each of METRICS, 0…1. `rank1_matched` skips the probes without a match,
            which `rank1` counts as wrong; likewise the others.
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
    """Returns the result of each probe in each cell of the gallery.

    Args:
        opened: the embeddings file, with one row per sequence.
        roles: of the sequences.
        distance: kind, see `gaittake.evaluation.distance.as_parts`.
        same_view: whether the histograms count pairs of identical cells.

    Raises:
        UserError: an embedding has a value that is not finite.
    """
    _, subjects = np.unique(opened.sequences["subject"].to_numpy(), return_inverse=True)
    cameras = None if roles.camera is None else np.unique(roles.camera, return_inverse=True)[1]
    outcomes = _empty_outcomes(roles)
    rows_of = {
        column: roles.gallery_of(cell)
        for column, cell in enumerate(roles.cells)
        if outcomes.gallery[column]
    }
    if not rows_of:
        return outcomes

    def read(rows: Int64s) -> Embeddings:
        return as_parts(read_embeddings(opened, rows), distance)

    embeddings = {column: read(rows) for column, rows in rows_of.items()}
    projection = fit_projection(list(embeddings.values()))

    def described(rows: Int64s, vectors: Embeddings, *, probes: bool) -> EmbeddingSet:
        sketched = sketch(projection, vectors, probes=probes)
        seen_by = None if cameras is None else cameras[rows]
        return EmbeddingSet(subjects[rows], vectors, sketched, seen_by)

    def gallery_of(column: int) -> EmbeddingSet:
        return described(rows_of[column], embeddings[column], probes=False)

    if projection.short:
        gallery_of = functools.cache(gallery_of)
    total = len(outcomes.probes) * len(rows_of)
    with progress("evaluate", total, unit="probes times cells") as advance:
        for block in _blocks(opened, len(outcomes.probes)):
            rows = outcomes.probes[block]
            probes = described(rows, read(rows), probes=True)
            for column in rows_of:
                tallies = _tallies(outcomes, roles, rows, roles.cells[column], same_view)
                matches = _search(probes, gallery_of(column), projection, tallies)
                outcomes.first_match[block, column] = matches.first
                outcomes.precision[block, column] = matches.precision
                outcomes.penalty[block, column] = matches.penalty
                outcomes.matches[block, column] = matches.total
                outcomes.dropped[block, column] = matches.dropped
                advance(len(rows))
    return outcomes


def _empty_outcomes(roles: Roles) -> Outcomes:
    """Returns the outcomes before the search."""
    probes = np.flatnonzero(np.logical_or.reduce(list(roles.conditions.values())))
    shape = (len(probes), len(roles.cells))
    gallery = np.array([len(roles.gallery_of(cell)) for cell in roles.cells], dtype=np.int64)
    return Outcomes(
        probes=probes,
        first_match=np.full(shape, NO_GALLERY),
        precision=np.zeros(shape),
        penalty=np.zeros(shape),
        matches=np.zeros(shape, dtype=np.int64),
        dropped=np.zeros(shape, dtype=np.int64),
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
    outcomes: Outcomes, roles: Roles, rows: Int64s, cell: str, same_view: bool
) -> list[tuple[Histogram, Bools]]:
    """Returns the histogram of each condition and which probes it counts in a cell's gallery."""
    counted = (roles.probe_cell[rows] != cell) | same_view
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
    """Returns the matches of a block of probes in one cell, and adds to the histograms.

    Args:
        probes: the block.
        gallery: of the cell.
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
    """Returns the metrics of a condition for each pair of cells."""
    size = len(roles.cells)
    is_probe = roles.conditions[condition][outcomes.probes]
    cell = roles.probe_cell[outcomes.probes]
    probes = np.zeros(size, dtype=np.int64)
    matched = np.zeros((size, size), dtype=np.int64)
    curve = np.full((size, size, CURVE_RANKS), np.nan)
    precision, penalty, chance = np.full((3, size, size), np.nan)
    filled = np.flatnonzero(outcomes.gallery)
    for place, probed in enumerate(roles.cells):
        rows = np.flatnonzero(is_probe & (cell == probed))
        probes[place] = len(rows)
        if len(rows):
            first, matches = (
                outcomes.first_match[rows][:, filled],
                outcomes.matches[rows][:, filled],
            )
            within = [((first > 0) & (first <= k + 1)).mean(axis=0) for k in range(CURVE_RANKS)]
            curve[place, filled] = np.transpose(within)
            precision[place, filled] = outcomes.precision[rows][:, filled].mean(axis=0)
            penalty[place, filled] = outcomes.penalty[rows][:, filled].mean(axis=0)
            matched[place, filled] = (matches > 0).sum(axis=0)
            chance[place, filled] = _chance(outcomes, rows)[filled]
    metrics = {f"rank{k}": curve[..., k - 1] for k in RANKS} | {"map": precision, "minp": penalty}
    metrics |= {
        f"{name}_matched": divide(metrics[name] * probes[:, None], matched) for name in MATCHED
    }
    metrics["chance"] = chance
    return Grid(probes, outcomes.gallery, matched, metrics, curve)


def _chance(outcomes: Outcomes, rows: Int64s) -> Float64s:
    """Returns `[b]`: the rank-1 of a random choice from the gallery, for some probes."""
    matches, dropped = outcomes.matches[rows], outcomes.dropped[rows]
    if not dropped.any():
        return divide(matches.mean(axis=0), outcomes.gallery)
    chance: Float64s = divide(matches.astype(np.float64), outcomes.gallery - dropped).mean(axis=0)
    return chance
