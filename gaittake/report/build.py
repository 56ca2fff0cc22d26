"""The report stage: everything that a dataset's run has found, on one page without a script."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gaittake.io.atomic import whole_file
from gaittake.io.progress import progress
from gaittake.io.tables import read_sequences
from gaittake.report.attention import attention_section
from gaittake.report.curves import (
    identification_section,
    training_section,
    verification_section,
    views_section,
)
from gaittake.report.differences import differences_section
from gaittake.report.html import Markup, join, tag
from gaittake.report.matches import matches_section
from gaittake.report.origin import origin_section, rejects_section
from gaittake.report.poses import PoseFiles, poses_section
from gaittake.report.results import banners, headline, rank1_section
from gaittake.report.runs import Run, read_runs
from gaittake.report.style import STYLE
from gaittake.settings import ReportStage

logger = logging.getLogger(__name__)
CONTENTS = (
    "Rank-1", "Beyond chance", "View against view", "Identification", "Verification",
    "Nearest and farthest", "Attention over frames", "Keypoints", "Training", "Refused",
    "Provenance",
)  # fmt: skip


class Files(NamedTuple):
    """What the page reads beside the runs, see `build_report`."""

    rank1: Path
    cache: Path
    sequences: Path
    rejects: Path
    poses: PoseFiles
    benchmarks: Path


def build_report(
    settings: ReportStage,
    *,
    runs: Sequence[Path],
    rank1: Path,
    cache: Path,
    sequences: Path,
    rejects: Path,
    poses: PoseFiles,
    benchmarks: Path,
    out: Path,
) -> None:
    """Writes the page.

    Args:
        settings: the dataset, its gallery, who was held out, what differs from the defaults.
        runs: folders of the runs, each with `metrics.json`, `probes.csv` and `embeddings.h5`, those
            that learn also with `train.csv` and `weights.pt`.
        rank1: the table of these runs.
        cache: the dataset's frames.
        sequences: the table of all sequences.
        rejects: the table of everything that was refused.
        poses: files of joints and of their quality.
        benchmarks: folder of the workflow's benchmark tables; may be missing.
        out: the page.

    Raises:
        UserError: a file is missing or damaged.
    """
    found = read_runs(runs)
    files = Files(rank1, cache, sequences, rejects, poses, benchmarks)
    parts = []
    with progress("report", len(CONTENTS), unit="parts") as advance:
        for title, part in zip(CONTENTS, _parts(settings, found, files), strict=True):
            parts.append(part)
            advance(note=title)
    text = page(settings, found, parts)
    with whole_file(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    logger.info("%s: %.1f MB, opens in any browser", out, len(text.encode()) / 1e6)


def _parts(settings: ReportStage, runs: Sequence[Run], files: Files) -> Iterator[Markup]:
    """Yields the parts of the page, in the order of CONTENTS."""
    same_view, label = settings.same_view, "Synthetic. " if settings.synthetic else ""
    yield rank1_section(settings, runs, files.rank1, label=label)
    yield differences_section(runs, same_view=same_view, label=label)
    yield views_section(runs, label=label)
    yield identification_section(runs, same_view=same_view, label=label)
    yield verification_section(runs, label=label)
    yield matches_section(settings, runs, files.cache, label=label)
    yield attention_section(runs, files.cache, label=label)
    yield poses_section(settings, files.poses, read_sequences(files.sequences), label=label)
    yield training_section(runs, label=label)
    yield rejects_section(files.rejects, label=label)
    yield origin_section(settings, runs, files.benchmarks, label=label)


def page(settings: ReportStage, runs: Sequence[Run], parts: Sequence[Markup]) -> str:
    """Returns the whole page."""
    title = f"Gait recognition: {settings.dataset}"
    kind = "gaittake report" + (" · synthetic data" if settings.synthetic else "")
    links = [tag("a", name, href=f"#{name.lower().replace(' ', '-')}") for name in CONTENTS]
    counts = runs[0].metrics["counts"]
    footer = f"{counts['sequences']:,} test sequences of {counts['subjects']:,} people."
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(STYLE)),
    )
    body = tag(
        "body",
        tag("header", tag("p", kind, class_="kind"), tag("h1", title), banners(settings, runs)),
        headline(runs, same_view=settings.same_view),
        tag("nav", *links, aria_label="Contents"),
        tag("main", *parts),
        tag("footer", tag("p", footer, class_="note")),
    )
    return "<!doctype html>\n" + tag("html", join([head, body]), lang="en") + "\n"
