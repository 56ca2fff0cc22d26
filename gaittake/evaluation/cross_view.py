"""The cross-view protocol: each probe view against each gallery view."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from gaittake.errors import UserError
from gaittake.evaluation.distance import distances
from gaittake.evaluation.retrieval import rank_k, retrieve

METRICS = ("rank1", "rank5", "rank10", "map", "rank1_matched", "chance")


class Cell(NamedTuple):
    """One probe view against one gallery view.

    Attributes:
        probes: number of probes.
        gallery: number of gallery sequences.
        matched: probes that have their subject in the gallery.
        values: the metrics, 0…1.
    """

    probes: int
    gallery: int
    matched: int
    values: dict[str, float]


def cross_view(
    embeddings: Tensor,
    sequences: pd.DataFrame,
    *,
    gallery: Iterable[str],
    probes: Mapping[str, Iterable[str]],
    distance: str,
    partial: bool,
) -> dict[str, dict[tuple[int, int], Cell]]:
    """Returns the cells of each condition, by (probe view, gallery view).

    Args:
        embeddings: `[n, p, d]`.
        sequences: a row for each: subject, condition, number, view.
        gallery: sequences of the gallery, `nm-01`, ….
        probes: sequences of each condition.
        distance: see `gaittake.evaluation.distance`.
        partial: leave out a cell without probes or gallery instead of raising.

    Raises:
        UserError: a cell is empty and `partial` is false; the cell is named.
    """
    walks = sequences["condition"] + "-" + sequences["number"].map("{:02d}".format)
    views = sorted(int(view) for view in sequences["view"].unique())
    gallery_names = list(gallery)
    cells: dict[str, dict[tuple[int, int], Cell]] = {}
    for condition, names in probes.items():
        cells[condition] = {}
        wanted = walks.isin(list(names))
        for probe_view in views:
            for gallery_view in views:
                chosen = np.flatnonzero(wanted & (sequences["view"] == probe_view))
                against = np.flatnonzero(
                    walks.isin(gallery_names) & (sequences["view"] == gallery_view)
                )
                if len(chosen) and len(against):
                    cells[condition][probe_view, gallery_view] = _cell(
                        embeddings, sequences["subject"].to_numpy(), chosen, against, distance
                    )
                elif not partial:
                    side = "probe" if not len(chosen) else "gallery"
                    raise UserError(
                        f"evaluation: no {side} sequence for condition {condition}, probe view "
                        f"{probe_view:03d}, gallery view {gallery_view:03d}; rejects.csv says "
                        "what was refused; protocol.partial=true evaluates what there is"
                    )
    return cells


def _cell(
    embeddings: Tensor,
    subjects: npt.NDArray[Any],
    probes: npt.NDArray[np.int64],
    gallery: npt.NDArray[np.int64],
    distance: str,
) -> Cell:
    matrix = distances(
        embeddings[torch.from_numpy(probes)], embeddings[torch.from_numpy(gallery)], kind=distance
    )
    same = subjects[probes][:, None] == subjects[gallery][None]
    found = retrieve(matrix.cpu().numpy().astype(np.float64), same)
    matched = int((found.first_hit > 0).sum())
    rank1 = rank_k(found, 1)
    values = {
        "rank1": rank1,
        "rank5": rank_k(found, 5),
        "rank10": rank_k(found, 10),
        "map": float(found.precision.mean()),
        # Without the probes that have no match in the gallery, which can only be wrong.
        "rank1_matched": rank1 * len(probes) / matched if matched else 0.0,
        "chance": float(found.chance.mean()),
    }
    return Cell(len(probes), len(gallery), matched, values)


def by_probe_view(
    cells: Mapping[tuple[int, int], Cell], metric: str, *, same_view: bool
) -> dict[int, float | None]:
    """Returns a metric for each probe view: its mean over gallery views; None without a cell.

    Args:
        cells: of one condition.
        metric: one of METRICS.
        same_view: count the pair of identical views too.
    """
    views = sorted({view for pair in cells for view in pair})
    means: dict[int, float | None] = {}
    for probe_view in views:
        values = [
            cell.values[metric]
            for (probe, gallery), cell in cells.items()
            if probe == probe_view and (same_view or gallery != probe)
        ]
        means[probe_view] = float(np.mean(values)) if values else None
    return means


def mean_of(values: Iterable[float | None]) -> float | None:
    """Returns the mean of the values there are, or None."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
