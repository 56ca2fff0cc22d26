"""The evaluate stage: from embeddings to `metrics.json`, `probes.csv` and the rank-1 table."""

import json
import logging
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gaittake.arrays import Float64s
from gaittake.comparison import COMPARISONS, GALLERY, Kind
from gaittake.evaluation.acquisition import losses, lost_sequences
from gaittake.evaluation.cross_view import Grid, Outcomes, cross_view, grid_of
from gaittake.evaluation.error_rates import error_rates
from gaittake.evaluation.groups import read_groups
from gaittake.evaluation.intervals import rate_interval
from gaittake.evaluation.probes import joined, probes_table, write_probes
from gaittake.evaluation.roles import Roles, roles_of
from gaittake.evaluation.statistics import (
    by_probe_view,
    condition_mean,
    count_by_subject,
    mean_of,
    resampled_mean,
)
from gaittake.evaluation.tables import table_rows
from gaittake.evaluation.verification import Histogram, verification
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_json, read_rejects, read_sequences, write_csv, write_json
from gaittake.sequence import IDENTITY, Reject
from gaittake.settings import EvaluateStage, Protocol, canonical
from gaittake.sources.coverage import (
    Coverage,
    cover,
    describe_partial,
    partial_label,
    require_complete,
    sequences_note,
)

logger = logging.getLogger(__name__)


def evaluate(
    settings: EvaluateStage,
    *,
    embeddings: Path,
    check: Path,
    rejects: Path,
    sequences: Path,
    out: Path,
    table: Path,
    probes: Path,
    groups: Path | None = None,
) -> None:
    """Writes the metrics of one run of a method.

    Args:
        settings: the protocol and the distance.
        embeddings: file of the test sequences' embeddings.
        check: what the index has of the protocol, see `gaittake.sources.check`.
        rejects: table of the files that the earlier stages skipped.
        sequences: table of all sequences.
        out: file of all metrics, unrounded, with counts and provenance.
        table: file of rank-1 in percent, as in the paper's tables.
        probes: file of each probe's ranks, see `gaittake.evaluation.probes`.
        groups: table of the subjects' groups, see `gaittake.evaluation.groups`, or None.

    Raises:
        UserError: the data lacks parts of the protocol, and `protocol.partial` is false.
    """
    grouped = None if groups is None else read_groups(groups, settings.subjects)
    protocol = settings.protocol
    skipped, checked = read_rejects(rejects), read_json(check)
    with open_ragged(embeddings, kind="embeddings") as opened:
        embedded, attributes = opened.sequences, opened.attributes
        shape = opened.arrays["embeddings"].shape[1:]
        roles_of_each = roles_of(protocol, embedded)
        found = embedded[list(IDENTITY)].itertuples(index=False, name=None)
        coverage = cover(protocol, settings.subjects, found)
        if not protocol.partial:
            require_complete(coverage, what=f"evaluation of {settings.dataset}")
        if label := partial_label(coverage, checked):
            logger.warning("%s is partial: %s", settings.dataset, label)
        searched = [
            cross_view(
                opened, roles, distance=settings.evaluate.distance, same_view=protocol.same_view
            )
            for roles in roles_of_each
        ]
    names = [row.name for row in protocol.rows()]
    tables = (
        probes_table(outcomes.probes, outcomes.first_match, roles, embedded)
        for outcomes, roles in zip(searched, roles_of_each, strict=True)
    )
    ranks = joined(list(tables), names)
    lost = losses(
        protocol,
        embedded,
        lost_sequences(
            [row.identity for row in read_sequences(sequences)],
            embedded[list(IDENTITY)].itertuples(index=False, name=None),
            skipped,
            settings.subjects,
        ),
        searched[0].subjects,
    )
    conditions = {
        name: _condition(outcomes, roles, ranks, name, protocol)
        | error_rates(
            outcomes,
            roles,
            grid_of(outcomes, roles, name),
            lost[name],
            name,
            ranks=ranks,
            groups=grouped,
            same_view=protocol.same_view,
        )
        for outcomes, roles in zip(searched, roles_of_each, strict=True)
        for name in roles.conditions
    }
    named = {"dataset", "method", "seed", "synthetic", "note", "unpublished"}
    about = settings.model_dump(include=named)
    counts = _counts(embedded, coverage, skipped, synthetic=settings.synthetic)
    metrics = about | {
        "partial": describe_partial(coverage, checked),
        "coverage": sequences_note(counts["test_sequences"], checked),
        "conditions": {name: conditions[name] for name in names},
        "verification": verification(
            _merged(
                [
                    outcomes.histograms
                    for outcomes, roles in zip(searched, roles_of_each, strict=True)
                    if roles.kind == protocol.comparison[0]  # another one has the same pairs
                ]
            )
        ),
        "search": _searches(searched, shape),
        "counts": counts,
        "provenance": _provenance(attributes)
        | {
            "evaluation": canonical(settings),
            "search_cpu_seconds": sum(outcomes.seconds for outcomes in searched),
        },
    }
    write_probes(ranks, probes)
    write_json(metrics, out)
    write_csv(table_rows(metrics, "rank1"), table)


def _condition(
    outcomes: Outcomes, roles: Roles, ranks: pd.DataFrame, name: str, protocol: Protocol
) -> dict[str, Any]:
    """Returns the metrics of one condition: means, by probe view, and for each pair of views.

    In other comparisons, the views are cameras, or the cells of all probes and of one gallery.
    """
    grid, same_view = grid_of(outcomes, roles, name), protocol.same_view
    means = {m: by_probe_view(values, same_view=same_view) for m, values in grid.metrics.items()}
    curve = condition_mean(np.moveaxis(grid.curve, -1, 0), same_view=same_view)
    intervals = {
        metric: rate_interval(
            resampled_mean(count_by_subject(ranks, name, matched=matched), same_view=same_view)
        )
        for metric, matched in (("rank1", False), ("rank1_matched", True))
    }
    rates = verification(outcomes.histograms[name])
    accepted = rates["at_false_accepts"] if rates else {}
    mean = {metric: number(mean_of(values)) for metric, values in means.items()}
    mean |= {
        "rank1_diagonal": number(condition_mean(grid.metrics["rank1"], same_view=True)),
        **{
            metric: accepted[at]["true_accepts"] if rates else None
            for metric, at in (("tar1", "0.01"), ("tar5", "0.05"))
        },
    }
    return {
        "comparison": roles.kind,
        "shown": list(shown_metrics(protocol, roles.kind)),
        "mean": mean,
        "interval": intervals["rank1"],
        "interval_matched": intervals["rank1_matched"],
        "by_probe_view": {
            metric: {
                cell: number(v)
                for cell, v in zip(roles.cells, values, strict=True)
                if cell != GALLERY
            }
            for metric, values in means.items()
        },
        "cmc": [number(value) for value in curve],
        "verification": rates,
        "subjects": int(ranks.loc[ranks["condition"] == name, "subject"].nunique()),
        "pairs": _pairs(grid, roles.cells),
    }


def _pairs(grid: Grid, cells: tuple[str, ...]) -> list[dict[str, Any]]:
    """Returns the metrics of each pair of cells with probes and a gallery."""
    return [
        {
            "probe_view": probe_view,
            "gallery_view": gallery_view,
            "probes": int(grid.probes[a]),
            "gallery": int(grid.gallery[b]),
            "probes_matched": int(grid.matched[a, b]),
            **{metric: number(values[a, b]) for metric, values in grid.metrics.items()},
        }
        for a, probe_view in enumerate(cells)
        for b, gallery_view in enumerate(cells)
        if grid.probes[a] and grid.gallery[b]
    ]


def number(value: Float64s | float) -> float | None:
    """Returns a number for JSON: None, written as null, instead of NaN."""
    return None if np.isnan(value) else float(value)


def shown_metrics(protocol: Protocol, kind: Kind) -> tuple[str, ...]:
    """Returns the metrics of a comparison's rows in the table; the first is rank-1."""
    chosen = protocol.metrics or COMPARISONS[kind].shown
    return ("rank1", *(metric for metric in chosen if metric != "rank1"))


def _searches(searched: list[Outcomes], shape: tuple[int, ...]) -> dict[str, Any]:
    """Returns the size of a template, the number of searches, and their galleries' mean size.

    A search is that for one probe in one cell of the gallery. Its time is in the provenance: it
    differs from run to run.

    Args:
        searched: outcomes of each gallery.
        shape: of an embedding.
    """
    searches = sum(
        len(outcomes.probes) * int((outcomes.gallery > 0).sum()) for outcomes in searched
    )
    sizes = [size for outcomes in searched for size in outcomes.gallery if size]
    return {
        "template_bytes": 4 * int(np.prod(shape)),
        "searches": searches,
        "gallery": float(np.mean(sizes)) if sizes else None,
    }


def _merged(groups: list[dict[str, Histogram]]) -> Histogram:
    """Returns the pairs of all conditions, for probes of unknown condition."""
    histograms = (item for group in groups for item in group.values())
    same, different = zip(*histograms, strict=True)
    return Histogram(np.sum(same, axis=0), np.sum(different, axis=0))


def _counts(
    sequences: pd.DataFrame, coverage: Coverage, skipped: list[Reject], *, synthetic: bool
) -> dict[str, Any]:
    """Returns the number of evaluated sequences and of skipped files."""
    expected = None if synthetic else coverage.of_sequences  # as many as are rendered
    reasons = {
        used: Counter(f"{row.stage}: {row.reason}" for row in skipped if row.used == used)
        for used in ("no", "yes")
    }
    return {
        "sequences": len(sequences),
        "subjects": int(sequences["subject"].nunique()),
        "subjects_missing": coverage.subjects_missing,
        "test_sequences": {"found": coverage.sequences, "expected": expected},
        "rejects": dict(sorted(reasons["no"].items())),
        "notes": dict(sorted(reasons["yes"].items())),
    }


def _provenance(attributes: dict[str, Any]) -> dict[str, Any]:
    """Returns when and where the embeddings were computed, and their data and training."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": _read_json(attributes.get("environment")),
        "data_digest": str(attributes.get("data_digest")),
        "training": str(attributes.get("training", "none")),
        "training_data": str(attributes.get("training_data", "none")),
        "training_environment": _read_json(attributes.get("training_environment")),
    }


def _read_json(text: str | None) -> dict[str, str]:
    found: dict[str, str] = json.loads(text) if text and text != "none" else {}
    return found
