"""The compare stage: one table with all methods of a dataset, chance first."""

from pathlib import Path

import pandas as pd

from gaittake.evaluation.evaluate import table_rows
from gaittake.io.tables import read_json, write_csv


def compare(metrics: list[Path], *, out: Path) -> None:
    """Writes rank-1 (percent) of all methods: a row per method and condition, a column per view.

    The first rows, `chance`, are what a random choice from the gallery would reach.

    Args:
        metrics: `metrics.json` of each method.
        out: the table.
    """
    loaded = [read_json(path) for path in metrics]
    tables = [table_rows(loaded[0], "chance", method="chance")]
    tables += [table_rows(item, "rank1") for item in loaded]
    write_csv(pd.concat(tables, ignore_index=True), out)
