"""The rates of one condition as ISO/IEC 19795-1 and NIST FRTE 1:N name them (docs/metrics.md)."""

from typing import Any

import numpy as np
import pandas as pd

from gaittake.evaluation.acquisition import Lost, generalised_mean
from gaittake.evaluation.cross_view import Outcomes
from gaittake.evaluation.grid import Grid
from gaittake.evaluation.groups import Errors, Measured, by_group
from gaittake.evaluation.intervals import rate_interval, rule_of_three
from gaittake.evaluation.open_set import DRAWS, FPIR, SHARE, OpenSet, Others, Searches, open_set
from gaittake.evaluation.pairs import FMR, Verified, det, verify
from gaittake.evaluation.roles import Roles
from gaittake.evaluation.statistics import condition_mean, count_by_subject


def error_rates(
    outcomes: Outcomes,
    roles: Roles,
    grid: Grid,
    lost: Lost,
    name: str,
    *,
    ranks: pd.DataFrame,
    groups: pd.DataFrame | None,
    same_view: bool,
) -> dict[str, Any]:
    """Returns the entries `error_rates` and `groups` of a condition.

    Args:
        outcomes: of the search.
        roles: of the sequences.
        grid: of the condition.
        lost: what the condition lost.
        name: of the condition.
        ranks: of each probe, see `gaittake.evaluation.probes`.
        groups: columns of the test subjects, see `gaittake.evaluation.groups`, or None.
        same_view: whether pairs of identical views count.
    """
    pairs = outcomes.pairs[name]
    verified = {at: verify(pairs, at) for at in FMR}
    searches = searches_of(outcomes, roles, name, lost, same_view=same_view)
    opened = open_set(searches)
    cells = [lost.by_cell.get(cell, 0) for cell in roles.cells]
    generalised = generalised_mean(
        grid.metrics["rank1"],
        grid.probes,
        cells,
        lambda values: condition_mean(values, same_view=same_view),
    )
    rates: dict[str, Measured] = {
        "rank1": count_by_subject(ranks, name, subjects=outcomes.subjects)
    }
    if (strict := verified[FMR[0]]) is not None:
        rates["fnmr"] = Errors(strict.misses, strict.same)
        rates["fmr"] = Errors(strict.false_matches, strict.different)
    if (known := opened[FPIR[0]]) is not None:
        rates["fnir"] = Errors(known.misses, known.mated)
        rates["fpir"] = Errors(known.false_positives, known.nonmated)
    probed = set(ranks.loc[ranks["condition"] == name, "subject"])
    return {
        "error_rates": {
            "failure_to_acquire": lost.entry(),
            "rank1_generalised": None if np.isnan(generalised) else generalised,
            "fnmr": {str(at): _verified(item, lost) for at, item in verified.items()},
            "det": det(pairs),
            "fnir": {str(at): _opened(item) for at, item in opened.items()},
            "open_set": {
                "share": SHARE,
                "draws": DRAWS,
                "subjects": len(probed),
                "searches": len(searches.subject),
            },
        },
        "groups": None
        if groups is None
        else by_group(
            groups.loc[[person in probed for person in groups.index]],
            rates,
            outcomes.subjects,
            same_view=same_view,
        ),
    }


def searches_of(
    outcomes: Outcomes, roles: Roles, name: str, lost: Lost, *, same_view: bool
) -> Searches:
    """Returns the searches of a condition that the protocol counts."""
    probes = np.flatnonzero(roles.conditions[name][outcomes.probes])
    rows = outcomes.probes[probes]
    cells = np.array(roles.cells)
    counted = (roles.probe_cell[rows][:, None] != cells) | same_view
    counted &= outcomes.gallery > 0
    place, column = np.nonzero(counted)
    chosen = probes[place]
    return Searches(
        subject=outcomes.owners[chosen],
        mate=outcomes.mate[chosen, column],
        others=Others(
            outcomes.others.distances[chosen, column], outcomes.others.subjects[chosen, column]
        ),
        lost=lost.searches,
    )


def _verified(found: Verified | None, lost: Lost) -> dict[str, Any] | None:
    """Returns FNMR at one FMR; None if there are too few pairs."""
    if found is None:
        return None
    misses, same = int(found.misses.sum()), int(found.same.sum())
    false, different = int(found.false_matches.sum()), int(found.different.sum())
    subjects = int((found.same > 0).sum())
    return {
        "fnmr": misses / same,
        "interval": rate_interval(found.fnmr),
        "generalised": (misses + lost.same) / (same + lost.same),
        "fmr": false / different,
        "fmr_generalised": false / (different + lost.different),
        "fmr_bound": None if false else rule_of_three(int((found.different > 0).sum())),
        "threshold": found.threshold,
        "subjects": subjects,
    }


def _opened(found: OpenSet | None) -> dict[str, Any] | None:
    """Returns FNIR at one FPIR; None if there are too few searches."""
    if found is None:
        return None
    nonmated = int(found.nonmated.sum())
    return {
        "fnir": found.fnir,
        "interval": found.interval,
        "generalised": found.generalised,
        "fpir": int(found.false_positives.sum()) / nonmated if nonmated else None,
        "searches_mated": int(found.mated.sum()) // DRAWS,
        "searches_nonmated": nonmated // DRAWS,
    }
