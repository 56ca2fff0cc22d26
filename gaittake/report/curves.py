"""Heat maps over pairs of views, identification and verification curves, training curves."""

from collections.abc import Sequence

import numpy as np

from gaittake.evaluation.bootstrap import interval, per_subject, resampled
from gaittake.report.chart import Axis, Line, heat_map, legend, line_chart
from gaittake.report.html import Markup, figure, left_out, section, table, tag
from gaittake.report.runs import Run, chief, first_seeds, percent, said

LEAST_FALSE_ACCEPTS = 1e-4
# Columns of a training's history, and how the page calls them.
HISTORY = {
    "loss": "loss",
    "active": "share of triplets still to be learnt",
    "positive": "distance of the same person",
    "negative": "distance of different people",
}


def styles_of(runs: Sequence[Run]) -> dict[str, int]:
    """Returns the style of each run's lines, the same in every chart: first methods, then seeds."""
    methods = [run.title for run in first_seeds(runs)]
    others = [run.title for run in runs if run.title not in methods]
    return {title: style for style, title in enumerate([*methods, *others])}


def views_section(runs: Sequence[Run], *, label: str) -> Markup:
    """Returns a heat map of rank-1 for each condition."""
    best = chief(runs)
    maps = []
    for condition, numbers in best.metrics["conditions"].items():
        cells = {(p["probe_view"], p["gallery_view"]): p["rank1"] for p in numbers["pairs"]}
        views = sorted(int(view) for view in numbers["by_probe_view"]["rank1"])
        maps.append(heat_map(said(condition), views, cells))
    caption = (
        f"{label}{best.title}: rank-1 in % for each pair of views. Rows: view of the probe; "
        "columns: view of the gallery. Dashed cells: identical views."
    )
    return section("View against view", figure(maps, caption))


def identification_section(runs: Sequence[Run], *, same_view: bool, label: str) -> Markup:
    """Returns the CMC curves, with bootstrap bands."""
    methods = first_seeds(runs)
    styles = styles_of(methods)
    charts = []
    for condition in methods[0].metrics["conditions"]:
        lines = [_cmc(run, condition, styles[run.title], same_view) for run in methods]
        lines = [line for line in lines if line.y]
        if lines:
            ranks = Axis("rank", 1, max(line.x[-1] for line in lines))
            charts.append(line_chart(said(condition), lines, ranks, Axis("found, %", 0, 100)))
    caption = (
        f"{label}Cumulative match: share of the probes whose own person is among the nearest k "
        "gallery sequences. Bands: 95 % intervals over test subjects."
    )
    return section("Identification", legend(styles), figure(charts, caption))


def _cmc(run: Run, condition: str, style: int, same_view: bool) -> Line:
    values = run.metrics["conditions"][condition]["cmc"]
    known = [100 * value for value in values if value is not None]
    ends = [
        interval(resampled(per_subject(run.probes, condition, k=k), same_view=same_view))
        for k in range(1, len(known) + 1)
    ]
    sure = [end for end in ends if end is not None]
    band = None
    if known and len(sure) == len(known):
        band = ([100 * low for low, _ in sure], [100 * high for _, high in sure])
    return Line(run.title, list(range(1, len(known) + 1)), known, style, band)


def verification_section(runs: Sequence[Run], *, label: str) -> Markup:
    """Returns the ROC curves and the error rates of saying yes or no to a pair of walks."""
    methods = first_seeds(runs)
    styles = styles_of(methods)
    charts, rows = [], []
    for condition in methods[0].metrics["conditions"]:
        lines = []
        for run in methods:
            found = run.metrics["conditions"][condition]["verification"]
            if found is None:
                continue
            accepts = np.array(found["roc"]["true_accepts"]) * 100
            rates = found["roc"]["false_accepts"]
            lines.append(Line(run.title, rates, accepts.tolist(), styles[run.title]))
            points = [found["at_false_accepts"][at]["true_accepts"] for at in ("0.01", "0.001")]
            numbers = [found["equal_error_rate"], *points]
            counts = [f"{found['pairs_same']:,}", f"{found['pairs_different']:,}"]
            rows.append([condition, run.title, *(percent(n) for n in numbers), *counts])
        if lines:
            false_accepts = Axis("false accepts", LEAST_FALSE_ACCEPTS, 1, log=True)
            charts.append(
                line_chart(said(condition), lines, false_accepts, Axis("accepted, %", 0, 100))
            )
    if not charts:
        return left_out("Verification", "No pair of the same and of different people to compare.")
    head = ["condition", "method", "equal error", "at 1 % false", "at 0.1 % false"]
    return section(
        "Verification",
        tag("p", "Are two walks of one person? A pair is accepted below a threshold."),
        legend(styles),
        figure(charts, f"{label}Pairs of one person that are accepted, over false accepts."),
        table(
            [*head, "same pairs", "different pairs"],
            rows,
            caption=f"{label}Equal error rate, and true accepts at 1 % and 0.1 % false accepts; %.",
            words=2,
        ),
    )


def training_section(runs: Sequence[Run], *, label: str) -> Markup:
    """Returns the course of each training."""
    learnt = [run for run in runs if run.history is not None and len(run.history)]
    if not learnt:
        return left_out("Training", "No method of the table has a training history.")
    titles = {run.title for run in learnt}
    styles = {name: style for name, style in styles_of(runs).items() if name in titles}
    charts = []
    for column, title in HISTORY.items():
        lines = []
        for run in learnt:
            if run.history is not None and column in run.history:
                kept = run.history[["step", column]].dropna()
                steps, values = kept["step"].tolist(), kept[column].tolist()
                lines.append(Line(run.title, steps, values, styles[run.title]))
        lines = [line for line in lines if line.y]
        if lines:
            across = Axis("step", 0, max(line.x[-1] for line in lines))
            highest = max(max(line.y) for line in lines)
            charts.append(line_chart(title, lines, across, Axis("", 0, highest or 1)))
    caption = f"{label}Means between two entries of each training's own history."
    return section("Training", legend(styles), figure(charts, caption))
