"""A table of results as a page of Markdown."""

from typing import Any

import pandas as pd

from gaittake.evaluation.error_tables import groups_tables, markdown, rates_table, search_table
from gaittake.evaluation.smallest import smallest_sentence
from gaittake.evaluation.tables import (
    METRICS,
    OF_MATCHED,
    caption,
    column_title,
    method_name,
    published,
    ranked_rows,
    unpublished_note,
    view_columns,
)
from gaittake.settings import CompareStage

MARKS = {"best": "**{}**", "second": "<u>{}</u>", "": "{}"}


def markdown_page(
    settings: CompareStage,
    rows: pd.DataFrame,
    differences: pd.DataFrame,
    metrics: list[dict[str, Any]],
) -> str:
    """Returns a table as a page: the table, significant differences, the published numbers.

    Args:
        settings: the dataset and the table.
        rows: of the table, see `gaittake.evaluation.compare.compare`.
        differences: see `gaittake.evaluation.compare.differences`.
        metrics: of all runs.
    """
    first = metrics[0]
    data = f" {first['coverage']}" if first["coverage"] else ""
    synthetic = " Rendered subjects (synthetic): not a result on real video." * first["synthetic"]
    note = f" {first['note'].strip()}" if first["note"] else ""
    parts = [
        f"# {rows['dataset'].iloc[0]}: {settings.table}\n",
        f"{caption(rows)}.{synthetic}{note}{data}\n",
        markdown_table(rows),
        f"After the {'mean' if view_columns(rows) else 'rank-1'}: ± standard deviation over seeds; "
        "[95 % interval over test subjects].\n",
    ]
    if different := unpublished_note(metrics):
        parts.append(f"{different}\n")
    if len(matched := rows[rows["mean_matched"] != ""]) and any(
        matched["mean"] != matched["mean_matched"]
    ):
        parts += [
            "## Probes with a match in the gallery\n",
            "The table counts probes whose subject is not in the gallery as wrong. Without them:\n",
            matched_table(matched),
        ]
    if len(differences):
        parts += [
            "## Significant differences\n",
            "Paired bootstrap over test subjects and trainings, of the means over views. A "
            "difference is significant if its p-value is below 0.05 after Holm's correction for "
            "all rows; the intervals are not corrected.\n",
            *(f"{text}\n" for text in (smallest_sentence(differences),) if text),
            difference_table(differences),
        ]
    parts += _error_rates(metrics)
    printed = published(settings.layout)
    if printed:
        source, numbers, footnote = printed
        parts += [f"## Published\n\n{source}. {footnote}\n", markdown_table(numbers)]
    return "\n".join(parts)


def _error_rates(metrics: list[dict[str, Any]]) -> list[str]:
    """Returns the tables of the error rates, of each method's first seed."""
    first: dict[str, dict[str, Any]] = {}
    for run in metrics:
        first.setdefault(run["method"], run)
    titled = [(method_name(method), run) for method, run in first.items()]
    rates = rates_table(titled)
    if not rates.rows:
        return []
    parts = [
        "## Error rates\n",
        "In %, with 95 % intervals, for each method's first seed; the names are those of ISO/IEC "
        "19795-1 and NIST FRTE 1:N. A dash: too few pairs or searches to measure the rate.\n",
        markdown(rates, 2),
        markdown(search_table(titled, speed=False), 1),
    ]
    for title, run in titled:
        for column, table in groups_tables(run).items():
            parts += [f"### {title} by {column}\n", markdown(table, 2)]
    return parts


def markdown_table(rows: pd.DataFrame) -> str:
    """Returns a ranked table as Markdown: the best number is bold, the second underlined.

    Args:
        rows: see `ranked_rows`; deviation, low and high may be there and follow the mean.
    """
    columns, ranked = ranked_rows(rows)
    titles = [column_title(column, columns) for column in columns]
    lines = [
        "| condition | method |" + "".join(f" {title} |" for title in titles),
        "|---|---|" + "---:|" * len(titles),
    ]
    spreads = {(row["condition"], row["method"]): _spread(row) for _, row in rows.iterrows()}
    for row in ranked:
        cells = [MARKS[cell.mark].format(cell.text) for cell in row.cells]
        cells[columns.index("mean")] += spreads[row.condition, row.method]
        names = [row.condition if row.first else "", method_name(row.method)]
        lines.append(f"| {' | '.join([*names, *cells])} |")
    return "\n".join(lines) + "\n"


def _spread(row: pd.Series) -> str:
    """Returns the deviation over seeds and the interval of a mean, '' without them."""
    deviation = f" ± {row['deviation']}" if row.get("deviation") else ""
    return deviation + (f" [{row['low']}, {row['high']}]" if row.get("low") else "")


def matched_table(rows: pd.DataFrame) -> str:
    """Returns the metrics of all probes and of those with a match, as Markdown.

    Args:
        rows: condition, method, mean, mean_matched, likewise other metrics; as text, in percent.
    """
    shown = [name for name in OF_MATCHED if f"{name}_matched" in rows.columns]
    titles = [METRICS.get(name, "rank-1") for name in shown]
    heads = [f"{title}, {of}" for title in titles for of in ("all probes", "probes with a match")]
    lines = [
        "| condition | method |" + "".join(f" {head} |" for head in heads),
        "|---|---|" + "---:|" * len(heads),
    ]
    for _, row in rows.iterrows():
        cells = [row[column] for name in shown for column in (name, f"{name}_matched")]
        lines.append(f"| {' | '.join([row['condition'], method_name(row['method']), *cells])} |")
    return "\n".join(lines) + "\n"


def difference_table(differences: pd.DataFrame) -> str:
    """Returns the differences between methods as Markdown, in percentage points.

    Args:
        differences: see `gaittake.evaluation.compare.differences`.
    """
    lines = [
        "| condition | method | minus | points | 95 % interval | p, Holm | significant |",
        "|---|---|---|---:|---|---:|---|",
    ]
    for row in differences.itertuples(index=False):
        one, other = (method_name(str(name)) for name in (row.method, row.other))
        points, low, high = (100 * float(str(v)) for v in (row.difference, row.low, row.high))
        significant = "yes" if row.significant else "no"
        lines.append(
            f"| {row.condition} | {one} | {other} | {points:+.1f} | {low:+.1f} … {high:+.1f} | "
            f"{p_text(float(str(row.p_holm)))} | {significant} |"
        )
    return "\n".join(lines) + "\n"


def p_text(p: float) -> str:
    """Returns a p-value with three decimals, `< 0.001` if it is smaller."""
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"
