"""Protocols and metrics against plain loops and tables made by hand."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gaittake.errors import UserError
from gaittake.evaluation.compare import compare
from gaittake.evaluation.cross_view import by_probe_view, cross_view, mean_of
from gaittake.evaluation.distance import distances
from gaittake.evaluation.evaluate import evaluate, percent
from gaittake.evaluation.retrieval import rank_k, retrieve
from gaittake.io.ragged import RaggedWriter
from gaittake.io.tables import read_json, write_rejects
from gaittake.sequence import Reject
from gaittake.settings import Evaluate, Protocol
from gaittake.stages import EvaluateStage

GALLERY = ["nm-01", "nm-02"]
PROBES = {"nm": ["nm-03"], "cl": ["cl-01"]}


def test_rank_and_precision_of_a_table_made_by_hand() -> None:
    matrix = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.5, 0.6, 0.7]])
    same = np.array([[True, False, True], [True, False, False], [False, False, False]])
    found = retrieve(matrix, same)
    assert found.first_hit.tolist() == [1, 3, 0]
    assert found.precision.tolist() == pytest.approx([(1 + 2 / 3) / 2, 1 / 3, 0])
    assert found.chance.tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert rank_k(found, 1) == pytest.approx(1 / 3)
    assert rank_k(found, 3) == pytest.approx(2 / 3)


def test_permuting_the_gallery_changes_nothing() -> None:
    generator = np.random.default_rng(0)
    matrix, same = generator.random((6, 9)), generator.random((6, 9)) < 0.3
    order = generator.permutation(9)
    one, other = retrieve(matrix, same), retrieve(matrix[:, order], same[:, order])
    assert one.first_hit.tolist() == other.first_hit.tolist()
    assert one.precision.tolist() == pytest.approx(other.precision.tolist())


def test_distance_is_the_mean_over_parts_of_euclidean_distances() -> None:
    torch.manual_seed(0)
    probes, gallery = torch.randn(3, 4, 5), torch.randn(2, 4, 5)
    for kind in ("parts", "flat"):
        found = distances(probes, gallery, kind=kind)
        for i in range(3):
            for j in range(2):
                parts = [math.dist(probes[i, p].tolist(), gallery[j, p].tolist()) for p in range(4)]
                plain = sum(parts) / 4 if kind == "parts" else math.hypot(*parts)
                assert float(found[i, j]) == pytest.approx(plain, rel=1e-5)


def random_embeddings(seed: int) -> tuple[torch.Tensor, pd.DataFrame]:
    """Five subjects, three views; some sequences are missing, one probe has no match."""
    generator = np.random.default_rng(seed)
    rows = [
        (f"{subject:03d}", condition, number, view)
        for subject in range(5)
        for condition, number in (("nm", 1), ("nm", 2), ("nm", 3), ("cl", 1))
        for view in (0, 36, 90)
        if generator.random() > 0.1
        and not (subject == 4 and condition == "nm" and number < 3 and view == 36)
    ]
    table = pd.DataFrame(rows, columns=["subject", "condition", "number", "view"])
    return torch.from_numpy(generator.random((len(rows), 2, 3), dtype=np.float32)), table


@pytest.mark.parametrize("seed", range(4))
def test_cross_view_is_the_protocol_in_plain_loops(seed: int) -> None:
    embeddings, table = random_embeddings(seed)
    cells = cross_view(
        embeddings, table, gallery=GALLERY, probes=PROBES, distance="parts", partial=False
    )
    rows = list(table.itertuples(index=False, name=None))
    for condition, names in PROBES.items():
        expected_view_means = []
        for probe_view in (0, 36, 90):
            shares = []
            for gallery_view in (0, 36, 90):
                right = total = matched = 0
                for i, (subject, c, number, view) in enumerate(rows):
                    if f"{c}-{number:02d}" not in names or view != probe_view:
                        continue
                    candidates = [
                        (
                            sum(
                                math.dist(embeddings[i, p].tolist(), embeddings[j, p].tolist())
                                for p in range(2)
                            ),
                            other,
                        )
                        for j, (other, d, n, v) in enumerate(rows)
                        if f"{d}-{n:02d}" in GALLERY and v == gallery_view
                    ]
                    total += 1
                    matched += any(other == subject for _, other in candidates)
                    right += min(candidates)[1] == subject
                cell = cells[condition][probe_view, gallery_view]
                assert (cell.probes, cell.matched) == (total, matched)
                assert cell.values["rank1"] == pytest.approx(right / total)
                assert cell.values["rank1_matched"] == pytest.approx(right / matched)
                if gallery_view != probe_view:
                    shares.append(right / total)
            expected_view_means.append(sum(shares) / len(shares))
        by_view = by_probe_view(cells[condition], "rank1", same_view=False)
        assert list(by_view.values()) == pytest.approx(expected_view_means)
        assert mean_of(by_view.values()) == pytest.approx(sum(expected_view_means) / 3)


def test_an_empty_cell_is_an_error_that_names_it_or_an_empty_cell() -> None:
    embeddings, table = random_embeddings(0)
    gone = (table["view"] == 36) & (table["condition"] == "nm") & (table["number"] < 3)
    kept = np.flatnonzero(~gone)
    fewer, rest = embeddings[kept], table.iloc[kept].reset_index(drop=True)
    arguments = {"gallery": GALLERY, "probes": PROBES, "distance": "parts"}
    with pytest.raises(UserError, match=r"no gallery sequence for condition nm.*gallery view 036"):
        cross_view(fewer, rest, **arguments, partial=False)
    cells = cross_view(fewer, rest, **arguments, partial=True)
    assert (0, 36) not in cells["nm"]
    by_view = by_probe_view(cells["nm"], "rank1", same_view=False)
    assert by_view[0] == pytest.approx(cells["nm"][0, 90].values["rank1"])


def test_numbers_are_rounded_only_when_printed() -> None:
    assert percent(1 / 3) == "33.33"
    assert percent(None) == ""


def write_embeddings(path: Path) -> None:
    embeddings, table = random_embeddings(1)
    with RaggedWriter(
        path,
        kind="embeddings",
        arrays={"embeddings": ("float32", (2, 3))},
        attributes={"data_digest": "abc", "device": "cpu"},
    ) as out:
        for row, (subject, condition, number, view) in zip(
            embeddings.numpy(), table.itertuples(index=False, name=None), strict=True
        ):
            out.append(
                subject=subject,
                condition=condition,
                number=number,
                view=view,
                embeddings=row[None],
            )


def test_evaluate_and_compare_write_the_table(tmp_path: Path) -> None:
    write_embeddings(tmp_path / "embeddings.h5")
    write_rejects([Reject("cache", "a", "empty"), Reject("cache", "b", "empty")], tmp_path / "r")
    settings = EvaluateStage(
        dataset="toy",
        method="gei",
        protocol=Protocol(gallery=tuple(GALLERY), probes={k: tuple(v) for k, v in PROBES.items()}),
        evaluate=Evaluate(),
        synthetic=True,
        subjects=("000", "001", "002", "003", "004", "099"),
    )
    evaluate(
        settings,
        embeddings=tmp_path / "embeddings.h5",
        rejects=tmp_path / "r",
        out=tmp_path / "metrics.json",
        table=tmp_path / "rank1.csv",
    )
    metrics = read_json(tmp_path / "metrics.json")
    assert metrics["counts"]["subjects_missing"] == ["099"]
    assert metrics["counts"]["rejects"] == {"cache: empty": 2}
    assert metrics["synthetic"] is True
    compare([tmp_path / "metrics.json"], out=tmp_path / "table.csv")
    table = pd.read_csv(tmp_path / "table.csv", dtype=str)
    assert list(table.columns) == ["dataset", "method", "condition", "0", "36", "90", "mean"]
    assert table["method"].tolist() == ["chance", "chance", "gei", "gei"]
    unrounded = metrics["conditions"]["cl"]["mean"]["rank1"]
    assert table["mean"].iloc[3] == f"{100 * unrounded:.2f}"
