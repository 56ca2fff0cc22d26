"""Skipped data, and the provenance of the numbers: settings, versions, digests, time."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from gaittake import __version__
from gaittake.io.progress import duration
from gaittake.io.tables import read_rejects
from gaittake.report.html import Sorted, collapsed, empty_section, long_text, section, table
from gaittake.report.runs import Run
from gaittake.settings import ReportStage

STEP = ("run", "step", "date", "data digest")
FACTS = {
    "gaittake": "gaittake",
    "commit": "commit",
    "python": "Python",
    "torch": "PyTorch",
    "processor": "processor",
    "instructions": "instructions",
    "threads": "threads",
    "device": "computed on",
    "precision": "precision",
}


def skipped_section(rejects: Path) -> Markup:
    """Returns how many files each stage skipped, by reason.

    Args:
        rejects: the rejects table.
    """
    rows = read_rejects(rejects)
    if not rows:
        return empty_section("Skipped data", "No stage skipped anything.")
    grouped = [row._replace(path="", reason=row.kind) for row in rows]
    counts = Counter(grouped)
    example = {group: row.path for group, row in reversed(list(zip(grouped, rows, strict=True)))}
    ranked = sorted(counts.items(), key=lambda item: (item[0].used, -item[1], item[0]))
    lines = [
        [row.stage, row.reason, row.used, f"{count:,}", long_text(example[row])]
        for row, count in ranked
    ]
    noted = sum(row.used == "yes" for row in rows)
    caption = (
        f"{len(rows) - noted:,} items skipped by a stage, {noted:,} used with a note; "
        "rejects.csv lists all of them."
    )
    titles = ["stage", "reason", "used", "count", "first item"]
    return section("Skipped data", table(titles, lines, caption=caption, words=3))


def provenance_section(settings: ReportStage, runs: Sequence[Run], benchmarks: Path) -> Markup:
    """Returns the provenance of the numbers on the page.

    Args:
        settings: those that differ from the defaults.
        runs: all runs of the table.
        benchmarks: folder of Snakemake's benchmark tables; may be missing.
    """
    content = [
        Markup("<h3>Settings that differ from the defaults</h3>"),
        table(
            ["setting", "value"],
            [[name, long_text(value)] for name, value in settings.changed.items()],
            caption="Set in the dataset's YAML file or on the command line.",
            words=2,
        ),
        Markup("<h3>Runs</h3>"),
        *_environments(runs),
        *(_training(run) for run in runs if run.metrics["provenance"]["training"] != "none"),
    ]
    times = stage_times(benchmarks)
    if len(times):
        content += [Markup("<h3>Time</h3>"), _times(times)]
    return section("Provenance", *content)


def _environments(runs: Sequence[Run]) -> list[Markup]:
    """Returns where the runs were computed: what all have in common, then what differs."""
    rows = [row for run in runs for row in _steps(run)]
    facts = list(zip(*(row[-len(FACTS) :] for row in rows), strict=True))
    shared = [len(set(values)) == 1 for values in facts]
    titles = list(FACTS.values())
    same = [
        [title, long_text(values[0])]
        for title, values, one in zip(titles, facts, shared, strict=True)
        if one
    ]
    differs = [title for title, one in zip(titles, shared, strict=True) if not one]
    kept = [True] * len(STEP) + [not one for one in shared]
    return [
        table(
            [*STEP, *differs],
            [[cell for cell, keep in zip(row, kept, strict=True) if keep] for row in rows],
            caption=f"Each run and its training. This page: gaittake {__version__}.",
            words=len(STEP) + len(differs),
        ),
        *(
            [table(["environment", ""], same, caption="The same for all runs.", words=2)]
            if same
            else []
        ),
    ]


def _steps(run: Run) -> Iterator[list[str]]:
    """Yields a row for the embedding of a run, and one for its training."""
    about = run.metrics["provenance"]
    steps = [("embed", about.get("date", "–"), "data_digest", "environment")]
    if about.get("training_environment"):
        steps.append(("train", "–", "training_data", "training_environment"))
    for step, date, digest, name in steps:
        found = about.get(name) or {}
        facts = (found.get(fact, "–") for fact in FACTS)
        yield [run.title, step, date, about.get(digest, "–"), *facts]


def _training(run: Run) -> Markup:
    """Returns the settings of a training, collapsed."""
    settings: Any = json.loads(run.metrics["provenance"]["training"])
    rows = [[name, long_text(value)] for name, value in _flat(settings)]
    title = f"Training settings of {run.title}"
    return collapsed(title, table(["setting", "value"], rows, caption=title, words=2))


def _flat(content: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, json.dumps(value, ensure_ascii=False)


def stage_times(benchmarks: Path) -> pd.DataFrame:
    """Returns stage, jobs, seconds (sum over jobs) and megabytes (of the largest job).

    Args:
        benchmarks: folder of Snakemake's benchmark tables: `STAGE.tsv` or `STAGE/JOB.tsv`.
    """
    rows = []
    for path in sorted(benchmarks.rglob("*.tsv")):
        stage = path.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        read = pd.read_csv(path, sep="\t")
        seconds = float(pd.to_numeric(read["s"], errors="coerce").mean())
        memory = float(pd.to_numeric(read["max_rss"], errors="coerce").max())
        if stage != "report":  # its table is from the previous page
            rows.append((stage, 1, seconds, memory))
    found = pd.DataFrame(rows, columns=["stage", "jobs", "seconds", "megabytes"])
    grouped = found.groupby("stage", sort=False)
    summed = grouped.agg({"jobs": "sum", "seconds": "sum", "megabytes": "max"})
    return summed.reset_index().sort_values("seconds", ascending=False, ignore_index=True)


def _times(times: pd.DataFrame) -> Markup:
    rows: list[list[str | Sorted]] = []
    for stage, jobs, seconds, megabytes in times.itertuples(index=False):
        took = Sorted(duration(float(seconds)), float(seconds))
        rows.append([str(stage), str(jobs), took, f"{float(megabytes):,.0f}"])
    total = duration(float(times["seconds"].sum()))
    return table(
        ["stage", "jobs", "time", "peak memory, MB"],
        rows,
        caption=f"Total time of the jobs of a stage; {total} in all.",
    )
