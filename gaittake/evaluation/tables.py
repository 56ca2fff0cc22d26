"""The result tables: rows in percent, the ranking of methods, the published numbers.

Percent values are rounded here and nowhere else.
"""

from collections.abc import Iterable
from io import StringIO
from typing import Any, NamedTuple

import pandas as pd

from gaittake.evaluation.error_tables import RATES
from gaittake.sequence import view_title

CHANCE = "chance"  # the method of the rows with the chance level
PARTIAL = " (partial: "
NAMES = {
    "gei": "GEI",
    "gaitset": "GaitSet",
    "gaitpart": "GaitPart",
    "energynet": "EnergyNet",
    "gaitgl": "GaitGL",
    "gaitgl_iccv": "GaitGL (ICCV head)",
    "mt3d": "MT3D",
    "gaitbase": "GaitBase",
    "deepgaitv2": "DeepGaitV2",
    "skeletongait_plus": "SkeletonGait++",
    "gaittake": "GaitTAKE",
    "gaittake_plus": "GaitTAKE+",
}
# Metrics that may follow rank-1 in a table, and the titles of their columns.
METRICS = {
    "rank5": "rank-5",
    "rank10": "rank-10",
    "rank20": "rank-20",
    "map": "mAP",
    "minp": "mINP",
    "rank1_diagonal": "rank-1 with the same camera",
    "tar1": "TAR at 1 % FAR",
    "tar5": "TAR at 5 % FAR",
}
OF_MATCHED = ("mean", "rank5", "rank10", "rank20", "map", "minp")
STATISTICS = ("deviation", "low", "high", *(f"{name}_matched" for name in OF_MATCHED), *RATES)
NOT_VIEWS = ("dataset", "method", "condition", "mean", *METRICS, *STATISTICS)


# Rank-1 (%) as printed in the paper, shown separately from measured results.
_CASIAB = """\
method,condition,000,018,036,054,072,090,108,126,144,162,180,mean
gaitset,nm,90.8,97.9,99.4,96.9,93.6,91.7,95.0,97.8,98.9,96.8,85.8,95.0
mt3d,nm,95.7,98.2,99.0,97.5,95.1,93.9,96.1,98.6,99.2,98.2,92.0,96.7
gaitgl,nm,94.6,97.3,98.8,97.1,95.8,94.3,96.4,98.5,98.6,98.2,90.8,96.4
gaitpart,nm,94.1,98.6,99.3,98.5,94.0,92.3,95.9,98.4,99.2,97.8,90.4,96.2
gaittake,nm,96.7,98.6,99.1,98.1,97.3,96.3,98.0,98.9,99.2,99.2,96.4,98.0
gaitset,bg,83.8,91.2,91.8,88.8,83.3,81.0,84.1,90.0,92.2,94.4,79.0,87.2
mt3d,bg,91.0,95.4,97.5,94.2,92.3,86.9,91.2,95.6,97.3,96.4,86.6,93.0
gaitgl,bg,90.3,94.7,95.9,94.0,91.9,86.5,90.5,95.5,97.2,96.3,87.1,92.7
gaitpart,bg,89.1,94.8,96.7,95.1,88.3,84.9,89.0,93.5,96.1,93.8,85.8,91.5
gaittake,bg,96.7,97.0,97.9,97.6,97.9,95.7,97.0,98.2,99.0,99.0,96.4,97.5
gaitset,cl,61.4,75.4,80.7,77.3,72.1,70.1,71.5,73.5,73.5,68.4,50.0,70.4
mt3d,cl,76.0,87.6,89.8,85.0,81.2,75.7,81.0,84.5,85.4,82.2,68.1,81.5
gaitgl,cl,76.7,88.3,90.7,86.6,82.7,77.6,83.5,86.5,88.1,83.2,68.7,83.0
gaitpart,cl,70.7,85.5,86.9,83.3,77.1,72.5,76.9,82.2,83.8,80.2,66.5,78.7
gaittake,cl,89.1,95.3,96.2,93.9,91.5,90.5,92.5,93.3,93.0,91.8,87.0,92.2
"""
_OUMVLP = """\
method,condition,000,015,030,045,060,075,090,180,195,210,225,240,255,270,mean
gaitset,nm,79.5,87.9,89.9,90.2,88.1,88.7,87.8,81.7,86.7,89.0,89.3,87.2,87.8,86.2,87.1
gaitpart,nm,82.6,88.9,90.8,91.0,89.7,89.9,89.5,85.2,88.1,90.0,90.1,89.0,89.1,88.2,88.7
gaitgl,nm,84.3,89.8,90.8,91.0,90.5,90.3,89.9,88.1,87.9,89.6,89.8,88.9,88.9,88.2,89.1
gaittake,nm,87.5,91.0,91.5,91.8,91.4,91.1,90.8,90.2,89.7,90.5,90.7,90.3,90.0,89.5,90.4
"""
# By layout: source, numbers, footnote.
_PUBLISHED = {
    "casiab": (
        "Hsu et al. 2022, Table 1 (CASIA-B, 74 training subjects)",
        _CASIAB,
        "GaitPart, bg, 90°: the paper prints 94.9. 84.9 is the number in GaitPart's own paper, and "
        "the only one that agrees with the mean of the row.",
    ),
    "oumvlp": (
        "Hsu et al. 2022, Table 2 (OU-MVLP)",
        _OUMVLP,
        "Probes without a match in the gallery count as wrong.",
    ),
}


def table_rows(metrics: dict[str, Any], metric: str, *, method: str | None = None) -> pd.DataFrame:
    """Returns a row per condition: dataset, method, condition, views, mean, metrics; in percent.

    Only a comparison of views has columns of views; `mean` is then their mean, and otherwise the
    metric itself. The metrics that the protocol shows besides rank-1 follow it.

    If the data lacks a part of the protocol, the dataset's name says so:
    `casiab (partial: 20 of 50 test subjects)`.

    Args:
        metrics: contents of `metrics.json`.
        metric: one of `gaittake.evaluation.grid.METRICS`.
        method: name of the row; default: the method's name.
    """
    missing = metrics["partial"]
    dataset = metrics["dataset"] + (f"{PARTIAL}{missing['label']})" if missing else "")
    rows = []
    for condition, numbers in metrics["conditions"].items():
        views = numbers["by_probe_view"][metric]
        row = {"dataset": dataset, "method": method or metrics["method"], "condition": condition}
        if numbers["comparison"] == "views":
            row |= {view: percent(views[view]) for view in sorted(views)}
        row["mean"] = percent(numbers["mean"][metric])
        if metric == "rank1":
            row |= {name: percent(numbers["mean"][name]) for name in numbers["shown"][1:]}
        rows.append(row)
    table = pd.DataFrame(rows).fillna("")
    views = [column for column in table.columns if column not in NOT_VIEWS]
    others = [column for column in METRICS if column in table.columns]
    return table[["dataset", "method", "condition", *sorted(views), "mean", *others]]


def column_title(column: str, columns: Iterable[str]) -> str:
    """Returns the title of a column for readers: `90°` for `090`, `mAP` for `map`.

    Args:
        column: of a table.
        columns: all columns of the table; without views, the mean is rank-1 itself.
    """
    if column == "mean":
        return "mean" if any(other not in NOT_VIEWS for other in columns) else "rank-1"
    return METRICS.get(column) or view_title(column)


def dataset_of(cell: str) -> str:
    """Returns the dataset's name without the addition `(partial: …)`."""
    return cell.split(PARTIAL)[0]


def percent(value: float | None) -> str:
    """Returns a share as percent with two decimals; '' for None."""
    return "" if value is None else f"{100 * value:.2f}"


def method_name(method: str) -> str:
    """Returns the name of a method for readers: `GaitTAKE` for `gaittake`."""
    return NAMES.get(method, method.replace("_", " "))


class Cell(NamedTuple):
    """A number of a ranked table.

    Attributes:
        text: percent, or ''.
        mark: `best`, `second` or ''.
    """

    text: str
    mark: str


class RankedRow(NamedTuple):
    """A row of a ranked table.

    Attributes:
        condition: of the row.
        method: as in the settings.
        first: whether the row is the first of its condition.
        cells: of each column.
    """

    condition: str
    method: str
    first: bool
    cells: list[Cell]


def ranked_rows(rows: pd.DataFrame) -> tuple[list[str], list[RankedRow]]:
    """Returns the columns and the rows of a table, with the best and second methods marked.

    The columns are the views, `mean` and further metrics.

    The ranks are those of a column within a condition. Methods with equal numbers get the same
    mark; the chance level gets none.

    Args:
        rows: method, condition, views, mean, metrics; as text, in percent. Other columns are
            skipped.
    """
    shown = [c for c in rows.columns if c not in NOT_VIEWS or c == "mean" or c in METRICS]
    ranked = []
    for condition, block in rows.groupby("condition", sort=False):
        columns = [_marked(block, column) for column in shown]
        for place, method in enumerate(block["method"]):
            cells = [column[place] for column in columns]
            ranked.append(RankedRow(str(condition), str(method), not place, cells))
    return shown, ranked


def _marked(block: pd.DataFrame, column: str) -> list[Cell]:
    """Returns the cells of a column within a condition."""
    competes = (block["method"] != CHANCE) & (block[column] != "")
    values = sorted({float(value) for value in block.loc[competes, column]}, reverse=True)
    marks = dict(zip(values, ("best", "second"), strict=False))
    return [
        Cell(str(text), marks.get(float(text), "") if competing else "")
        for text, competing in zip(block[column], competes, strict=True)
    ]


def published(layout: str) -> tuple[str, pd.DataFrame, str] | None:
    """Returns source, numbers and footnote of the paper's table; None if it has no such table.

    The numbers are rank-1 in percent, as text: method, condition, each view, mean.

    Args:
        layout: of the dataset.
    """
    if layout not in _PUBLISHED:
        return None
    source, text, footnote = _PUBLISHED[layout]
    return source, pd.read_csv(StringIO(text), dtype=str), footnote


def unpublished_note(metrics: list[dict[str, Any]]) -> str:
    """Returns how the runs' settings differ from the published ones, '' if they do not.

    Args:
        metrics: of all runs.
    """
    parts = {
        f"{method_name(run['method'])}: "
        + ", ".join(f"{name} {value}" for name, value in run["unpublished"].items()): None
        for run in metrics
        if run.get("unpublished")  # files of earlier versions have no such entry
    }
    return f"Settings that differ from the published ones: {'; '.join(parts)}." if parts else ""


def caption(rows: pd.DataFrame) -> str:
    """Returns what the numbers of a table are."""
    return "Rank-1 in %, by view of the probe" if view_columns(rows) else "In %"


def view_columns(rows: pd.DataFrame) -> list[str]:
    """Returns the columns of a table that are views."""
    return [column for column in rows.columns if column not in NOT_VIEWS]
