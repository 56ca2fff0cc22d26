"""Failure to acquire: sequences that a stage rejected count as errors of the generalised rates.

Lost is a test sequence of the protocol that was recorded but has no embedding: it is in the table
of sequences, or a reject's path names it, as `subject/type/view` or as its layout does (but for
GREW's gallery, whose types are places in an order). A sequence that the data never had is not lost
(ISO/IEC 19795-1 counts presentations); `counts.test_sequences` has these as well.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gaittake.arrays import Bools, Float64s, Int64s
from gaittake.comparison import COMPARISONS, camera_of
from gaittake.evaluation.roles import Roles, roles_of
from gaittake.sequence import IDENTITY, Identity, Reject
from gaittake.settings import Protocol
from gaittake.sources.layouts import identities_at


class Lost(NamedTuple):
    """What a condition lost.

    Attributes:
        probes: number of lost probes.
        of_probes: number of probes, lost ones included.
        gallery: number of lost gallery sequences.
        of_gallery: number of gallery sequences, lost ones included.
        by_cell: number of lost probes in each cell.
        same: pairs of one subject that are lost.
        different: pairs of two subjects that are lost.
        searches: `[s]` number of each subject's searches that are lost.
    """

    probes: int
    of_probes: int
    gallery: int
    of_gallery: int
    by_cell: dict[str, int]
    same: int
    different: int
    searches: Int64s

    def entry(self) -> dict[str, Any]:
        """Returns the entry of `metrics.json`."""
        return {
            "probes": self.probes,
            "of_probes": self.of_probes,
            "gallery": self.gallery,
            "of_gallery": self.of_gallery,
            "rate": self.probes / self.of_probes if self.of_probes else None,
        }


def lost_sequences(
    indexed: Iterable[Identity],
    embedded: Iterable[Identity],
    rejects: Iterable[Reject],
    subjects: Iterable[str],
) -> pd.DataFrame:
    """Returns subject, type and view of the lost test sequences, sorted.

    Args:
        indexed: all sequences of the dataset's table.
        embedded: those that have an embedding.
        rejects: what the stages skipped.
        subjects: the test subjects.
    """
    tested, kept = set(subjects), set(embedded)
    named = {
        identity
        for row in rejects
        if row.used == "no" and row.stage != "survey"
        for identity in identities_at(row.path)
    }
    lost = {row for row in (*indexed, *named) if row[0] in tested and row not in kept}
    return pd.DataFrame(sorted(lost), columns=list(IDENTITY))


def losses(
    protocol: Protocol, found: pd.DataFrame, lost: pd.DataFrame, subjects: list[str]
) -> dict[str, Lost]:
    """Returns what each condition lost.

    Args:
        protocol: its roles.
        found: subject, type and view of the sequences with an embedding.
        lost: those of the lost ones; in views that no found sequence has, they do not count.
        subjects: names, in the order of `Lost.searches`; others have no search.
    """
    lost = lost[lost["view"].isin(found["view"].unique())]
    both = pd.concat([found[list(IDENTITY)], lost], ignore_index=True)
    is_lost = np.arange(len(both)) >= len(found)
    return {
        name: _of_condition(roles, name, both, is_lost, protocol.same_view, subjects)
        for roles in roles_of(protocol, both)
        for name in roles.conditions
    }


def _of_condition(
    roles: Roles,
    name: str,
    sequences: pd.DataFrame,
    is_lost: Bools,
    same_view: bool,
    subjects: list[str],
) -> Lost:
    """Returns what one condition lost."""
    people = pd.Index([*subjects, *sorted(set(sequences["subject"]) - set(subjects))])
    views = pd.Index(sorted(sequences["view"].unique()))
    place = (
        people.get_indexer(pd.Index(sequences["subject"])),
        views.get_indexer(pd.Index(sequences["view"])),
    )

    def count(chosen: Bools) -> Int64s:
        table = np.zeros((len(people), len(views)), dtype=np.int64)
        np.add.at(table, (place[0][chosen], place[1][chosen]), 1)
        return table

    comparison = COMPARISONS[roles.kind]
    probe_cells = np.array([comparison.probe_cell(view) for view in views])
    gallery_cells = np.array([comparison.gallery_cell(view) for view in views])
    cameras = np.array([camera_of(view) for view in views])
    counts = (probe_cells[:, None] != gallery_cells[None]) | same_view
    own = counts if comparison.own_camera else counts & (cameras[:, None] != cameras[None])
    is_probe, is_gallery = roles.conditions[name], roles.gallery
    probes, all_probes = count(is_probe & ~is_lost), count(is_probe)
    gallery, all_gallery = count(is_gallery & ~is_lost), count(is_gallery)

    def pairs(one: Int64s, other: Int64s) -> tuple[int, int]:
        same = int(np.sum((one @ own) * other))
        every = int(one.sum(axis=0) @ counts @ other.sum(axis=0))
        return same, every - int(np.sum((one @ counts) * other))

    before, after = pairs(all_probes, all_gallery), pairs(probes, gallery)
    return Lost(
        probes=int((is_probe & is_lost).sum()),
        of_probes=int(is_probe.sum()),
        gallery=int((is_gallery & is_lost).sum()),
        of_gallery=int(is_gallery.sum()),
        by_cell={
            str(cell): int((all_probes - probes)[:, probe_cells == cell].sum())
            for cell in np.unique(probe_cells)
        },
        same=before[0] - after[0],
        different=before[1] - after[1],
        searches=_searches(
            (probes, all_probes), (gallery, all_gallery), counts, own, gallery_cells
        )[: len(subjects)],
    )


def _searches(
    probes: tuple[Int64s, Int64s],
    gallery: tuple[Int64s, Int64s],
    counts: Bools,
    own: Bools,
    gallery_cells: Any,
) -> Int64s:
    """Returns `[s]`: searches whose probe is lost, or all of whose mates are.

    Args:
        probes: `[s, v]` found ones, and all.
        gallery: likewise.
        counts: `[v, v]` whether the protocol counts pairs of these views.
        own: likewise for pairs of one subject.
        gallery_cells: `[v]` of the views.
    """
    lost = np.zeros(len(probes[0]), dtype=np.int64)
    for cell in np.unique(gallery_cells):
        inside = gallery_cells == cell
        searched = counts[:, inside].any(axis=1)
        mates, all_mates = (item[:, inside] @ own[:, inside].T > 0 for item in gallery)
        possible = all_mates & searched
        lost += np.where(possible, probes[1], 0).sum(axis=1)
        lost -= np.where(possible & mates, probes[0], 0).sum(axis=1)
    return lost


def generalised_mean(rank1: Float64s, probes: Int64s, lost: list[int], mean: Any) -> float:
    """Returns rank-1 with lost probes as errors.

    Args:
        rank1: `[a, b]` of the found probes.
        probes: `[a]` number of found probes.
        lost: `[a]` number of lost ones.
        mean: returns the condition's mean of `[a, b]`.
    """
    every = probes + np.array(lost)
    share = np.where(every > 0, probes / np.maximum(every, 1), 1)[:, None]
    filled = np.any(~np.isnan(rank1), axis=0)
    values = np.where(np.isnan(rank1) & (every > 0)[:, None] & filled, 0, rank1)
    return float(mean(values * share))
