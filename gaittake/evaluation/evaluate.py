"""The evaluate stage: from embeddings to `metrics.json`, `probes.csv` and the rank-1 table."""

import json
import logging
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gaittake.evaluation.acquisition import losses, lost_sequences
from gaittake.evaluation.condition import condition_metrics
from gaittake.evaluation.cross_view import EVERY, Outcomes, cross_view
from gaittake.evaluation.distance import require_tested
from gaittake.evaluation.error_rates import error_rates
from gaittake.evaluation.grid import grid_of
from gaittake.evaluation.groups import read_groups
from gaittake.evaluation.probes import joined, probes_table, write_probes
from gaittake.evaluation.roles import roles_of
from gaittake.evaluation.tables import table_rows
from gaittake.evaluation.verification import Histogram, verification
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_json, read_rejects, read_sequences, write_csv, write_json
from gaittake.sequence import IDENTITY, Reject
from gaittake.settings import EvaluateStage, canonical
from gaittake.sources.complete import require_comparable, require_complete
from gaittake.sources.coverage import (
    Coverage,
    cover,
    describe_partial,
    partial_label,
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
        UserError: the data lacks parts of the protocol, and `protocol.partial` is false; there is
            nothing to compare; or the embeddings are of other people, too.
    """
    grouped = None if groups is None else read_groups(groups, settings.subjects)
    protocol = settings.protocol
    skipped, checked = read_rejects(rejects), read_json(check)
    with open_ragged(embeddings, kind="embeddings") as opened:
        require_tested(opened, settings.subjects)
        embedded, attributes = opened.sequences, opened.attributes
        shape = opened.arrays["embeddings"].shape[1:]
        roles_of_each = roles_of(protocol, embedded)
        found = embedded[list(IDENTITY)].itertuples(index=False, name=None)
        coverage = cover(protocol, settings.subjects, found)
        what, same_view = f"evaluation of {settings.dataset}", protocol.same_view
        if not protocol.partial:
            require_complete(coverage, what=what, same_view=same_view)
        require_comparable(
            coverage,
            what=what,
            where="is usable",
            subjects=settings.subjects,
            same_view=same_view,
        )
        if label := partial_label(coverage, checked):
            logger.warning("%s is partial: %s", settings.dataset, label)
        searched = [
            cross_view(opened, roles, distance=settings.evaluate.distance, same_view=same_view)
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
        name: condition_metrics(outcomes, roles, ranks, name, protocol)
        | error_rates(
            outcomes,
            roles,
            grid_of(outcomes, roles, name),
            lost[name],
            name,
            ranks=ranks,
            groups=grouped,
            same_view=same_view,
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
    """Returns the pairs of all conditions, each once, for probes of unknown condition."""
    histograms = (
        item for group in groups for item in ([group[EVERY]] if EVERY in group else group.values())
    )
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
