"""Tables as Markdown, in the layout of the paper's: best bold, second underlined."""

from typing import Any

import pandas as pd

from gaittake.evaluation.published import published
from gaittake.settings import CompareStage

CHANCE = "chance"
NAMES = {
    "gei": "GEI",
    "gaitset": "GaitSet",
    "gaitpart": "GaitPart",
    "gaitgl": "GaitGL",
    "gaitgl_iccv": "GaitGL (ICCV head)",
    "mt3d": "MT3D",
    "gaittake": "GaitTAKE",
    "gaittake_plus": "GaitTAKE+",
}
NOT_VIEWS = ("dataset", "method", "condition", "mean", "deviation", "low", "high", "seeds")


def page(
    settings: CompareStage,
    rows: pd.DataFrame,
    differences: pd.DataFrame,
    metrics: list[dict[str, Any]],
) -> str:
    """Returns a table's page: the table, what differs beyond chance, the published figures.

    Args:
        settings: dataset and table.
        rows: of the table, see `gaittake.evaluation.compare.compare`.
        differences: see `gaittake.evaluation.compare.differences`.
        metrics: of all runs.
    """
    first = metrics[0]
    synthetic = " Rendered people, synthetic: no result on recorded video." * first["synthetic"]
    note = f" {first['note'].strip()}" if first["note"] else ""
    parts = [
        f"# {rows['dataset'].iloc[0]}: {settings.table}\n",
        f"Rank-1 in %, by view of the probe.{synthetic}{note}\n",
        ranked_table(rows),
        "Beside the mean: ± standard deviation over seeds; [95 % interval over test subjects].\n",
    ]
    if len(differences):
        parts += [
            "## Beyond chance?\n",
            "Paired bootstrap over test subjects, of the means over views.\n",
            difference_table(differences),
        ]
    printed = published(settings.layout)
    if printed:
        source, figures, footnote = printed
        parts += [f"## Published\n\n{source}. {footnote}\n", ranked_table(figures)]
    return "\n".join(parts)


def ranked_table(rows: pd.DataFrame) -> str:
    """Returns a table: a block for each condition, a row for each method, a column for each view.

    Args:
        rows: method, condition, each view, mean (text, percent); deviation, low and high may stand
            beside the mean. The best of a column and condition is bold, the second underlined;
            equal ones alike; `chance` takes no part.
    """
    views = [column for column in rows.columns if column not in NOT_VIEWS]
    lines = [
        "| condition | method |" + "".join(f" {view}° |" for view in views) + " mean |",
        "|---|---|" + "---:|" * (len(views) + 1),
    ]
    for condition, block in rows.groupby("condition", sort=False):
        marked = {column: _marked(block, column) for column in (*views, "mean")}
        first = str(condition)
        for place, (_, row) in enumerate(block.iterrows()):
            cells = [marked[column][place] for column in views]
            mean = marked["mean"][place] + _spread(row)
            name = NAMES.get(row["method"], row["method"].replace("_", " "))
            lines.append(f"| {first} | {name} | " + " | ".join([*cells, mean]) + " |")
            first = ""
    return "\n".join(lines) + "\n"


def _marked(block: pd.DataFrame, column: str) -> list[str]:
    """Returns the cells of a column, the best bold, the second underlined."""
    compete = (block["method"] != CHANCE) & (block[column] != "")
    values = sorted({float(value) for value in block.loc[compete, column]}, reverse=True)
    marks = dict(zip(values, ("**{}**", "<u>{}</u>"), strict=False))
    return [
        marks.get(float(value), "{}").format(value) if competes else value
        for value, competes in zip(block[column], compete, strict=True)
    ]


def _spread(row: pd.Series) -> str:
    """Returns what stands beside a mean: its deviation over seeds, its interval."""
    deviation = f" ± {row['deviation']}" if row.get("deviation") else ""
    return deviation + (f" [{row['low']}, {row['high']}]" if row.get("low") else "")


def difference_table(differences: pd.DataFrame) -> str:
    """Returns which methods differ beyond chance, in points of percent.

    Args:
        differences: see `gaittake.evaluation.compare.differences`.
    """
    lines = [
        "| condition | method | minus | points | 95 % interval | beyond chance |",
        "|---|---|---|---:|---|---|",
    ]
    for row in differences.itertuples(index=False):
        one, other = (NAMES.get(str(name), str(name)) for name in (row.method, row.other))
        points, low, high = (100 * float(str(v)) for v in (row.difference, row.low, row.high))
        beyond = "yes" if row.beyond_chance else "no"
        lines.append(
            f"| {row.condition} | {one} | {other} | {points:+.1f} | {low:+.1f} … {high:+.1f} | "
            f"{beyond} |"
        )
    return "\n".join(lines) + "\n"
