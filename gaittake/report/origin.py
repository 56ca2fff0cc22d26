"""What was refused, and where the numbers come from: settings, versions, digests, time."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gaittake import __version__
from gaittake.io.progress import duration
from gaittake.io.tables import read_rejects
from gaittake.report.html import Markup, section, table, tag
from gaittake.report.runs import Run
from gaittake.settings import ReportStage

FACTS = {
    "package": "gaittake",
    "torch": "PyTorch",
    "python": "Python",
    "machine": "processor",
    "device": "computed on",
    "data_digest": "data digest",
}


def rejects_section(rejects: Path, *, label: str) -> Markup:
    """Returns how often each stage refused something, and why."""
    rows = read_rejects(rejects)
    if not rows:
        return section("Refused", tag("p", "Nothing: everything that was found could be used."))
    counts = Counter((row.stage, row.reason) for row in rows)
    example = {(row.stage, row.reason): row.path for row in reversed(rows)}
    lines = [
        [stage, reason, f"{count:,}", tag("span", example[stage, reason], class_="long")]
        for (stage, reason), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    caption = f"{label}{len(rows):,} things that a stage could not use; all are in rejects.csv."
    return section(
        "Refused", table(["stage", "reason", "count", "first of them"], lines, caption=caption)
    )


def origin_section(
    settings: ReportStage, runs: Sequence[Run], benchmarks: Path, *, label: str
) -> Markup:
    """Returns the provenance of the page's numbers."""
    content = [
        tag("h3", "Settings that differ from the documented defaults"),
        table(
            ["setting", "here"],
            [[name, tag("span", value, class_="long")] for name, value in settings.changed.items()],
            caption=f"{label}The dataset's YAML and what was set beside it.",
            words=2,
        ),
        tag("h3", "Runs"),
        table(
            ["run", *FACTS.values()],
            [
                [run.title, *(str(run.metrics["provenance"].get(name, "–")) for name in FACTS)]
                for run in runs
            ],
            caption=f"{label}What computed each run's embeddings. Page: gaittake {__version__}.",
            words=len(FACTS) + 1,
        ),
        *(_training(run, label) for run in runs if run.metrics["provenance"]["training"] != "none"),
    ]
    times = stage_times(benchmarks)
    if len(times):
        content += [tag("h3", "Time"), _times(times, label)]
    return section("Provenance", *content)


def _training(run: Run, label: str) -> Markup:
    """Returns the settings of a training, folded away."""
    told: Any = json.loads(run.metrics["provenance"]["training"])
    rows = [[name, tag("span", value, class_="long")] for name, value in _flat(told)]
    title = f"Settings of the training of {run.title}"
    return tag(
        "details",
        tag("summary", title),
        table(["setting", "value"], rows, caption=label + title, words=2),
    )


def _flat(content: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, json.dumps(value)


def stage_times(benchmarks: Path) -> pd.DataFrame:
    """Returns what each stage took: stage, jobs, seconds (of all jobs), megabytes (of the largest).

    Args:
        benchmarks: folder of Snakemake's benchmark tables, `stage.tsv` or `stage/job.tsv`.
    """
    rows = []
    for path in sorted(benchmarks.rglob("*.tsv")):
        stage = path.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        read = pd.read_csv(path, sep="\t")
        seconds = float(pd.to_numeric(read["s"], errors="coerce").mean())
        memory = float(pd.to_numeric(read["max_rss"], errors="coerce").max())
        if stage != "report":  # what is there of it is of the page before this one
            rows.append((stage, 1, seconds, memory))
    found = pd.DataFrame(rows, columns=["stage", "jobs", "seconds", "megabytes"])
    grouped = found.groupby("stage", sort=False)
    summed = grouped.agg({"jobs": "sum", "seconds": "sum", "megabytes": "max"})
    return summed.reset_index().sort_values("seconds", ascending=False, ignore_index=True)


def _times(times: pd.DataFrame, label: str) -> Markup:
    rows = [
        [str(stage), str(jobs), duration(float(seconds)), f"{float(megabytes):,.0f}"]
        for stage, jobs, seconds, megabytes in times.itertuples(index=False)
    ]
    total = duration(float(times["seconds"].sum()))
    return table(
        ["stage", "jobs", "time", "most memory, MB"],
        rows,
        caption=f"{label}Time of all jobs of a stage together; {total} in all.",
    )
