"""The compare stage: a table of methods, with intervals and significant differences."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from gaittake.evaluation.error_tables import RATES, mean_rate
from gaittake.evaluation.intervals import LEVEL, Resampled, holm, rate_interval
from gaittake.evaluation.page import markdown_page
from gaittake.evaluation.probes import read_probes
from gaittake.evaluation.statistics import (
    Difference,
    count_by_subject,
    mean_over_trainings,
    over_seeds,
    paired_difference,
)
from gaittake.evaluation.tables import (
    CHANCE,
    METRICS,
    OF_MATCHED,
    percent,
    table_rows,
)
from gaittake.io.atomic import whole_file
from gaittake.io.progress import progress
from gaittake.io.tables import read_json, write_csv
from gaittake.settings import CompareStage


def compare(
    settings: CompareStage,
    metrics: list[Path],
    probes: list[Path],
    *,
    out: Path,
    markdown: Path,
) -> None:
    """Writes rank-1 in percent: a row per method and condition, a column per view.

    The first rows, `chance`, are the chance level, the rank-1 of a random choice from the gallery.
    Numbers are means over the seeds of a method. Further columns are `deviation`, the standard
    deviation of the mean over the seeds, `low` and `high`, its 95 % interval over test subjects,
    and `mean_matched`, the mean without the probes whose subject is not in the gallery; likewise
    for the other metrics of the table. The columns of `gaittake.evaluation.error_tables.RATES` are
    the error rates by the standard.

    Args:
        settings: the dataset and the table.
        metrics: `metrics.json` of each run.
        probes: `probes.csv` of each run, in the same order.
        out: file of the table.
        markdown: the table as Markdown, with significant differences and the published numbers.
    """
    loaded = [read_json(path) for path in metrics]
    runs: dict[str, list[int]] = {}
    for place, item in enumerate(loaded):
        runs.setdefault(item["method"], []).append(place)
    tables = [table_rows(loaded[0], "chance", method=CHANCE)]
    for places in runs.values():
        seeds, ranks = [loaded[p] for p in places], [probes[p] for p in places]
        tables.append(_rows(seeds, ranks, same_view=settings.same_view))
    rows = pd.concat(tables, ignore_index=True).fillna("")
    write_csv(rows, out)
    found = {method: [probes[place] for place in places] for method, places in runs.items()}
    text = markdown_page(settings, rows, differences(found, same_view=settings.same_view), loaded)
    with whole_file(markdown) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _rows(seeds: list[dict[str, Any]], probes: list[Path], *, same_view: bool) -> pd.DataFrame:
    """Returns the rows of one method."""
    rows = table_rows(seeds[0], "rank1")
    means = over_seeds(seeds)
    others = [column for column in METRICS if column in rows.columns]
    further = {column: column for column in others} | {
        f"{column}_matched": f"{'rank1' if column == 'mean' else column}_matched"
        for column in OF_MATCHED
        if column in rows.columns
    }
    tables = [read_probes(path) for path in probes]
    for place, condition in enumerate(rows["condition"]):
        found = means[condition]
        for view, value in found.by_probe_view.items():
            if view in rows.columns:
                rows.loc[place, view] = percent(value.mean if value else None)
        mean = found.mean
        rows.loc[place, "mean"] = percent(mean.mean if mean else None)
        rows.loc[place, "deviation"] = percent(mean.deviation if mean else None)
        counts = [count_by_subject(table, condition) for table in tables]
        ends = rate_interval(mean_over_trainings(counts, same_view=same_view))
        rows.loc[place, ["low", "high"]] = [percent(end) for end in ends or (None, None)]
    for column, metric in further.items():
        numbers = over_seeds(seeds, metric)
        for place, condition in enumerate(rows["condition"]):
            mean = numbers[condition].mean
            shown = metric.removesuffix("_matched") in seeds[0]["conditions"][condition]["shown"]
            rows.loc[place, column] = percent(mean.mean if mean and shown else None)
    for column in RATES:
        numbers_of = [mean_rate(seeds, condition, column) for condition in rows["condition"]]
        if any(number is not None for number in numbers_of):
            rows[column] = [percent(number) for number in numbers_of]
    return rows


def differences(
    probes: Mapping[str, Sequence[Path]], *, k: int = 1, same_view: bool = False
) -> pd.DataFrame:
    """Returns the difference of each pair of methods, for each condition.

    Args:
        probes: `probes.csv` of each seed of each method.
        k: largest rank that counts as correct.
        same_view: whether pairs of identical views count.

    Returns:
        condition, method, other, difference, low, high (95 % interval; all in 0…1), p, people,
        error (standard error), and `p_holm`, corrected for all comparisons of the table, below 0.05
        where it is `significant`.
    """
    tables = {method: [read_probes(path) for path in paths] for method, paths in probes.items()}
    everything = pd.concat([table for seeds in tables.values() for table in seeds])
    conditions, pairs = everything.groupby("condition", sort=False), list(combinations(tables, 2))
    rows = []
    with progress("compare", len(conditions) * len(tables), unit="means") as advance:
        for condition, part in conditions:
            subjects = sorted(part["subject"].unique())
            means: dict[str, Resampled | None] = {}
            for place, (method, seeds) in enumerate(tables.items()):
                counts = [
                    count_by_subject(t, str(condition), k=k, subjects=subjects) for t in seeds
                ]
                means[method] = mean_over_trainings(counts, same_view=same_view, method=place)
                advance()
            for name, rival in pairs:
                one, other = means[name], means[rival]
                if one is not None and other is not None:
                    rows.append((condition, name, rival, *paired_difference(one, other)))
    columns = ["condition", "method", "other", *Difference._fields]
    found = pd.DataFrame(rows, columns=columns).rename(columns={"mean": "difference"})
    corrected = holm(found["p"].tolist())
    return found.assign(p_holm=corrected, significant=[p < 1 - LEVEL for p in corrected])
