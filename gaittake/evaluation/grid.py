"""From ranks to numbers for each probe view and gallery view; NaN where there is no value."""

from typing import NamedTuple

import numpy as np

from gaittake.evaluation.cross_view import Outcomes
from gaittake.evaluation.distance import Floats, Integers
from gaittake.evaluation.means import divide
from gaittake.evaluation.roles import Roles

METRICS = ("rank1", "rank5", "rank10", "map", "rank1_matched", "chance")
CURVE_RANKS = 20


class Grid(NamedTuple):
    """The numbers of one condition, for each probe view (a) and gallery view (b).

    Attributes:
        probes: `[a]` how many there are.
        gallery: `[b]` how many sequences there are.
        matched: `[a, b]` probes that have their subject in the gallery.
        metrics: `[a, b]` of each of METRICS, 0…1; rank1_matched leaves out the probes without a
            match, which can only be wrong, and has no value where nobody has one.
        curve: `[a, b, CURVE_RANKS]` share of the probes with a match of rank 1, 2, … or better.
    """

    probes: Integers
    gallery: Integers
    matched: Integers
    metrics: dict[str, Floats]
    curve: Floats


def grid_of(outcomes: Outcomes, roles: Roles, condition: str) -> Grid:
    """Returns the grid of a condition."""
    size = len(roles.views)
    member = roles.conditions[condition][outcomes.probes]
    view = roles.view[outcomes.probes]
    probes = np.zeros(size, dtype=np.int64)
    matched = np.zeros((size, size), dtype=np.int64)
    curve = np.full((size, size, CURVE_RANKS), np.nan)
    precision, chance = np.full((2, size, size), np.nan)
    held = np.flatnonzero(outcomes.gallery)
    for place, degrees in enumerate(roles.views):
        rows = np.flatnonzero(member & (view == degrees))
        probes[place] = len(rows)
        if len(rows):
            hit, matches = outcomes.first_hit[rows][:, held], outcomes.matches[rows][:, held]
            within = [((hit > 0) & (hit <= k + 1)).mean(axis=0) for k in range(CURVE_RANKS)]
            curve[place, held] = np.transpose(within)
            precision[place, held] = outcomes.precision[rows][:, held].mean(axis=0)
            matched[place, held] = (matches > 0).sum(axis=0)
            chance[place, held] = matches.mean(axis=0) / outcomes.gallery[held]
    metrics = {
        "rank1": curve[..., 0],
        "rank5": curve[..., 4],
        "rank10": curve[..., 9],
        "map": precision,
        "rank1_matched": divide(curve[..., 0] * probes[:, None], matched),
        "chance": chance,
    }
    return Grid(probes, outcomes.gallery, matched, metrics, curve)
