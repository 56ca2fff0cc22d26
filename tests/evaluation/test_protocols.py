"""The protocols of CASIA-B and OU-MVLP, from embeddings to metrics, against plain Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gaittake.evaluation import cross_view, retrieval
from gaittake.evaluation.evaluate import evaluate
from gaittake.io.tables import read_json, write_rejects
from gaittake.pipeline import subjects as people
from gaittake.sequence import Reject
from gaittake.settings import Evaluate, EvaluateStage, Protocol, load_settings
from tests.evaluation.plain import (
    Embeddings,
    made_up,
    plain_cells,
    plain_condition,
    write_check,
    write_embeddings,
    write_indexed,
)

CONFIG = Path(__file__).parents[2] / "config"
VIEWS = ["000", "036", "090"]


def evaluated(
    folder: Path,
    embeddings: Embeddings,
    sequences: pd.DataFrame,
    protocol: Protocol,
    distance: str = "parts",
    rejects: list[Reject] | None = None,
    groups: Path | None = None,
) -> Any:
    """Returns the content of `metrics.json`."""
    write_embeddings(folder / "embeddings.h5", embeddings, sequences)
    write_rejects(rejects or [], folder / "rejects.csv")
    settings = EvaluateStage(
        dataset="toy",
        method="gaittake",
        protocol=protocol,
        evaluate=Evaluate.model_validate({"distance": distance}),
        synthetic=False,
        subjects=tuple(sorted(set(sequences["subject"]))),
    )
    evaluate(
        settings,
        embeddings=folder / "embeddings.h5",
        check=write_check(folder / "check.json"),
        rejects=folder / "rejects.csv",
        sequences=write_indexed(folder / "sequences.csv", sequences),
        out=folder / "metrics.json",
        table=folder / "rank1.csv",
        probes=folder / "probes.csv",
        groups=groups,
    )
    return read_json(folder / "metrics.json")


def assert_same(found: Any, expected: Any) -> None:
    """Compares means and pairs of views; empty cells must be empty in both."""
    for metric, values in expected["by_probe_view"].items():
        given = found["by_probe_view"][metric]
        assert list(given) == list(values)
        for view, value in values.items():
            assert given[view] == (None if value is None else pytest.approx(value, abs=1e-12))
        assert found["mean"][metric] == pytest.approx(expected["mean"][metric], abs=1e-12)


def test_casiab_gives_the_metrics_of_plain_loops(tmp_path: Path) -> None:
    settings = load_settings(CONFIG / "casiab.yaml")
    protocol = settings.protocol.model_copy(update={"views": tuple(VIEWS)})
    names = [
        f"{condition}-{n:02d}"
        for condition, last in (("nm", 6), ("bg", 2), ("cl", 2))
        for n in range(1, last + 1)
    ]
    subjects = people.test_subjects(settings)[::5]
    embeddings, sequences = made_up(subjects, names, VIEWS, lost=0.15)
    # No subject with nm-05 or nm-06 at 0° is in the gallery of 36°: a cell without a match.
    absent = sequences["subject"].isin(subjects[::2])
    gone = (sequences["view"] == "036") & sequences["type"].isin(names[:4])
    probing = (sequences["view"] == "000") & sequences["type"].isin(names[4:6])
    kept = np.flatnonzero(~(gone & absent) & ~(probing & ~absent))
    embeddings, sequences = embeddings[kept], sequences.iloc[kept].reset_index(drop=True)

    metrics = evaluated(tmp_path, embeddings, sequences, protocol)

    gallery = ["nm-01", "nm-02", "nm-03", "nm-04"]
    for condition, probes in {
        "nm": ["nm-05", "nm-06"],
        "bg": ["bg-01", "bg-02"],
        "cl": ["cl-01", "cl-02"],
    }.items():
        cells = plain_cells(embeddings, sequences, gallery, probes)
        assert_same(metrics["conditions"][condition], plain_condition(cells))
        pairs = metrics["conditions"][condition]["pairs"]
        assert [(p["probe_view"], p["gallery_view"]) for p in pairs] == sorted(cells)
        for pair in pairs:
            cell = cells[pair["probe_view"], pair["gallery_view"]]
            assert pair["probes"] == len(cell.hits)
            assert pair["probes_matched"] == sum(bool(ranks) for ranks, _ in cell.hits)
            assert pair["gallery"] == cell.hits[0][1]
            for metric, value in cell.numbers().items():
                assert pair[metric] == (None if value is None else pytest.approx(value, abs=1e-12))
    unmatched = [p for p in metrics["conditions"]["nm"]["pairs"] if p["probes_matched"] == 0]
    assert [(p["probe_view"], p["gallery_view"]) for p in unmatched] == [("000", "036")]
    assert unmatched[0]["rank1"] == 0
    assert unmatched[0]["rank1_matched"] is None


def test_oumvlp_counts_unmatched_probes_as_wrong_and_rank1_matched_skips_them(
    tmp_path: Path,
) -> None:
    settings = load_settings(CONFIG / "oumvlp.yaml")
    protocol = settings.protocol.model_copy(update={"views": tuple(VIEWS)})
    subjects = [*people.test_subjects(settings)[:-1:400], "10307"]
    assert all(int(subject) % 2 == 0 for subject in subjects[:-1])
    embeddings, sequences = made_up(subjects, ["nm-00", "nm-01"], VIEWS, lost=0.2)

    metrics = evaluated(tmp_path, embeddings, sequences, protocol)

    cells = plain_cells(embeddings, sequences, ["nm-01"], ["nm-00"])
    assert_same(metrics["conditions"]["nm"], plain_condition(cells))
    means = metrics["conditions"]["nm"]["mean"]
    assert 0 < means["rank1"] < means["rank1_matched"] < 1
    assert (
        metrics["conditions"]["nm"]["interval"] != metrics["conditions"]["nm"]["interval_matched"]
    )


@pytest.mark.parametrize("distance", ["parts", "flat"])
@pytest.mark.parametrize("seed", range(3))
def test_the_result_does_not_depend_on_the_block_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, distance: str
) -> None:
    subjects = [f"{n:03d}" for n in range(12)]
    embeddings, sequences = made_up(subjects, ["nm-01", "nm-02", "nm-03"], VIEWS, seed=seed)
    protocol = Protocol(gallery=("nm-01", "nm-02"), probes={"nm": ("nm-03",)})
    whole = evaluated(tmp_path, embeddings, sequences, protocol, distance)
    del whole["provenance"]  # it has the time
    monkeypatch.setattr(cross_view, "BLOCK_BYTES", 7 * embeddings[0].nbytes)
    monkeypatch.setattr(retrieval, "PROBES", 3)
    monkeypatch.setattr(retrieval, "GALLERY", 5)
    monkeypatch.setattr(retrieval, "MOST_PAIRS", 0)
    blocks = evaluated(tmp_path, embeddings, sequences, protocol, distance)
    del blocks["provenance"]
    assert blocks == whole
    if distance == "flat":
        flat = embeddings.reshape(len(embeddings), 1, -1)
        expected = plain_condition(plain_cells(flat, sequences, ["nm-01", "nm-02"], ["nm-03"]))
        assert_same(whole["conditions"]["nm"], expected)


def test_probes_are_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subjects = [f"{n:03d}" for n in range(12)]
    embeddings, sequences = made_up(subjects, ["nm-01", "nm-02"], VIEWS, lost=0)
    read: list[int] = []
    original = cross_view.read_embeddings

    def spy(opened: Any, rows: Any) -> Any:
        read.append(len(rows))
        return original(opened, rows)

    monkeypatch.setattr(cross_view, "read_embeddings", spy)
    monkeypatch.setattr(cross_view, "BLOCK_BYTES", 5 * embeddings[0].nbytes)
    evaluated(
        tmp_path, embeddings, sequences, Protocol(gallery=("nm-01",), probes={"nm": ("nm-02",)})
    )
    assert read[:3] == [12, 12, 12]
    assert read[3:] == [5] * 7 + [1]
