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
from gaittake.evaluation.cross_view import Grid, Outcomes, cross_view, grid_of
from gaittake.evaluation.probes import probes_table, write_probes
from gaittake.evaluation.roles import Roles, assign_roles
from gaittake.evaluation.statistics import (
    by_probe_view,
    condition_mean,
    count_by_subject,
    interval,
    mean_of,
    resampled_means,
)
from gaittake.evaluation.tables import table_rows
from gaittake.evaluation.verification import Histogram, verification
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_json, read_rejects, write_csv, write_json
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
    out: Path,
    table: Path,
    probes: Path,
) -> None:
    """Writes the metrics of one run of a method.

    Args:
        settings: the protocol and the distance.
        embeddings: file of the test sequences' embeddings.
        check: what the index has of the protocol, see `gaittake.sources.check`.
        rejects: table of the files that the earlier stages skipped.
        out: file of all metrics, unrounded, with counts and provenance.
        table: file of rank-1 in percent, as in the paper's tables.
        probes: file of each probe's ranks, see `gaittake.evaluation.probes`.

    Raises:
        UserError: the data lacks parts of the protocol, and `protocol.partial` is false.
    """
    protocol = settings.protocol
    skipped, checked = read_rejects(rejects), read_json(check)
    with open_ragged(embeddings, kind="embeddings") as opened:
        sequences, attributes = opened.sequences, opened.attributes
        roles = _roles(protocol, sequences)
        found = sequences[list(IDENTITY)].itertuples(index=False, name=None)
        coverage = cover(protocol, settings.subjects, found)
        if not protocol.partial:
            require_complete(coverage, what=f"evaluation of {settings.dataset}")
        if label := partial_label(coverage, checked):
            logger.warning("%s is partial: %s", settings.dataset, label)
        outcomes = cross_view(
            opened, roles, distance=settings.evaluate.distance, same_view=protocol.same_view
        )
    ranks = probes_table(outcomes.probes, outcomes.first_match, roles, sequences)
    named = {"dataset", "method", "seed", "synthetic", "note", "unpublished"}
    about = settings.model_dump(include=named)
    counts = _counts(sequences, coverage, skipped, synthetic=settings.synthetic)
    metrics = about | {
        "partial": describe_partial(coverage, checked),
        "coverage": sequences_note(counts["test_sequences"], checked),
        "conditions": {
            name: _condition(outcomes, roles, ranks, name, same_view=protocol.same_view)
            for name in roles.conditions
        },
        "verification": verification(_merged(outcomes.histograms)),
        "counts": counts,
        "provenance": _provenance(attributes) | {"evaluation": canonical(settings)},
    }
    write_probes(ranks, probes)
    write_json(metrics, out)
    write_csv(table_rows(metrics, "rank1"), table)


def _roles(protocol: Protocol, sequences: pd.DataFrame) -> Roles:
    """Returns the roles of the sequences in the protocol."""
    return assign_roles(
        sequences,
        gallery=protocol.gallery,
        probes=protocol.probes,
        views=protocol.views,
        views_excluded=protocol.views_excluded,
    )


def _condition(
    outcomes: Outcomes, roles: Roles, ranks: pd.DataFrame, name: str, *, same_view: bool
) -> dict[str, Any]:
    """Returns the metrics of one condition: means, by probe view, and for each pair of views."""
    grid = grid_of(outcomes, roles, name)
    means = {m: by_probe_view(values, same_view=same_view) for m, values in grid.metrics.items()}
    curve = condition_mean(np.moveaxis(grid.curve, -1, 0), same_view=same_view)
    intervals = {
        metric: interval(
            resampled_means(count_by_subject(ranks, name, matched=matched), same_view=same_view)
        )
        for metric, matched in (("rank1", False), ("rank1_matched", True))
    }
    return {
        "mean": {metric: number(mean_of(values)) for metric, values in means.items()},
        "interval": intervals["rank1"],
        "interval_matched": intervals["rank1_matched"],
        "by_probe_view": {
            metric: {view: number(v) for view, v in zip(roles.views, values, strict=True)}
            for metric, values in means.items()
        },
        "cmc": [number(value) for value in curve],
        "verification": verification(outcomes.histograms[name]),
        "subjects": int(ranks.loc[ranks["condition"] == name, "subject"].nunique()),
        "pairs": _pairs(grid, roles.views),
    }


def _pairs(grid: Grid, views: tuple[str, ...]) -> list[dict[str, Any]]:
    """Returns the metrics of each pair of views with probes and a gallery."""
    return [
        {
            "probe_view": probe_view,
            "gallery_view": gallery_view,
            "probes": int(grid.probes[a]),
            "gallery": int(grid.gallery[b]),
            "probes_matched": int(grid.matched[a, b]),
            **{metric: number(values[a, b]) for metric, values in grid.metrics.items()},
        }
        for a, probe_view in enumerate(views)
        for b, gallery_view in enumerate(views)
        if grid.probes[a] and grid.gallery[b]
    ]


def number(value: Float64s | float) -> float | None:
    """Returns a number for JSON: None, written as null, instead of NaN."""
    return None if np.isnan(value) else float(value)


def _merged(histograms: dict[str, Histogram]) -> Histogram:
    """Returns the pairs of all conditions, for probes of unknown condition."""
    same, different = zip(*histograms.values(), strict=True)
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
