"""Rows of the tables that people read: percent with two decimals, rounded here and nowhere else."""

from typing import Any

import pandas as pd

PARTIAL = " (partial: "


def table_rows(metrics: dict[str, Any], metric: str, *, method: str | None = None) -> pd.DataFrame:
    """Returns a row for each condition: dataset, method, condition, each view, mean; percent.

    Where the data lacked a part of the protocol, the dataset's name says what there was:
    `casiab (partial: 20 of 50 test subjects)`.

    Args:
        metrics: what `metrics.json` holds.
        metric: one of `gaittake.evaluation.grid.METRICS`.
        method: the name of the row, where it is not the method's own.
    """
    missing = metrics["partial"]
    dataset = metrics["dataset"] + (f"{PARTIAL}{missing['label']})" if missing else "")
    rows = []
    for condition, numbers in metrics["conditions"].items():
        views = numbers["by_probe_view"][metric]
        row = {"dataset": dataset, "method": method or metrics["method"], "condition": condition}
        row |= {str(view): percent(views[view]) for view in sorted(views, key=int)}
        rows.append(row | {"mean": percent(numbers["mean"][metric])})
    return pd.DataFrame(rows)


def dataset_of(cell: str) -> str:
    """Returns the dataset's plain name from a cell of the column `dataset`."""
    return cell.split(PARTIAL)[0]


def percent(value: float | None) -> str:
    """Returns a share as percent with two decimals; '' where there is none."""
    return "" if value is None else f"{100 * value:.2f}"
