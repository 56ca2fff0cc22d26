"""Which differences between methods are beyond chance: in words, as a chart, as a table."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gaittake.evaluation.bootstrap import RESAMPLES
from gaittake.evaluation.compare import differences
from gaittake.report.chart import RIGHT, WIDTH, Axis
from gaittake.report.html import Markup, figure, join, left_out, section, table, tag
from gaittake.report.runs import Run, chief, named, said

TITLE = "Beyond chance"
EDGE, TOP, ROW, FLOOR = 8.0, 30.0, 34.0, 24.0
MARGIN = 0.04  # of the range of points, on both sides
HOW = (
    f"Test people were drawn anew {RESAMPLES} times, as many as there are, some of them several "
    "times and some not at all, and both methods were measured on the same people. Where the "
    "middle 95 % of the differences leave out zero, the difference is beyond chance."
)
LIMITS = (
    "Each comparison stands for itself: of twenty methods that are no better, one looks so. Chance "
    "in training is not in the intervals; several seeds show it. With few test people they are too "
    "narrow: in simulations they held the truth in 95 % of cases with 50 people, in 90 % with 16, "
    "in 88 % with 8."
)


def differences_section(runs: Sequence[Run], *, same_view: bool, label: str) -> Markup:
    """Returns each two methods' difference of rank-1, by condition.

    Args:
        runs: all of the table; the seeds of a method count as one, by their mean.
        same_view: as in the protocol.
        label: what captions of a synthetic dataset say.
    """
    methods = list(dict.fromkeys(run.metrics["method"] for run in runs))
    if len(methods) < 2:
        return left_out(TITLE, "Two methods are needed for a difference.")
    found = compared(runs, same_view=same_view)
    if found.empty:
        return left_out(TITLE, "No condition has a probe.")
    low, high = 100 * min(*found["low"], 0.0), 100 * max(*found["high"], 0.0)
    beside = MARGIN * (high - low)
    across = Axis("points", low - beside, high + beside)
    charts = [
        forest(str(name), part, across) for name, part in found.groupby("condition", sort=False)
    ]
    caption = (
        f"{label}Difference of rank-1 in points of percent, and its 95 % interval, by paired "
        "bootstrap over test people. Filled: beyond chance; hollow: it may be chance."
    )
    return section(
        TITLE,
        verdicts(found, chief(runs).metrics["method"]),
        tag("p", HOW, class_="note"),
        figure(charts, caption),
        _table(found, label),
        tag("p", LIMITS, class_="note"),
    )


def compared(runs: Sequence[Run], *, same_view: bool) -> pd.DataFrame:
    """Returns the differences, turned so that none is negative, the largest of a condition first.

    Columns: see `gaittake.evaluation.compare.differences`.
    """
    probes: dict[str, list[Path]] = {}
    for run in runs:
        probes.setdefault(run.metrics["method"], []).append(run.embeddings.with_name("probes.csv"))
    found = differences(probes, same_view=same_view)
    behind = found["difference"] < 0
    turned = found.assign(
        method=found["method"].where(~behind, found["other"]),
        other=found["other"].where(~behind, found["method"]),
        difference=found["difference"].abs(),
        low=found["low"].where(~behind, -found["high"]),
        high=found["high"].where(~behind, -found["low"]),
    )
    order = {name: place for place, name in enumerate(dict.fromkeys(found["condition"]))}
    turned["place"] = turned["condition"].map(order)
    ordered = turned.sort_values(["place", "difference"], ascending=[True, False])
    return ordered.drop(columns="place").reset_index(drop=True)


def verdicts(found: pd.DataFrame, best: str) -> Markup:
    """Returns how the best method stands against each other one, in words."""
    rivals = dict.fromkeys([*found["method"], *found["other"]])
    lines = []
    for rival in (name for name in rivals if name != best):
        pair = {best, rival}
        rows = found[found["method"].isin(pair) & found["other"].isin(pair)]
        sure = rows["beyond_chance"].astype(bool)
        parts = (
            ("ahead beyond chance", rows[sure & (rows["method"] == best)]),
            ("behind beyond chance", rows[sure & (rows["method"] == rival)]),
            ("no difference beyond chance", rows[~sure]),
        )
        told = "; ".join(f"{what}: {', '.join(p['condition'])}" for what, p in parts if len(p))
        lines.append(tag("li", f"{named(best)} against {named(rival)}, {told}."))
    return tag("ul", *lines)


def forest(condition: str, rows: pd.DataFrame, across: Axis) -> Markup:
    """Returns the differences of one condition as dots on their intervals, zero a line."""

    def at(points: float) -> float:
        return EDGE + across.share(points) * (WIDTH - EDGE - RIGHT)

    floor = TOP + ROW * len(rows)
    parts = [
        tag("text", said(condition), x=EDGE, y=14, class_="title"),
        tag("line", x1=EDGE, x2=WIDTH - RIGHT, y1=floor, y2=floor, class_="axis"),
    ]
    for value in across.ticks():
        told_as = signed(value, "g") if value else "0"
        parts.append(
            tag("text", told_as, x=at(value), y=floor + 16, text_anchor="middle", class_="soft")
        )
    told = []
    for place, row in enumerate(rows.to_dict("records")):
        name = f"{named(row['method'])} − {named(row['other'])}"
        numbers = [100 * row[column] for column in ("difference", "low", "high")]
        top = TOP + ROW * place
        zero = tag("line", x1=at(0), x2=at(0), y1=top + 13, y2=top + 27, class_="axis")
        parts += [zero, _row(name, [at(n) for n in numbers], top, row["beyond_chance"])]
        beyond = "beyond chance" if row["beyond_chance"] else "may be chance"
        middle, low, high = map(signed, numbers)
        told.append(f"{name} {middle} ({low} to {high}), {beyond}")
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH:g} {floor + FLOOR:g}",
        role="img",
        aria_label=f"Differences of rank-1 in points, {said(condition)}: {'; '.join(told)}",
    )


def _row(name: str, places: Sequence[float], top: float, beyond: bool) -> Markup:
    """Returns a name and, below it, a dot on its interval."""
    middle, low, high = places
    y = top + 20
    colour = "var(--heat)" if beyond else "var(--faint)"
    fill = colour if beyond else "var(--paper)"
    return join(
        [
            tag("text", name, x=EDGE, y=top + 10, class_="" if beyond else "soft"),
            tag("line", x1=low, x2=high, y1=y, y2=y, stroke=colour, stroke_width=2),
            tag("circle", cx=middle, cy=y, r=4, fill=fill, stroke=colour, stroke_width=1.6),
        ]
    )


def _table(found: pd.DataFrame, label: str) -> Markup:
    rows = [
        [
            row["condition"],
            named(row["method"]),
            named(row["other"]),
            signed(100 * row["difference"]),
            f"{signed(100 * row['low'])} … {signed(100 * row['high'])}",
            "yes" if row["beyond_chance"] else "no",
        ]
        for row in found.to_dict("records")
    ]
    head = ["condition", "method", "minus", "points", "95 % interval", "beyond chance"]
    caption = f"{label}Rank-1 of one method minus another's, points of percent."
    return tag(
        "details",
        tag("summary", "The same in numbers"),
        table(head, rows, caption=caption, words=3),
    )


def signed(points: float, form: str = ".1f") -> str:
    """Returns `+3.9` or `−0.8`."""
    return format(points, f"+{form}").replace("-", "−")
