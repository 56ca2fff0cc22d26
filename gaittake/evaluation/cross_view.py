"""The cross-view protocol: each probe against the gallery of each view.

The gallery is held in memory and the probes stream past it: at OU-MVLP's size 4.4 GB, and 0.5 GB
at a time. No matrix of distances is larger than a block of probes times one view's gallery.
"""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.evaluation.bounds import Projection, fit_projection, sketch
from gaittake.evaluation.distance import Embeddings, Floats, Integers, as_parts
from gaittake.evaluation.probes import NO_GALLERY
from gaittake.evaluation.retrieval import Found, Side, search
from gaittake.evaluation.roles import Bools, Roles
from gaittake.evaluation.stored import read_embeddings
from gaittake.evaluation.verification import Histogram, add, empty_histogram
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedFile

BLOCK_BYTES = 512 << 20


class Outcomes(NamedTuple):
    """What the probes found: a row for each probe, a column for each view's gallery.

    Attributes:
        probes: `[n]` their rows in the table of sequences.
        first_hit: `[n, v]` rank of the nearest match; 0: none; NO_GALLERY: the gallery is empty.
        precision: `[n, v]` average precision.
        matches: `[n, v]` sequences of the same subject.
        gallery: `[v]` sequences.
        histograms: of the pairs that the protocol counts, by condition.
    """

    probes: Integers
    first_hit: Integers
    precision: Floats
    matches: Integers
    gallery: Integers
    histograms: dict[str, Histogram]


def cross_view(
    opened: RaggedFile, roles: Roles, *, distance: str = "parts", same_view: bool = False
) -> Outcomes:
    """Returns what each probe found in the gallery of each view.

    Args:
        opened: the embeddings, a row for each sequence.
        roles: of the sequences.
        distance: see `gaittake.evaluation.distance`.
        same_view: count pairs of identical views in the histograms too.

    Raises:
        UserError: an embedding is not finite.
    """
    _, subjects = np.unique(opened.sequences["subject"].to_numpy(), return_inverse=True)
    outcomes = _nothing_found(roles)
    held = {
        column: roles.gallery_of(view)
        for column, view in enumerate(roles.views)
        if outcomes.gallery[column]
    }
    if not held:
        return outcomes

    def read(rows: Integers) -> Embeddings:
        return as_parts(read_embeddings(opened, rows), distance)

    embeddings = {column: read(rows) for column, rows in held.items()}
    projection = fit_projection(list(embeddings.values()))

    def gallery_of(column: int) -> Side:
        known = sketch(projection, embeddings[column], probes=False)
        return Side(subjects[held[column]], embeddings[column], known)

    if projection.short:
        gallery_of = functools.cache(gallery_of)
    total = len(outcomes.probes) * len(held)
    with progress("evaluate", total, unit="probes times views") as advance:
        for block in _blocks(opened, len(outcomes.probes)):
            rows = outcomes.probes[block]
            vectors = read(rows)
            probes = Side(subjects[rows], vectors, sketch(projection, vectors, probes=True))
            for column in held:
                tallies = _tallies(outcomes, roles, rows, roles.views[column], same_view)
                found = _search(probes, gallery_of(column), projection, tallies)
                outcomes.first_hit[block, column] = found.first_hit
                outcomes.precision[block, column] = found.precision
                outcomes.matches[block, column] = found.matches
                advance(len(rows))
    return outcomes


def _nothing_found(roles: Roles) -> Outcomes:
    """Returns the outcomes before anything was compared."""
    probes = np.flatnonzero(np.logical_or.reduce(list(roles.conditions.values())))
    shape = (len(probes), len(roles.views))
    gallery = np.array([len(roles.gallery_of(view)) for view in roles.views], dtype=np.int64)
    return Outcomes(
        probes=probes,
        first_hit=np.full(shape, NO_GALLERY),
        precision=np.zeros(shape),
        matches=np.zeros(shape, dtype=np.int64),
        gallery=gallery,
        histograms={name: empty_histogram() for name in roles.conditions},
    )


def _blocks(opened: RaggedFile, probes: int) -> Iterator[slice]:
    """Yields blocks of probes whose embeddings fill BLOCK_BYTES."""
    row_bytes = 4 * int(np.prod(opened.arrays["embeddings"].shape[1:]))
    step = max(1, BLOCK_BYTES // row_bytes)
    for first in range(0, probes, step):
        yield slice(first, min(first + step, probes))


def _tallies(
    outcomes: Outcomes, roles: Roles, rows: Integers, view: int, same_view: bool
) -> list[tuple[Histogram, Bools]]:
    """Returns each condition's histogram, with the probes that count for it in a view's gallery."""
    counted = (roles.view[rows] != view) | same_view
    return [
        (outcomes.histograms[name], member[rows] & counted)
        for name, member in roles.conditions.items()
    ]


def _search(
    probes: Side, gallery: Side, projection: Projection, tallies: list[tuple[Histogram, Bools]]
) -> Found:
    """Returns what the probes found, and adds their distances to the histograms.

    Args:
        probes: a block of them.
        gallery: of one view.
        projection: the one that made the sketches.
        tallies: each histogram with the probes that count for it.
    """

    def others(rows: slice, bounds: Tensor) -> None:
        for histogram, member in tallies:
            add(histogram.different, bounds[torch.from_numpy(member[rows])])

    found = search(probes, gallery, projection, others)
    for histogram, member in tallies:
        add(histogram.same, torch.from_numpy(found.own[member]).float())
    return found
