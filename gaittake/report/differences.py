"""Significant differences between methods: in words, as a chart, as a table."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from gaittake.evaluation.compare import differences
from gaittake.evaluation.intervals import RESAMPLES
from gaittake.evaluation.page import p_text
from gaittake.evaluation.smallest import smallest_sentence
from gaittake.evaluation.tables import method_name
from gaittake.report.chart import RIGHT, WIDTH, Axis
from gaittake.report.html import collapsed, empty_section, figure, note, section, table, template
from gaittake.report.runs import Run, best_run, condition_title

TITLE = "Significant differences"
EDGE, TOP, ROW, FLOOR = 8.0, 30.0, 34.0, 24.0
MARGIN = 0.04  # on both sides, share of the range
ENDS = {"middle": "difference", "low": "low", "high": "high"}
METHOD = (
    f"The test people are drawn {RESAMPLES} times with replacement, and both methods are measured "
    "on the same people; several trainings of a method are drawn as well. The interval is BCa's, "
    "widened for few people. A difference is significant if its p-value is below 0.05 after Holm's "
    "correction for all comparisons on this page."
)
LIMITS = (
    "The intervals are those of one comparison each, so an interval may exclude zero where the "
    "corrected p-value is not significant. With one training of a method, they do not contain the "
    "variation between trainings."
)

_VERDICTS = template("""\
<ul>
{% for line in lines %}
<li>{{ line }}</li>
{% endfor %}
</ul>
""")
_FOREST = template("""\
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}">
<text x="{{ left }}" y="14" class="title">{{ title }}</text>
<line x1="{{ left }}" x2="{{ right }}" y1="{{ floor }}" y2="{{ floor }}" class="axis"/>
{% for at, text in ticks %}
<text x="{{ at }}" y="{{ floor + 16 }}" text-anchor="middle" class="soft">{{ text }}</text>
{% endfor %}
{% for row in rows %}
{% set colour = "var(--heat)" if row.significant else "var(--faint)" %}
{% set y = row.top + 20 %}
<line x1="{{ zero }}" x2="{{ zero }}" y1="{{ y - 7 }}" y2="{{ y + 7 }}" class="axis"/>
<text x="{{ left }}" y="{{ row.top + 10 }}" class="{{ "" if row.significant else "soft" }}">
{{- row.name }}</text>
<line x1="{{ row.low }}" x2="{{ row.high }}" y1="{{ y }}" y2="{{ y }}" stroke="{{ colour }}"
 stroke-width="2"/>
<circle cx="{{ row.middle }}" cy="{{ y }}" r="4" data-tip="{{ row.tip }}" stroke="{{ colour }}"
 stroke-width="1.6" fill="{{ colour if row.significant else "var(--paper)" }}"/>
{% endfor %}
</svg>
""")


def differences_section(runs: Sequence[Run], *, same_view: bool) -> Markup:
    """Returns the difference in rank-1 of each pair of methods, by condition.

    Args:
        runs: all runs of the table; a method with several seeds counts once, by its mean.
        same_view: whether pairs of identical views count.
    """
    methods = list(dict.fromkeys(run.metrics["method"] for run in runs))
    if len(methods) < 2:
        return empty_section(TITLE, "The table has one method only, so there is no difference.")
    found = compared(runs, same_view=same_view)
    if found.empty:
        return empty_section(TITLE, "No condition has a probe.")
    low, high = 100 * min(*found["low"], 0.0), 100 * max(*found["high"], 0.0)
    margin = MARGIN * (high - low)
    across = Axis("points", low - margin, high + margin)
    charts = [
        forest(str(name), part, across) for name, part in found.groupby("condition", sort=False)
    ]
    caption = (
        "Difference in rank-1 in percentage points, with its 95 % interval by paired "
        "bootstrap over test people. Filled: significant after Holm's correction; hollow: not."
    )
    return section(
        TITLE,
        verdicts(found, best_run(runs).metrics["method"]),
        *(note(text) for text in (smallest_sentence(found), METHOD) if text),
        figure(charts, caption),
        _table(found),
        note(LIMITS),
    )


def compared(runs: Sequence[Run], *, same_view: bool) -> pd.DataFrame:
    """Returns the differences, with the better method first and the largest of a condition first.

    Columns: see `gaittake.evaluation.compare.differences`.
    """
    probes: dict[str, list[Path]] = {}
    for run in runs:
        probes.setdefault(run.metrics["method"], []).append(run.embeddings.with_name("probes.csv"))
    found = differences(probes, same_view=same_view)
    behind = found["difference"] < 0
    oriented = found.assign(
        method=found["method"].where(~behind, found["other"]),
        other=found["other"].where(~behind, found["method"]),
        difference=found["difference"].abs(),
        low=found["low"].where(~behind, -found["high"]),
        high=found["high"].where(~behind, -found["low"]),
    )
    order = {name: place for place, name in enumerate(dict.fromkeys(found["condition"]))}
    oriented["place"] = oriented["condition"].map(order)
    ordered = oriented.sort_values(["place", "difference"], ascending=[True, False])
    return ordered.drop(columns="place").reset_index(drop=True)


def verdicts(found: pd.DataFrame, best: str) -> Markup:
    """Returns the comparison of the best method with each other one, in words.

    Args:
        found: see `compared`.
        best: name of the best method.
    """
    rivals = dict.fromkeys([*found["method"], *found["other"]])
    lines = []
    for rival in (name for name in rivals if name != best):
        pair = {best, rival}
        rows = found[found["method"].isin(pair) & found["other"].isin(pair)]
        significant = rows["significant"].astype(bool)
        parts = (
            ("significantly better", rows[significant & (rows["method"] == best)]),
            ("significantly worse", rows[significant & (rows["method"] == rival)]),
            ("no significant difference", rows[~significant]),
        )
        verdict = "; ".join(f"{what}: {', '.join(p['condition'])}" for what, p in parts if len(p))
        lines.append(f"{method_name(best)} against {method_name(rival)}, {verdict}.")
    return _VERDICTS(lines=lines)


def forest(condition: str, rows: pd.DataFrame, across: Axis) -> Markup:
    """Returns the differences of one condition: dots on their intervals, and a line at zero.

    Args:
        condition: of the rows.
        rows: of `compared`.
        across: percentage points.
    """

    def at(points: float) -> float:
        return EDGE + across.share(points) * (WIDTH - EDGE - RIGHT)

    drawn, summaries = [], []
    for place, row in enumerate(rows.to_dict("records")):
        name = f"{method_name(row['method'])} − {method_name(row['other'])}"
        numbers = {key: 100 * row[column] for key, column in ENDS.items()}
        places = {key: at(number) for key, number in numbers.items()}
        significant = bool(row["significant"])
        middle, low, high = map(signed, numbers.values())
        verdict = "significant" if significant else "not significant"
        summary = f"{name} {middle} ({low} to {high}), {verdict}"
        summaries.append(summary)
        about = {"name": name, "top": TOP + ROW * place, "significant": significant, "tip": summary}
        drawn.append(about | places)
    title = condition_title(condition)
    floor = TOP + ROW * len(rows)
    return _FOREST(
        title=title,
        label=f"Differences in rank-1 in percentage points, {title}: {'; '.join(summaries)}",
        ticks=[(at(v), signed(v, "g") if v else "0") for v in across.ticks()],
        rows=drawn,
        zero=at(0),
        width=WIDTH,
        height=floor + FLOOR,
        left=EDGE,
        right=WIDTH - RIGHT,
        floor=floor,
    )


def _table(found: pd.DataFrame) -> Markup:
    rows = [
        [
            row["condition"],
            method_name(row["method"]),
            method_name(row["other"]),
            signed(100 * row["difference"]),
            f"{signed(100 * row['low'])} … {signed(100 * row['high'])}",
            p_text(row["p_holm"]),
            "yes" if row["significant"] else "no",
        ]
        for row in found.to_dict("records")
    ]
    head = ["condition", "method", "minus", "points", "95 % interval", "p, Holm", "significant"]
    caption = "Rank-1 of one method minus that of another, in percentage points."
    return collapsed("Table of the differences", table(head, rows, caption=caption, words=3))


def signed(points: float, form: str = ".1f") -> str:
    """Returns `+3.9` or `−0.8`."""
    return format(points, f"+{form}").replace("-", "−")
