"""The search for each probe in each cell of the gallery: that of a view, of a camera, or all of it.

The gallery stays in memory (4.4 GB for OU-MVLP); the probes are read in blocks of 0.5 GB. No
matrix of distances is larger than a block of probes times one cell of the gallery. Counts of pairs
by subject take 50 KB a subject and condition, the nearest other subjects 64 bytes a search.
"""

import functools
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.arrays import Bools, Float64s, Int64s
from gaittake.errors import UserError
from gaittake.evaluation.bounds import SAMPLE, Projection, fit_projection, sketch
from gaittake.evaluation.distance import Embeddings, as_parts, read_embeddings
from gaittake.evaluation.open_set import NEAREST, Others, nearest_others
from gaittake.evaluation.pairs import SubjectPairs, count_pairs, empty_pairs
from gaittake.evaluation.probes import NO_GALLERY
from gaittake.evaluation.retrieval import EmbeddingSet, Matches, search
from gaittake.evaluation.roles import Roles
from gaittake.evaluation.verification import Histogram, add, empty_histogram
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedFile

BLOCK_BYTES = 512 << 20
LEAST = 1e-15  # largest distance from the mean: its square must not vanish in float32
EVERY = "\0"  # stands for all conditions, where some share probes; no condition has this name


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
        histograms: distances of the pairs that the protocol counts, by condition, and of EVERY.
        pairs: likewise, by the probe's subject.
        mate: `[n, b]` distance of the nearest match; inf: no match.
        others: `[n, b, NEAREST]` the nearest other subjects.
        owners: `[n]` place of the probe's subject among the subjects.
        subjects: names of the subjects of all sequences, ascending.
        seconds: CPU time of the search, without reading.
    """

    probes: Int64s
    first_match: Int64s
    precision: Float64s
    penalty: Float64s
    matches: Int64s
    dropped: Int64s
    gallery: Int64s
    histograms: dict[str, Histogram]
    pairs: dict[str, SubjectPairs]
    mate: Float64s
    others: Others
    owners: Int64s
    subjects: list[str]
    seconds: float = 0.0


class Tally(NamedTuple):
    """Where a condition's pairs are counted, and which probes of a block it counts."""

    histogram: Histogram
    pairs: SubjectPairs
    counted: Bools


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
        UserError: an embedding has a value that is not finite or too large, or all are too alike.
    """
    names, subjects = np.unique(opened.sequences["subject"].to_numpy(), return_inverse=True)
    cameras = None if roles.camera is None else np.unique(roles.camera, return_inverse=True)[1]
    outcomes = _empty_outcomes(roles, names.tolist(), subjects)
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
    radius, farthest = _radius(list(embeddings.values()), projection)
    if 0 < farthest < LEAST:
        raise UserError(
            f"{opened.path}: all embeddings of the gallery lie within {2 * farthest:.0e} of each "
            "other, too near for distances; the training collapsed: check the method's train.csv"
        )
    conditions = _with_every(roles.conditions)
    for name in conditions:
        outcomes.pairs[name] = empty_pairs(len(names), radius)
    seconds = 0.0

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
            vectors = read(rows)
            begun = time.process_time()
            probes = described(rows, vectors, probes=True)
            for column in rows_of:
                counted = (roles.probe_cell[rows] != roles.cells[column]) | same_view
                tallies = _tallies(outcomes, conditions, rows, counted)
                others = Others(
                    outcomes.others.distances[block, column],
                    outcomes.others.subjects[block, column],
                )
                matches = _search(probes, gallery_of(column), projection, tallies, others)
                outcomes.mate[block, column] = matches.distances[:, 0]
                outcomes.first_match[block, column] = matches.first
                outcomes.precision[block, column] = matches.precision
                outcomes.penalty[block, column] = matches.penalty
                outcomes.matches[block, column] = matches.total
                outcomes.dropped[block, column] = matches.dropped
                advance(len(rows))
            seconds += time.process_time() - begun
    return outcomes._replace(seconds=seconds)


def _radius(gallery: list[Embeddings], projection: Projection) -> tuple[float, float]:
    """Returns the median and the largest distance of gallery sequences from their mean."""
    step = max(1, sum(map(len, gallery)) // SAMPLE)
    sample = np.concatenate([rows[::step] for rows in gallery])
    lengths = np.linalg.norm(sample - projection.centre, axis=2).mean(axis=1)
    return float(np.median(lengths)), float(lengths.max())


def _empty_outcomes(roles: Roles, subjects: list[str], owners: Int64s) -> Outcomes:
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
        histograms={name: empty_histogram() for name in _with_every(roles.conditions)},
        pairs={name: empty_pairs(len(subjects), 1.0) for name in roles.conditions},
        mate=np.full(shape, np.inf),
        others=Others(
            np.full((*shape, NEAREST), np.inf, dtype=np.float32),
            np.full((*shape, NEAREST), -1, dtype=np.int32),
        ),
        owners=owners[probes],
        subjects=subjects,
    )


def _blocks(opened: RaggedFile, probes: int) -> Iterator[slice]:
    """Yields blocks of probes with up to BLOCK_BYTES of embeddings."""
    row_bytes = 4 * int(np.prod(opened.arrays["embeddings"].shape[1:]))
    step = max(1, BLOCK_BYTES // row_bytes)
    for first in range(0, probes, step):
        yield slice(first, min(first + step, probes))


def _with_every(conditions: dict[str, Bools]) -> dict[str, Bools]:
    """Returns the probes of each condition; where two share a probe, those of all as EVERY."""
    masks = list(conditions.values())
    shared = bool((np.sum(masks, axis=0) > 1).any())
    return conditions | ({EVERY: np.logical_or.reduce(masks)} if shared else {})


def _tallies(
    outcomes: Outcomes, conditions: dict[str, Bools], rows: Int64s, counted: Bools
) -> list[Tally]:
    """Returns the counts of each condition and which probes of a block it counts.

    Args:
        outcomes: hold the counts.
        conditions: `[n]` probes of each.
        rows: `[b]` row numbers of the block.
        counted: `[b]` whether the protocol counts pairs with this cell's gallery.
    """
    return [
        Tally(outcomes.histograms[name], outcomes.pairs[name], is_probe[rows] & counted)
        for name, is_probe in conditions.items()
    ]


def _search(
    probes: EmbeddingSet,
    gallery: EmbeddingSet,
    projection: Projection,
    tallies: list[Tally],
    others: Others,
) -> Matches:
    """Returns the matches of a block of probes in one cell, and adds to the counts.

    Args:
        probes: the block.
        gallery: of the cell.
        projection: of the sketches.
        tallies: the counts of each condition.
        others: `[n, NEAREST]` of the block and the cell, filled in.
    """

    def count_others(rows: slice, bounds: Tensor) -> None:
        others.distances[rows], others.subjects[rows] = nearest_others(bounds, gallery.subjects)
        for histogram, pairs, counted in tallies:
            part = bounds[torch.from_numpy(counted[rows])]
            add(histogram.different, part)
            who = probes.subjects[rows][counted[rows]]
            count_pairs(pairs.different, pairs.lowest, part, who)

    matches = search(probes, gallery, projection, count_others)
    for histogram, pairs, counted in tallies:
        distances = torch.from_numpy(matches.distances[counted]).float()
        add(histogram.same, distances)
        count_pairs(pairs.same, pairs.lowest, distances, probes.subjects[counted])
    return matches
