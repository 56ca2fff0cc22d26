"""The top of the page: notices, headline and rank-1 table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from gaittake.evaluation.statistics import (
    RESAMPLES,
    count_by_subject,
    interval,
    over_seeds,
    resampled_means,
)
from gaittake.evaluation.tables import (
    caption,
    column_title,
    method_name,
    published,
    ranked_rows,
    unpublished_note,
)
from gaittake.io.tables import read_csv
from gaittake.report.html import captioned, note, section, template
from gaittake.report.runs import Run, best_run, percent
from gaittake.settings import ReportStage

SEQUENCES = {"nm": "normal sequences", "bg": "sequences with a bag", "cl": "sequences in a coat"}
COLUMNS = ("method", "condition", "mean")

_RANKED = template("""\
{% macro number(cell) -%}
{% if cell.mark %}<span class="{{ cell.mark }}">{{ cell.text }}</span>
{%- else %}{{ cell.text }}{% endif %}
{%- endmacro %}
<thead><tr><th scope="col" class="word">condition</th><th scope="col" class="word">method</th>
{%- for title, kind in columns %}<th scope="col" class="{{ kind }}">{{ title }}</th>{% endfor -%}
</tr></thead>
<tbody>
{% for row, name, spread in rows %}
<tr class="{{ "first" if row.first else "more" }}">
{%- if row.first %}<td class="word">{{ row.condition }}</td>{% else %}<td class="word"></td>
{%- endif %}
<td class="word">{{ name }}</td>
{%- for cell in row.cells %}
{%- if loop.index0 == mean %}<td class="word">{{ number(cell) }}{{ spread }}</td>
{%- else %}<td class="number">{{ number(cell) }}</td>{% endif %}{% endfor %}</tr>
{% endfor %}
</tbody>
""")


def notices(settings: ReportStage, runs: Sequence[Run]) -> Markup:
    """Returns what readers must know first: synthetic or partial data, the dataset's note."""
    banner = Markup('<p class="banner"><strong>{}</strong></p>')
    parts = []
    if settings.synthetic:
        parts.append(
            banner.format(
                "Rendered people (synthetic). No number on this page is a result on video of real "
                "people."
            )
        )
    missing = runs[0].metrics["partial"]
    if missing:
        parts.append(banner.format(f"Partial: {missing['label']}."))
    if runs[0].metrics["coverage"]:
        parts.append(note(runs[0].metrics["coverage"]))
    if settings.note:
        parts.append(note(settings.note.strip()))
    return Markup("\n").join(parts)


def headline(runs: Sequence[Run], *, same_view: bool) -> Markup:
    """Returns the first sentence: rank-1 of the best method with intervals, and the chance level.

    Args:
        runs: all runs of the table.
        same_view: whether pairs of identical views count.
    """
    best = best_run(runs)
    parts = []
    for condition, numbers in best.metrics["conditions"].items():
        sequences = SEQUENCES.get(condition, f"{condition} sequences")
        ends = numbers["interval"]
        spread = f" ({percent(ends[0], 0)} to {percent(ends[1], 0)})" if ends else ""
        parts.append(f"{percent(numbers['mean']['rank1'])} % of {sequences}{spread}")
    chances = [c["mean"]["chance"] or 0.0 for c in best.metrics["conditions"].values()]
    compared = {numbers["comparison"] for numbers in best.metrics["conditions"].values()}
    views = "in one gallery"
    if "views" in compared:
        views = "over all views" if same_view else "across views"
    elif len(compared) > 1 or "gait" in compared:
        views = "across cameras"
    return Markup('<p class="lead">{}</p>').format(
        f"{best.title} finds the right person, {views}, for {_listed(parts)}. "
        f"A random choice from the gallery is right for {percent(max(chances), 2)} %."
    )


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def rank1_section(settings: ReportStage, runs: Sequence[Run], rank1: Path, *, label: str) -> Markup:
    """Returns the rank-1 table in the paper's layout, and the published numbers below it.

    Args:
        settings: the dataset and its layout.
        runs: all runs of the table.
        rank1: table of the compare stage.
        label: start of every caption of a synthetic dataset.
    """
    rows, same_view = read_csv(rank1, COLUMNS), settings.protocol.same_view
    identical = f"; identical views {'included' if same_view else 'excluded'}"
    measured = ranked_table(
        rows,
        f"{label}{caption(rows)}{identical if 'view' in caption(rows) else ''}. Best bold, second "
        "underlined.",
        spreads=_spreads(runs, same_view=same_view),
    )
    explained = (
        f"Brackets after a mean: its 95 % interval, by {RESAMPLES} bootstrap samples of the test "
        "people. ±: the standard deviation over training seeds, if there are several."
    )
    content = [measured, note(explained)]
    if different := unpublished_note([run.metrics for run in runs]):
        content.append(note(different))
    # Published numbers are never shown next to results on rendered people.
    printed = None if settings.synthetic else published(settings.layout)
    if printed is not None:
        source, numbers, footnote = printed
        content += [
            Markup("<h3>As published</h3>"),
            ranked_table(numbers, f"{source}, rank-1 in %. As printed, not measured here."),
            note(footnote),
        ]
    return section("Rank-1", *content)


def _spreads(runs: Sequence[Run], *, same_view: bool) -> dict[tuple[str, str], str]:
    """Returns the deviation and interval of each mean, by method and condition."""
    found = {}
    for method in {run.metrics["method"]: None for run in runs}:
        seeds = [run for run in runs if run.metrics["method"] == method]
        for condition, numbers in over_seeds([run.metrics for run in seeds]).items():
            counts = [count_by_subject(run.probes, condition) for run in seeds]
            drawn = [resampled_means(item, same_view=same_view) for item in counts]
            ends = interval(np.mean(drawn, axis=0))
            deviation = numbers.mean.deviation if numbers.mean else None
            text = "" if deviation is None else f" ± {percent(deviation)}"
            text += f" [{percent(ends[0])}–{percent(ends[1])}]" if ends else ""
            found[method, condition] = text
    return found


def ranked_table(
    rows: pd.DataFrame, caption: str, *, spreads: dict[tuple[str, str], str] | None = None
) -> Markup:
    """Returns a table with the best number bold and the second underlined.

    Args:
        rows: see `gaittake.evaluation.tables.ranked_rows`.
        caption: of the table.
        spreads: text after a mean, by method and condition.
    """
    columns, ranked = ranked_rows(rows)
    spreads = spreads or {}
    titles = [
        (column_title(column, columns), "word" if column == "mean" else "number")
        for column in columns
    ]
    lines = [
        (row, method_name(row.method), spreads.get((row.method, row.condition), ""))
        for row in ranked
    ]
    return captioned(_RANKED(columns=titles, mean=columns.index("mean"), rows=lines), caption)
