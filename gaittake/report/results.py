"""The top of the page: notices, headline and rank-1 table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup

from gaittake.evaluation.intervals import RESAMPLES, rate_interval
from gaittake.evaluation.statistics import count_by_subject, mean_over_trainings, over_seeds
from gaittake.evaluation.tables import (
    Cell,
    caption,
    column_title,
    method_name,
    published,
    ranked_rows,
    unpublished_note,
)
from gaittake.io.tables import read_csv
from gaittake.report.html import captioned, download, note, section, template
from gaittake.report.latex import TexCell, latex_table
from gaittake.report.runs import Run, best_run, percent
from gaittake.settings import ReportStage

SEQUENCES = {"nm": "normal sequences", "bg": "sequences with a bag", "cl": "sequences in a coat"}
COLUMNS = ("method", "condition", "mean")

MARK = "Rendered people (synthetic)"

# The mean comes first, since a narrow page shows the first columns only.
_RANKED = template("""\
{% macro number(cell) -%}
{% if cell.mark %}<span class="{{ cell.mark }}">{{ cell.text }}</span>
{%- else %}{{ cell.text }}{% endif %}
{%- endmacro %}
<thead><tr><th scope="col" class="word group">condition</th><th scope="col" class="word">method</th>
<th scope="col" class="mean">{{ mean }}</th>
{%- for title in columns %}<th scope="col" class="number">{{ title }}</th>{% endfor -%}
</tr></thead>
{% for rows in groups %}
<tbody>
{% for row in rows %}
<tr><td class="word group">{{ row.condition }}</td><th scope="row" class="word">{{ row.name }}</th>
<td class="mean" data-sort="{{ row.mean.text }}">{{ number(row.mean) }}
{%- if row.spread %}<span class="spread">{{ row.spread }}</span>{% endif %}</td>
{%- for cell in row.cells %}<td class="number">{{ number(cell) }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
{% endfor %}
""")


class Line(NamedTuple):
    """A row of a ranked table: the mean, and the other cells."""

    condition: str
    name: str
    mean: Cell
    spread: str
    cells: list[Cell]


class Ranked(NamedTuple):
    """A ranked table: the titles of its columns, and its rows by condition."""

    head: list[str]
    groups: list[list[Line]]


def notices(settings: ReportStage, runs: Sequence[Run]) -> Markup:
    """Returns what readers must know before the first number, a banner each."""
    banner = Markup('<p class="banner"><strong>{}</strong></p>')
    parts = []
    if settings.synthetic:
        parts.append(
            banner.format(f"{MARK}. No number on this page is a result on video of real people.")
        )
    elif settings.rendered_student:
        parts.append(
            banner.format(
                "Keypoints learnt from rendered people (synthetic): the student that predicts them "
                f"learnt from {settings.rendered_student}. Methods with keypoints depend on it."
            )
        )
    missing = runs[0].metrics["partial"]
    if missing:
        parts.append(banner.format(f"Partial: {missing['label']}."))
    return Markup("\n").join(parts)


def notes(settings: ReportStage, runs: Sequence[Run]) -> Markup:
    """Returns what is said about the data: its coverage and the dataset's note."""
    texts = [runs[0].metrics["coverage"], settings.note.strip()]
    return Markup("\n").join(note(text) for text in texts if text)


def headline(runs: Sequence[Run], *, same_view: bool) -> Markup:
    """Returns the best method's rank-1 with intervals, the chance level, and how many were tested.

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
    said = Markup('<p class="lead">{}</p>').format(
        f"{best.title} finds the right person, {views}, for {_listed(parts)}. "
        f"A random choice from the gallery is right for {percent(max(chances), 2)} %."
    )
    return said + Markup('\n<p class="people">{}</p>').format(_people(best))


def _people(run: Run) -> Markup:
    """Returns how many people and sequences the numbers are measured on."""
    counts, conditions = run.metrics["counts"], run.metrics["conditions"]
    searched = {name: numbers["subjects"] for name, numbers in conditions.items()}
    each = set(searched.values())
    if len(each) == 1:
        people = f"{each.pop():,} people"
    else:
        people = _listed([f"{count:,} people ({name})" for name, count in searched.items()])
    return Markup(
        "Measured on <strong>{}</strong>, with {} sequences in gallery and probes."
    ).format(people, f"{counts['test_sequences']['found']:,}")


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def rank1_section(settings: ReportStage, runs: Sequence[Run], rank1: Path) -> Markup:
    """Returns the rank-1 table, mean first, and the published numbers below it.

    Args:
        settings: the dataset and its layout.
        runs: all runs of the table.
        rank1: table of the compare stage.
    """
    rows, same_view = read_csv(rank1, COLUMNS, whole=True), settings.protocol.same_view
    identical = f"; identical views {'included' if same_view else 'excluded'}"
    title = f"{caption(rows)}{identical if 'view' in caption(rows) else ''}."
    table = ranked(rows, _spreads(runs, same_view=same_view))
    mark, name = (f"{MARK}. ", "_synthetic") if settings.synthetic else ("", "")
    file = f"{settings.dataset}{name}_rank1"
    tex = latex_table(
        table.head,
        [[_tex(row) for row in group] for group in table.groups],
        words=2,
        caption=f"{mark}{title} Best bold, second underlined.",
        label=f"tab:{settings.dataset}",
    )
    links = [
        download(rank1.read_text("utf-8"), kind="text/csv", file=f"{file}.csv", title="CSV"),
        download(tex, kind="application/x-tex", file=f"{file}.tex", title="LaTeX"),
    ]
    measured = ranked_table(table, f"{title} Best bold, second underlined.", links)
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
            ranked_table(ranked(numbers), f"{source}, rank-1 in %. As printed, not measured here."),
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
            ends = rate_interval(mean_over_trainings(counts, same_view=same_view))
            deviation = numbers.mean.deviation if numbers.mean else None
            text = "" if deviation is None else f" ± {percent(deviation)}"
            text += f" [{percent(ends[0])}–{percent(ends[1])}]" if ends else ""
            found[method, condition] = text
    return found


def ranked(rows: pd.DataFrame, spreads: Mapping[tuple[str, str], str] | None = None) -> Ranked:
    """Returns a table with the best number and the second marked.

    Args:
        rows: see `gaittake.evaluation.tables.ranked_rows`.
        spreads: text after a mean, by method and condition.
    """
    columns, marked = ranked_rows(rows)
    at = columns.index("mean")
    groups: list[list[Line]] = []
    for row in marked:
        if row.first:
            groups.append([])
        others = [cell for place, cell in enumerate(row.cells) if place != at]
        spread = (spreads or {}).get((row.method, row.condition), "")
        line = Line(row.condition, method_name(row.method), row.cells[at], spread, others)
        groups[-1].append(line)
    titles = [column_title(column, columns) for column in columns if column != "mean"]
    return Ranked(["condition", "method", column_title("mean", columns), *titles], groups)


def ranked_table(table: Ranked, caption: str, links: Sequence[Markup] = ()) -> Markup:
    """Returns the table for the page; `links` stand behind its caption."""
    mean, *columns = table.head[2:]
    return captioned(_RANKED(mean=mean, columns=columns, groups=table.groups), caption, links)


def _tex(line: Line) -> list[TexCell]:
    """Returns the cells of a row for LaTeX."""
    numbers = [TexCell(cell.text, cell.mark) for cell in line.cells]
    mean = TexCell(line.mean.text, line.mean.mark, line.spread)
    return [TexCell(line.condition), TexCell(line.name), mean, *numbers]
