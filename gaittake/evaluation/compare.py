"""The compare stage: one table with all methods of a dataset, chance first, and what differs."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gaittake.evaluation.bootstrap import interval, paired_difference, per_subject, resampled
from gaittake.evaluation.markdown import page
from gaittake.evaluation.probes import read_probes
from gaittake.evaluation.seeds import over_seeds
from gaittake.evaluation.table import percent, table_rows
from gaittake.io.atomic import whole_file
from gaittake.io.progress import progress
from gaittake.io.tables import read_json, write_csv
from gaittake.settings import CompareStage

STATISTICS = ["deviation", "low", "high"]


def compare(
    settings: CompareStage,
    metrics: list[Path],
    probes: list[Path],
    *,
    out: Path,
    markdown: Path,
) -> None:
    """Writes rank-1 (percent) of some methods: a row per method and condition, a column per view.

    The first rows, `chance`, are what a random choice from the gallery would reach. Numbers are
    means over a method's seeds. Tables but `rank1` also have, of the mean: `deviation`, its
    standard deviation over the seeds; `low` and `high`, its 95 % interval over test subjects.

    Args:
        settings: dataset and table.
        metrics: `metrics.json` of each run.
        probes: `probes.csv` of each run, in the same order.
        out: the table.
        markdown: the same for reading, with what differs beyond chance and the published figures.
    """
    loaded = [read_json(path) for path in metrics]
    runs: dict[str, list[int]] = {}
    for place, item in enumerate(loaded):
        runs.setdefault(item["method"], []).append(place)
    tables = [table_rows(loaded[0], "chance", method="chance")]
    for places in runs.values():
        seeds, ranks = [loaded[p] for p in places], [probes[p] for p in places]
        tables.append(_rows(seeds, ranks, same_view=settings.same_view))
    rows = pd.concat(tables, ignore_index=True).fillna("")
    shown = rows.drop(columns=STATISTICS) if settings.table == "rank1" else rows
    write_csv(shown, out)
    found = {method: [probes[place] for place in places] for method, places in runs.items()}
    text = page(settings, rows, differences(found, same_view=settings.same_view), loaded)
    with whole_file(markdown) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _rows(seeds: list[dict[str, Any]], probes: list[Path], *, same_view: bool) -> pd.DataFrame:
    """Returns the rows of one method."""
    rows = table_rows(seeds[0], "rank1")
    means = over_seeds(seeds)
    tables = [read_probes(path) for path in probes]
    for place, condition in enumerate(rows["condition"]):
        found = means[condition]
        for view, value in found.by_probe_view.items():
            rows.loc[place, view] = percent(value.mean if value else None)
        mean = found.mean
        rows.loc[place, "mean"] = percent(mean.mean if mean else None)
        rows.loc[place, "deviation"] = percent(mean.deviation if mean else None)
        drawn = [resampled(per_subject(t, condition), same_view=same_view) for t in tables]
        ends = interval(np.mean(drawn, axis=0))
        rows.loc[place, ["low", "high"]] = [percent(end) for end in ends or (None, None)]
    return rows


def differences(
    probes: Mapping[str, Sequence[Path]], *, k: int = 1, same_view: bool = False
) -> pd.DataFrame:
    """Returns which methods differ beyond chance, for each condition and each two of them.

    Args:
        probes: `probes.csv` of each seed of each method.
        k: the rank that counts as right.
        same_view: as in the protocol.

    Returns:
        condition, method, other, difference, low, high (shares of 1; 95 % interval), beyond_chance.
    """
    tables = {method: [read_probes(path) for path in paths] for method, paths in probes.items()}
    everything = pd.concat([table for seeds in tables.values() for table in seeds])
    conditions, pairs = everything.groupby("condition", sort=False), list(combinations(tables, 2))
    rows = []
    with progress("compare", len(conditions) * len(pairs), unit="differences") as advance:
        for condition, part in conditions:
            subjects = sorted(part["subject"].unique())
            shares = {
                method: [per_subject(t, str(condition), k=k, subjects=subjects) for t in seeds]
                for method, seeds in tables.items()
            }
            for one, other in pairs:
                found = paired_difference(shares[one], shares[other], same_view=same_view)
                rows.append((condition, one, other, *found))
                advance()
    columns = ["condition", "method", "other", "difference", "low", "high", "beyond_chance"]
    return pd.DataFrame(rows, columns=columns)
