"""Metrics of a condition for each cell of probes and gallery, from the outcomes of the search."""

from typing import NamedTuple

import numpy as np

from gaittake.arrays import Float64s, Int64s
from gaittake.evaluation.cross_view import Outcomes
from gaittake.evaluation.roles import Roles
from gaittake.evaluation.statistics import divide

CURVE_RANKS = 20
RANKS = (1, 5, 10, 20)
# Metrics that also exist without the probes that have no match: `rank1_matched`.
MATCHED = (*(f"rank{k}" for k in RANKS), "map", "minp")
METRICS = (*MATCHED, *(f"{name}_matched" for name in MATCHED), "chance")


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
