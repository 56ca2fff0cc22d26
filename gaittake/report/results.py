"""The first part of the page: who was recognised how often, across views."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gaittake.evaluation.bootstrap import interval, per_subject, resampled
from gaittake.evaluation.markdown import CHANCE, NOT_VIEWS
from gaittake.evaluation.published import published
from gaittake.evaluation.seeds import over_seeds
from gaittake.io.tables import read_csv
from gaittake.report.html import Markup, captioned, join, section, tag
from gaittake.report.runs import Run, chief, named, percent
from gaittake.settings import ReportStage

WALKS = {"nm": "normal walks", "bg": "walks with a bag", "cl": "walks in a coat"}
COMPARED = ("method", "condition", "mean")


def headline(runs: Sequence[Run], *, same_view: bool) -> Markup:
    """Returns the page's first sentence: the best method's rank-1, with intervals, and chance."""
    best = chief(runs)
    parts = []
    for condition, numbers in best.metrics["conditions"].items():
        share, walks = percent(numbers["mean"]["rank1"]), WALKS.get(condition, f"{condition} walks")
        ends = numbers["interval"]
        spread = f" ({percent(ends[0], 0)} to {percent(ends[1], 0)})" if ends else ""
        parts.append(f"{share} % of {walks}{spread}")
    chances = [c["mean"]["chance"] or 0.0 for c in best.metrics["conditions"].values()]
    views = "over all views" if same_view else "across views"
    sentence = (
        f"{best.title} finds the right person, {views}, for {_listed(parts)}. "
        f"A random choice from the gallery would be right for {percent(max(chances), 2)} %."
    )
    return tag("p", sentence, class_="lead")


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def rank1_section(settings: ReportStage, runs: Sequence[Run], rank1: Path, *, label: str) -> Markup:
    """Returns the rank-1 table in the paper's layout, the published figures beside it.

    Args:
        settings: the dataset and its layout.
        runs: all of the table.
        rank1: the table that `compare` wrote.
        label: what every caption of a synthetic dataset says.
    """
    rows = read_csv(rank1, COMPARED)
    ours = ranked(
        rows,
        f"{label}Rank-1 in %, by view of the probe; identical views "
        f"{'count' if settings.same_view else 'excluded'}. Best bold, second underlined.",
        spreads=_spreads(runs, same_view=settings.same_view),
    )
    note = (
        "In brackets beside a mean: its 95 % interval, from drawing the test subjects anew 2000 "
        "times. ± is the standard deviation over training seeds, where there are several."
    )
    content: list[str] = [ours, tag("p", note, class_="note")]
    printed = None if settings.synthetic else published(settings.layout)
    if printed is not None:
        source, figures, footnote = printed
        content += [
            tag("h3", "As published"),
            ranked(figures, f"{source}, rank-1 in %. Printed figures, not ours."),
            tag("p", footnote, class_="note"),
        ]
    return section("Rank-1", *content)


def _spreads(runs: Sequence[Run], *, same_view: bool) -> dict[tuple[str, str], str]:
    """Returns what stands beside the mean of a method and condition."""
    found = {}
    for method in {run.metrics["method"]: None for run in runs}:
        seeds = [run for run in runs if run.metrics["method"] == method]
        for condition, numbers in over_seeds([run.metrics for run in seeds]).items():
            shares = [per_subject(run.probes, condition) for run in seeds]
            drawn = [resampled(item, same_view=same_view) for item in shares]
            ends = interval(np.mean(drawn, axis=0))
            mean = numbers.mean
            deviation = mean.deviation if mean else None
            text = "" if deviation is None else f" ± {percent(deviation)}"
            text += f" [{percent(ends[0])}–{percent(ends[1])}]" if ends else ""
            found[method, condition] = text
    return found


def ranked(
    rows: pd.DataFrame, caption: str, *, spreads: dict[tuple[str, str], str] | None = None
) -> Markup:
    """Returns a table: a block for each condition, a row for each method, a column for each view.

    Args:
        rows: method, condition, each view, mean; text, percent.
        caption: of the table.
        spreads: what stands beside a mean, by method and condition.
    """
    views = [column for column in rows.columns if column not in NOT_VIEWS]
    head = ["condition", "method", *(f"{view}°" for view in views), "mean"]
    lines = []
    for condition, block in rows.groupby("condition", sort=False):
        for place, (_, row) in enumerate(block.iterrows()):
            method = str(row["method"])
            cells = [
                tag("td", str(condition) if not place else "", class_="word"),
                tag("td", named(method), class_="word"),
                *(tag("td", *_cell(block, row, view), class_="number") for view in views),
                tag(
                    "td",
                    *_cell(block, row, "mean"),
                    (spreads or {}).get((method, str(condition)), ""),
                    class_="word",
                ),
            ]
            lines.append(tag("tr", *cells, class_="first" if not place else "more"))
    titles = [
        tag("th", title, scope="col", class_="number" if title.endswith("°") else "word")
        for title in head
    ]
    head_row, body = tag("thead", tag("tr", *titles)), tag("tbody", *lines)
    return captioned(tag("table", head_row, body, aria_label=caption), caption)


def _cell(block: pd.DataFrame, row: pd.Series, column: str) -> list[str]:
    """Returns a number, the best of its column and block bold, the second underlined."""
    text = str(row[column])
    if not text or row["method"] == CHANCE:
        return [text]
    rivals = block.loc[(block["method"] != CHANCE) & (block[column] != ""), column]
    order = sorted({float(value) for value in rivals}, reverse=True)
    place = order.index(float(text))
    return [tag("span", text, class_=("best", "second")[place])] if place < 2 else [text]


def banners(settings: ReportStage, runs: Sequence[Run]) -> Markup:
    """Returns what must be known before any number: synthetic people, missing data, a note."""
    parts = []
    if settings.synthetic:
        text = (
            "Rendered people, synthetic. Nothing on this page is a result on recorded video of "
            "real people."
        )
        parts.append(tag("p", tag("strong", text), class_="banner"))
    missing = runs[0].metrics["partial"]
    if missing:
        parts.append(tag("p", tag("strong", f"Partial: {missing['label']}."), class_="banner"))
    if settings.note:
        parts.append(tag("p", settings.note.strip(), class_="note"))
    return join(parts)
