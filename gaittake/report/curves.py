"""Heat maps over pairs of views, identification and verification curves, training curves."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from gaittake.comparison import COMPARISONS
from gaittake.evaluation.intervals import rate_interval
from gaittake.evaluation.statistics import count_by_subject, resampled_mean
from gaittake.report.bars import KINDS, histogram_chart
from gaittake.report.chart import Axis, Line, heat_map, legend, line_chart
from gaittake.report.html import collapsed, empty_section, figure, section, table
from gaittake.report.runs import (
    Run,
    best_and_others,
    best_run,
    condition_title,
    first_seeds,
    percent,
)

VIEWS = "View against view"
LEAST_FALSE_ACCEPTS = 1e-4
RANKS = (1, 2, 3, 4, 5, 10, 15, 20)  # in the table below the curves
MOST_STEPS = 9  # in the table below the training curves
SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)  # of the distances in the table
# Columns of a training history and their titles.
HISTORY = {
    "loss": "loss",
    "active": "share of triplets with a loss above zero",
    "positive": "distance of the same person",
    "negative": "distance of different people",
}


def styles_of(runs: Sequence[Run]) -> dict[str, int]:
    """Returns the line style of each run, the same in all charts: methods first, then seeds."""
    methods = [run.title for run in first_seeds(runs)]
    others = [run.title for run in runs if run.title not in methods]
    return {title: style for style, title in enumerate([*methods, *others])}


def views_section(runs: Sequence[Run]) -> Markup:
    """Returns heat maps of rank-1 for each condition: of the best method, and of the others."""
    figures: list[Markup] = []
    for run in best_and_others(runs):
        maps = []
        for condition, numbers in run.metrics["conditions"].items():
            if COMPARISONS[numbers["comparison"]].one_gallery:
                continue
            cells = {(p["probe_view"], p["gallery_view"]): p["rank1"] for p in numbers["pairs"]}
            views = sorted(numbers["by_probe_view"]["rank1"])
            maps.append(heat_map(condition_title(condition), views, cells))
        if maps:
            caption = (
                f"{run.title}: rank-1 in % for each pair of views. Rows: view of the probe; "
                "columns: view of the gallery. Dashed: identical views."
            )
            figures.append(collapsed(run.title, figure(maps, caption), shown=not figures))
    if not figures:
        return empty_section(VIEWS, "All gallery sequences are searched together.")
    return section(VIEWS, *figures)


def identification_section(runs: Sequence[Run], *, same_view: bool) -> Markup:
    """Returns the CMC curves, with bootstrap bands."""
    methods = first_seeds(runs)
    styles = styles_of(methods)
    charts, listed = [], []
    for condition in methods[0].metrics["conditions"]:
        lines = [_cmc(run, condition, styles[run.title], same_view) for run in methods]
        lines = [line for line in lines if line.y]
        if lines:
            ranks = Axis("rank", 1, max(line.x[-1] for line in lines))
            charts.append(
                line_chart(condition_title(condition), lines, ranks, Axis("found, %", 0, 100))
            )
        listed += [(condition, line) for line in lines]
    caption = (
        "Cumulative match: share of probes with a sequence of the same person among the "
        "nearest k of the gallery. Bands: 95 % intervals over test people."
    )
    return section(
        "Identification",
        figure(charts, caption, legend=legend(styles)),
        _values(listed, RANKS, "rank", "Share of probes in % by rank.") if listed else "",
    )


def _values(listed: Sequence[tuple[str, Line]], at: Sequence[float], x: str, title: str) -> Markup:
    """Returns values of lines as a table.

    Args:
        listed: the condition or quantity of each line, and the line.
        at: places on the axis; a line that has no value there has an empty cell.
        x: title of the axis.
        title: of the table.
    """
    rows = []
    for about, line in listed:
        values = dict(zip(line.x, line.y, strict=True))
        cells = (f"{values[place]:.3g}" if place in values else "" for place in at)
        rows.append([about, line.name, *cells])
    head = ["chart", "method", *(f"{x} {place:g}" for place in at)]
    return collapsed("Table of the values", table(head, rows, caption=title, words=2))


def _cmc(run: Run, condition: str, style: int, same_view: bool) -> Line:
    values = run.metrics["conditions"][condition]["cmc"]
    known = [100 * value for value in values if value is not None]
    ends = [
        rate_interval(
            resampled_mean(count_by_subject(run.probes, condition, k=k), same_view=same_view)
        )
        for k in range(1, len(known) + 1)
    ]
    known_ends = [end for end in ends if end is not None]
    band = None
    if known and len(known_ends) == len(known):
        band = ([100 * low for low, _ in known_ends], [100 * high for _, high in known_ends])
    return Line(run.title, list(range(1, len(known) + 1)), known, style, band)


def verification_section(runs: Sequence[Run]) -> Markup:
    """Returns distances, ROC curves, and error rates of accepting and rejecting pairs."""
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
                line_chart(
                    condition_title(condition), lines, false_accepts, Axis("accepted, %", 0, 100)
                )
            )
    if not charts:
        return empty_section(
            "Verification", "The test data lacks pairs of one person or pairs of two people."
        )
    head = ["condition", "method", "equal error", "accepts at 1 %", "accepts at 0.1 %"]
    return section(
        "Verification",
        Markup("<p>Do two sequences show one person? A threshold on the distance decides.</p>"),
        _distances(best_run(runs)),
        figure(
            charts,
            "Share of same-person pairs that are accepted, over the share of false accepts.",
            legend=legend(styles),
        ),
        table(
            [*head, "same pairs", "different pairs"],
            rows,
            caption="Equal error rate, and true accepts at 1 % and 0.1 % false accepts, in %.",
            words=2,
        ),
    )


def _distances(run: Run) -> Markup:
    """Returns the distances of the pairs of each condition: as areas, and quantiles as a table."""
    charts, rows = [], []
    for condition, numbers in run.metrics["conditions"].items():
        found = numbers["verification"]
        if found is None:
            continue
        bins, quantiles = found["histogram"], found["quantiles"]
        middles = {}
        for kind, key, _ in KINDS:
            by_share = dict(zip(quantiles["shares"], quantiles[key], strict=True))
            values = [f"{by_share[share]:.3g}" for share in SHARES]
            middles[key] = f"{kind} {by_share[0.5]:.3g}"
            rows.append([condition, kind, *values])
        charts.append(
            histogram_chart(
                condition_title(condition),
                bins["edges"],
                {key: bins[key] for _, key, _ in KINDS},
                threshold=found["equal_error_threshold"],
                summary=f"medians: {', '.join(middles.values())}",
            )
        )
    caption = (
        f"{run.title}: distances of pairs of the same person and of different people, each in % of "
        "its pairs. Where the areas overlap, every threshold makes errors."
    )
    shown = figure(charts, caption, legend=legend({name: style for name, _, style in KINDS}))
    head = ["condition", "pairs", *(f"{percent(share, 0)} % below" for share in SHARES)]
    listed = table(head, rows, caption=f"{run.title}: quantiles of the distances.", words=2)
    return Markup("{}{}").format(shown, collapsed("Table of the distances", listed))


def training_section(runs: Sequence[Run]) -> Markup:
    """Returns the course of each training."""
    trained = [run for run in runs if run.history is not None and len(run.history)]
    if not trained:
        return empty_section("Training", "No method of the table has a training history.")
    titles = {run.title for run in trained}
    styles = {name: style for name, style in styles_of(runs).items() if name in titles}
    charts, listed = [], []
    for column, title in HISTORY.items():
        lines = []
        for run in trained:
            if run.history is not None and column in run.history:
                kept = run.history[["step", column]].dropna()
                steps, values = kept["step"].tolist(), kept[column].tolist()
                lines.append(Line(run.title, steps, values, styles[run.title]))
        lines = [line for line in lines if line.y]
        if lines:
            across = Axis("step", 0, max(line.x[-1] for line in lines))
            highest = max(max(line.y) for line in lines)
            charts.append(line_chart(title, lines, across, Axis("", 0, highest or 1)))
        listed += [(title, line) for line in lines]
    steps = sorted({step for _, line in listed for step in line.x})
    chosen = {steps[round(n * (len(steps) - 1) / (MOST_STEPS - 1))] for n in range(MOST_STEPS)}
    caption = "Each point is the mean since the previous entry of the training history."
    return section(
        "Training",
        figure(charts, caption, legend=legend(styles)),
        _values(listed, sorted(chosen), "step", "Some steps; train.csv has all of them."),
    )
