"""The report stage: the results of a dataset on one HTML page that loads no other file."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from gaittake.io.atomic import whole_file
from gaittake.io.progress import progress
from gaittake.io.tables import read_sequences
from gaittake.report.attention import TITLE as ATTENTION
from gaittake.report.attention import attention_section
from gaittake.report.curves import (
    VIEWS,
    identification_section,
    training_section,
    verification_section,
    views_section,
)
from gaittake.report.differences import TITLE as DIFFERENCES
from gaittake.report.differences import differences_section
from gaittake.report.html import anchor, template
from gaittake.report.matches import TITLE as MATCHES
from gaittake.report.matches import matches_section
from gaittake.report.poses import TITLE as KEYPOINTS
from gaittake.report.poses import PoseFiles, poses_section
from gaittake.report.provenance import provenance_section, skipped_section
from gaittake.report.rates import TITLE as RATES
from gaittake.report.rates import rates_section
from gaittake.report.results import MARK, headline, notes, notices, rank1_section
from gaittake.report.runs import Run, read_runs
from gaittake.report.script import SCRIPT
from gaittake.report.style import STYLE
from gaittake.report.whom import TITLE as WHOM
from gaittake.report.whom import whom_section
from gaittake.settings import ReportStage

logger = logging.getLogger(__name__)
CONTENTS = (
    "Rank-1",
    DIFFERENCES,
    VIEWS,
    "Identification",
    WHOM,
    "Verification",
    RATES,
    MATCHES,
    ATTENTION,
    KEYPOINTS,
    "Training",
    "Skipped data",
    "Provenance",
)

_PAGE = template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>{{ style }}</style>
</head>
<body data-name="{{ name }}" data-mark="{{ mark }}">
<header>
<p class="kind">{{ kind }}</p>
<h1>{{ title }}</h1>
{{ notices }}
</header>
{{ headline }}
{{ notes }}
<nav aria-label="Contents">
{% for link, name in contents %}
<a href="#{{ link }}">{{ name }}</a>
{% endfor %}
</nav>
<main>
{% for part in sections %}
{{ part }}
{% endfor %}
</main>
<script>{{ script }}</script>
</body>
</html>
""")


class Files(NamedTuple):
    """Input files of the page besides the runs, see `build_report`."""

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
        settings: the dataset, its gallery, the held-out subjects, settings that are not defaults.
        runs: folders of the runs, each with `metrics.json`, `probes.csv` and `embeddings.h5`, and
            after a training with `train.csv` and `weights.safetensors`.
        rank1: table of these runs.
        cache: the dataset's cache.
        sequences: table of all sequences.
        rejects: table of everything that a stage skipped.
        poses: files of keypoints and of their quality.
        benchmarks: folder of Snakemake's benchmark tables; may be missing.
        out: the page.

    Raises:
        UserError: a file is missing or damaged.
    """
    found = read_runs(runs)
    files = Files(rank1, cache, sequences, rejects, poses, benchmarks)
    sections = []
    with progress("report", len(CONTENTS), unit="sections") as advance:
        for title, part in zip(CONTENTS, _sections(settings, found, files), strict=True):
            sections.append(part)
            advance(note=title)
    text = page(settings, found, sections)
    with whole_file(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    logger.info("%s: %.1f MB, opens in any browser", out, len(text.encode()) / 1e6)


def _sections(settings: ReportStage, runs: Sequence[Run], files: Files) -> Iterator[Markup]:
    """Yields the sections of the page, in the order of CONTENTS."""
    same_view = settings.protocol.same_view
    sequences = read_sequences(files.sequences)
    yield rank1_section(settings, runs, files.rank1)
    yield differences_section(runs, same_view=same_view)
    yield views_section(runs)
    yield identification_section(runs, same_view=same_view)
    yield whom_section(settings, runs)
    yield verification_section(runs)
    yield rates_section(runs)
    yield matches_section(settings, runs, files.cache)
    yield attention_section(runs, files.cache)
    yield poses_section(settings, files.poses, sequences)
    yield training_section(runs)
    yield skipped_section(files.rejects)
    yield provenance_section(settings, runs, files.benchmarks)


def page(settings: ReportStage, runs: Sequence[Run], sections: Sequence[Markup]) -> str:
    """Returns the whole page."""
    return _PAGE(
        title=f"Gait recognition: {settings.dataset}",
        kind="gaittake report",
        name=settings.dataset,
        mark=MARK if settings.synthetic else "",
        style=Markup(STYLE),
        notices=notices(settings, runs),
        headline=headline(runs, same_view=settings.protocol.same_view),
        notes=notes(settings, runs),
        contents=[(anchor(name), name) for name in CONTENTS],
        sections=sections,
        script=Markup(SCRIPT),
    )
