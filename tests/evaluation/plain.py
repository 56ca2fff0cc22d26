"""The protocol in plain Python, pair by pair in float64: the oracle of the tests."""

import math
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake.io.ragged import RaggedWriter
from gaittake.io.tables import write_json, write_sequences
from gaittake.sequence import IDENTITY, Sequence

Embeddings = npt.NDArray[np.float32]


def made_up(
    subjects: list[str],
    names: list[str],
    views: list[str],
    *,
    seed: int = 0,
    lost: float = 0.1,
    mean: float = 0.0,
) -> tuple[Embeddings, pd.DataFrame]:
    """Returns random embeddings `[n, 2, 3]` and their sequences, without a share `lost` of them.

    Some sequences have the embedding of another one, so that there are equal distances.

    Args:
        subjects: names.
        names: of the sequences: `nm-01`, ….
        views: names.
        seed: of the random numbers.
        lost: share of the sequences to leave out.
        mean: of the embeddings.
    """
    generator = np.random.default_rng(seed)
    rows = [
        (subject, name, view)
        for subject in subjects
        for name in names
        for view in views
        if generator.random() >= lost
    ]
    embeddings = generator.normal(mean, 1, (len(rows), 2, 3)).astype(np.float32)
    people = {row[0]: generator.normal(0, 0.7, (2, 3)) for row in rows}
    embeddings += np.array([people[row[0]] for row in rows], dtype=np.float32)
    for one, other in generator.integers(0, len(rows), (len(rows) // 4, 2)):
        embeddings[one] = embeddings[other]
    return embeddings, pd.DataFrame(rows, columns=list(IDENTITY))


def write_check(
    path: Path,
    *,
    train: int = 4,
    missing: tuple[str, ...] = (),
    without_colour: dict[str, Any] | None = None,
) -> Path:
    """Writes what evaluate reads of the file of the check stage."""
    subjects = {"found": train - len(missing), "expected": train, "missing": list(missing)}
    write_json({"train_subjects": subjects, "without_colour": without_colour}, path)
    return path


def write_indexed(path: Path, sequences: pd.DataFrame) -> Path:
    """Writes the table of all sequences, here of these."""
    rows = sequences[list(IDENTITY)].itertuples(index=False, name=None)
    write_sequences([Sequence(*row, 30, Path("/data", *row), None) for row in rows], path)
    return path


def write_embeddings(path: Path, embeddings: Embeddings, sequences: pd.DataFrame) -> Path:
    """Writes the file of the embed stage."""
    with RaggedWriter(
        path,
        kind="embeddings",
        arrays={"embeddings": ("float32", embeddings.shape[1:])},
        attributes={"data_digest": "abc", "device": "cpu"},
    ) as out:
        for row, sequence in zip(
            embeddings, sequences.itertuples(index=False, name=None), strict=True
        ):
            out.append(sequence, embeddings=row[None])
    return path


def distance(one: Embeddings, other: Embeddings) -> float:
    """Returns the mean over the parts of their Euclidean distances."""
    return sum(math.dist(a.tolist(), b.tolist()) for a, b in zip(one, other, strict=True)) / len(
        one
    )


class Cell:
    """Results of the probes of one view in the gallery of one view.

    `hits` has a pair for each probe: the ranks of its subject's sequences, the gallery's size.
    """

    def __init__(self) -> None:
        self.hits: list[tuple[list[int], int]] = []
        self.same: list[float] = []
        self.different: list[float] = []

    def numbers(self) -> dict[str, float | None]:
        """Returns the metrics of the cell."""
        matched = [ranks for ranks, _ in self.hits if ranks]
        sums: dict[str, float] = {
            f"rank{k}": sum(min(ranks) <= k for ranks in matched) for k in (1, 5, 10, 20)
        }
        sums["map"] = sum(
            sum((k + 1) / rank for k, rank in enumerate(sorted(ranks))) / len(ranks)
            for ranks in matched
        )
        sums["minp"] = sum(len(ranks) / max(ranks) for ranks in matched)
        count = len(self.hits)
        found: dict[str, float | None] = {name: total / count for name, total in sums.items()}
        for name, total in sums.items():
            found[f"{name}_matched"] = total / len(matched) if matched else None
        found["chance"] = sum(len(ranks) / size for ranks, size in self.hits if size) / count
        return found


def plain_cells(
    embeddings: Embeddings, sequences: pd.DataFrame, gallery: list[str], probes: list[str]
) -> dict[tuple[str, str], Cell]:
    """Returns the cells of a condition by (probe view, gallery view)."""
    return plain_search(
        embeddings,
        sequences,
        lambda subject, name, view: name in gallery,
        lambda subject, name, view: name in probes,
        cell=lambda view: view,
    )


def plain_search(
    embeddings: Embeddings,
    sequences: pd.DataFrame,
    gallery: Callable[[str, str, str], bool],
    probes: Callable[[str, str, str], bool],
    *,
    cell: Callable[[str], str],
    own_camera: bool = True,
) -> dict[tuple[str, str], Cell]:
    """Returns the cells of a condition by (cell of the probe, cell of the gallery).

    Args:
        embeddings: of the sequences.
        sequences: subject, type and view.
        gallery: whether a sequence is in the gallery.
        probes: whether a sequence is a probe.
        cell: of a view.
        own_camera: whether pairs of one subject by one camera (the view's name before `_`) count.
    """
    rows = list(sequences[list(IDENTITY)].itertuples(index=False, name=None))
    names = sorted({cell(row[2]) for row in rows})
    cells: dict[tuple[str, str], Cell] = {}
    for i, (subject, kind, view) in enumerate(rows):
        for gallery_cell in names if probes(subject, kind, view) else []:
            own, others, held = [], [], 0
            for j, row in enumerate(rows):
                if not gallery(*row) or cell(row[2]) != gallery_cell:
                    continue
                held += 1
                same = row[0] == subject and row[2].split("_")[0] == view.split("_")[0]
                if same and not own_camera:
                    continue
                side = own if row[0] == subject else others
                side.append(distance(embeddings[i], embeddings[j]))
            if not held:
                continue
            found = cells.setdefault((cell(view), gallery_cell), Cell())
            # At equal distances, other subjects come first.
            ranks = [
                sum(d <= mine for d in others) + place for place, mine in enumerate(sorted(own), 1)
            ]
            found.hits.append((ranks, len(own) + len(others)))
            found.same += own
            found.different += others
    return cells


def plain_condition(cells: dict[tuple[str, str], Cell]) -> dict[str, Any]:
    """Returns `mean` and `by_probe_view` of a condition, without pairs of identical views."""
    views = sorted({view for pair in cells for view in pair})
    by_view: dict[str, dict[str, float | None]] = {}
    for metric in next(iter(cells.values())).numbers():
        by_view[metric] = {}
        for view in views:
            known = [
                value
                for (probe, gallery), cell in cells.items()
                if probe == view != gallery and (value := cell.numbers()[metric]) is not None
            ]
            by_view[metric][view] = fmean(known) if known else None
    means = {
        metric: fmean([value for value in values.values() if value is not None])
        for metric, values in by_view.items()
    }
    return {"mean": means, "by_probe_view": by_view}
