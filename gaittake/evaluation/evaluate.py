"""The evaluate stage: from embeddings to `metrics.json` and the method's rows of the table."""

import platform
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from gaittake import __version__
from gaittake.evaluation.cross_view import METRICS, Cell, by_probe_view, cross_view, mean_of
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects, write_csv, write_json
from gaittake.protocol import expand
from gaittake.stages import EvaluateStage, canonical


def evaluate(
    settings: EvaluateStage, *, embeddings: Path, rejects: Path, out: Path, table: Path
) -> None:
    """Writes the numbers of one method.

    Args:
        settings: the protocol and the distance.
        embeddings: of the test sequences.
        rejects: everything that was refused on the way, to be counted.
        out: all metrics, unrounded, with counts and provenance.
        table: rank-1 in percent, as in the paper's tables.

    Raises:
        UserError: a cell of the protocol has no sequence.
    """
    protocol = settings.protocol
    with open_ragged(embeddings, kind="embeddings") as opened:
        vectors = torch.from_numpy(opened.read("embeddings"))
        sequences, attributes = opened.sequences, opened.attributes
    cells = cross_view(
        vectors,
        sequences,
        gallery=expand(protocol.gallery),
        probes={name: expand(walks) for name, walks in protocol.probes.items()},
        distance=settings.evaluate.distance,
        partial=protocol.partial,
    )
    missing = sorted(set(settings.subjects) - set(sequences["subject"]))
    refused = Counter(f"{row.stage}: {row.reason}" for row in read_rejects(rejects))
    conditions = {
        name: _condition(found, same_view=protocol.same_view) for name, found in cells.items()
    }
    metrics = {
        "dataset": settings.dataset,
        "method": settings.method,
        "synthetic": settings.synthetic,
        "note": settings.note,
        "conditions": conditions,
        "counts": {
            "sequences": len(sequences),
            "subjects": int(sequences["subject"].nunique()),
            "subjects_missing": missing,
            "rejects": dict(sorted(refused.items())),
        },
        "provenance": {
            "package": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "device": str(attributes.get("device")),
            "data_digest": str(attributes.get("data_digest")),
            "training": str(attributes.get("training", "none")),
            "evaluation": canonical(settings),
        },
    }
    write_json(metrics, out)
    write_csv(table_rows(metrics, "rank1"), table)


def _condition(cells: dict[tuple[int, int], Cell], *, same_view: bool) -> dict[str, Any]:
    """Returns the numbers of one condition: means, by probe view, and each pair of views."""
    by_view = {m: by_probe_view(cells, m, same_view=same_view) for m in METRICS}
    return {
        "mean": {metric: mean_of(values.values()) for metric, values in by_view.items()},
        "by_probe_view": by_view,
        "pairs": [
            {
                "probe_view": probe,
                "gallery_view": gallery,
                "probes": cell.probes,
                "gallery": cell.gallery,
                "probes_matched": cell.matched,
                **cell.values,
            }
            for (probe, gallery), cell in sorted(cells.items())
        ],
    }


def table_rows(metrics: dict[str, Any], metric: str, *, method: str | None = None) -> pd.DataFrame:
    """Returns a row for each condition: dataset, method, condition, each view, mean; percent.

    Args:
        metrics: what `metrics.json` holds.
        metric: one of METRICS.
        method: the name of the row, where it is not the method's own.
    """
    rows = []
    for condition, numbers in metrics["conditions"].items():
        views = {str(view): value for view, value in numbers["by_probe_view"][metric].items()}
        row = {
            "dataset": metrics["dataset"],
            "method": method or metrics["method"],
            "condition": condition,
        }
        row |= {view: percent(views[view]) for view in sorted(views, key=int)}
        rows.append(row | {"mean": percent(numbers["mean"][metric])})
    return pd.DataFrame(rows)


def percent(value: float | None) -> str:
    """Returns a share as percent with two decimals; '' where there is none."""
    return "" if value is None else f"{100 * value:.2f}"
