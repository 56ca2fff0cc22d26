"""The metrics of one condition of one run, as `metrics.json` has them."""

from typing import Any

import numpy as np
import pandas as pd

from gaittake.arrays import Float64s
from gaittake.comparison import COMPARISONS, GALLERY, Kind
from gaittake.evaluation.cross_view import Outcomes
from gaittake.evaluation.grid import Grid, grid_of
from gaittake.evaluation.intervals import rate_interval
from gaittake.evaluation.roles import Roles
from gaittake.evaluation.statistics import (
    by_probe_view,
    condition_mean,
    count_by_subject,
    mean_of,
    resampled_mean,
)
from gaittake.evaluation.verification import verification
from gaittake.settings import Protocol


def condition_metrics(
    outcomes: Outcomes, roles: Roles, ranks: pd.DataFrame, name: str, protocol: Protocol
) -> dict[str, Any]:
    """Returns the metrics of one condition: means, by probe view, and for each pair of views.

    In other comparisons, the views are cameras, or the cells of all probes and of one gallery.
    """
    grid, same_view = grid_of(outcomes, roles, name), protocol.same_view
    means = {m: by_probe_view(values, same_view=same_view) for m, values in grid.metrics.items()}
    curve = condition_mean(np.moveaxis(grid.curve, -1, 0), same_view=same_view)
    intervals = {
        metric: rate_interval(
            resampled_mean(count_by_subject(ranks, name, matched=matched), same_view=same_view)
        )
        for metric, matched in (("rank1", False), ("rank1_matched", True))
    }
    rates = verification(outcomes.histograms[name])
    accepted = rates["at_false_accepts"] if rates else {}
    mean = {metric: number(mean_of(values)) for metric, values in means.items()}
    mean |= {
        "rank1_diagonal": number(condition_mean(grid.metrics["rank1"], same_view=True)),
        **{
            metric: accepted[at]["true_accepts"] if rates else None
            for metric, at in (("tar1", "0.01"), ("tar5", "0.05"))
        },
    }
    return {
        "comparison": roles.kind,
        "shown": list(shown_metrics(protocol, roles.kind)),
        "mean": mean,
        "interval": intervals["rank1"],
        "interval_matched": intervals["rank1_matched"],
        "by_probe_view": {
            metric: {
                cell: number(v)
                for cell, v in zip(roles.cells, values, strict=True)
                if cell != GALLERY
            }
            for metric, values in means.items()
        },
        "cmc": [number(value) for value in curve],
        "verification": rates,
        "subjects": int(ranks.loc[ranks["condition"] == name, "subject"].nunique()),
        "pairs": _pairs(grid, roles.cells),
    }


def _pairs(grid: Grid, cells: tuple[str, ...]) -> list[dict[str, Any]]:
    """Returns the metrics of each pair of cells with probes and a gallery."""
    return [
        {
            "probe_view": probe_view,
            "gallery_view": gallery_view,
            "probes": int(grid.probes[a]),
            "gallery": int(grid.gallery[b]),
            "probes_matched": int(grid.matched[a, b]),
            **{metric: number(values[a, b]) for metric, values in grid.metrics.items()},
        }
        for a, probe_view in enumerate(cells)
        for b, gallery_view in enumerate(cells)
        if grid.probes[a] and grid.gallery[b]
    ]


def number(value: Float64s | float) -> float | None:
    """Returns a number for JSON: None, written as null, instead of NaN."""
    return None if np.isnan(value) else float(value)


def shown_metrics(protocol: Protocol, kind: Kind) -> tuple[str, ...]:
    """Returns the metrics of a comparison's rows in the table; the first is rank-1."""
    chosen = protocol.metrics or COMPARISONS[kind].shown
    return ("rank1", *(metric for metric in chosen if metric != "rank1"))
