"""Output of the evaluate stage besides rank-1: ranks, curves, intervals, error rates."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gaittake.errors import UserError
from gaittake.evaluation.evaluate import evaluate
from gaittake.evaluation.intervals import rate_interval
from gaittake.evaluation.probes import COLUMNS, NO_GALLERY, read_probes
from gaittake.evaluation.scores import write_scores
from gaittake.evaluation.statistics import count_by_subject, mean_correct, resampled_mean
from gaittake.evaluation.submission import write_submission
from gaittake.settings import Evaluate, EvaluateStage, Protocol
from gaittake.settings.protocol import Submission
from tests.evaluation.plain import made_up, plain_cells
from tests.evaluation.test_protocols import evaluated

VIEWS = ["000", "036", "090"]
PROTOCOL = Protocol(
    gallery=("nm-01",), probes={"nm": ("nm-02",), "all": ("nm-02", "cl-01")}, partial=True
)
SUBJECTS = [f"{n:03d}" for n in range(30)]


def test_the_ranks_in_probes_csv_give_the_means_of_metrics_json(tmp_path: Path) -> None:
    embeddings, sequences = made_up(SUBJECTS, ["nm-01", "nm-02", "cl-01"], VIEWS)
    kept = np.flatnonzero((sequences["view"] != "036") | (sequences["type"] != "nm-01"))
    embeddings, sequences = embeddings[kept], sequences.iloc[kept].reset_index(drop=True)
    metrics = evaluated(tmp_path, embeddings, sequences, PROTOCOL)
    probes = read_probes(tmp_path / "probes.csv")
    assert list(probes.columns) == ["condition", "subject", "type", "view", "cell", *VIEWS]
    assert set(probes.loc[probes["condition"] == "all", "type"]) == {"nm-02", "cl-01"}
    assert (probes["036"] == NO_GALLERY).all()
    written = pd.read_csv(tmp_path / "probes.csv", dtype=str, keep_default_na=False)
    assert set(written["036"]) == {""}
    assert (probes["000"] == 0).any()  # some subjects are not in the gallery
    for condition, names in (("nm", ["nm-02"]), ("all", ["nm-02", "cl-01"])):
        numbers = metrics["conditions"][condition]
        cells = plain_cells(embeddings, sequences, ["nm-01"], names)
        part = probes[probes["condition"] == condition]
        for (probe_view, gallery_view), cell in cells.items():
            ranks = part.loc[part["view"] == probe_view, gallery_view]
            assert sorted(ranks) == sorted(min(own, default=0) for own, _ in cell.hits)
        for metric, matched in (("rank1", False), ("rank1_matched", True)):
            counts = count_by_subject(probes, condition, matched=matched)
            assert mean_correct(counts) == pytest.approx(numbers["mean"][metric], abs=1e-12)
        five = count_by_subject(probes, condition, k=5)
        assert mean_correct(five) == pytest.approx(numbers["mean"]["rank5"], abs=1e-12)
        ends = rate_interval(resampled_mean(count_by_subject(probes, condition)))
        assert numbers["interval"] == pytest.approx(ends)
        assert numbers["interval"][0] < numbers["mean"]["rank1"] < numbers["interval"][1]
        assert numbers["subjects"] == part["subject"].nunique()


def test_the_curve_averages_rank_k_as_rank_1(tmp_path: Path) -> None:
    embeddings, sequences = made_up(SUBJECTS, ["nm-01", "nm-02", "cl-01"], VIEWS)
    metrics = evaluated(tmp_path, embeddings, sequences, PROTOCOL)
    numbers = metrics["conditions"]["all"]
    curve = numbers["cmc"]
    assert len(curve) == 20
    assert [curve[k - 1] for k in (1, 5, 10)] == pytest.approx(
        [numbers["mean"][f"rank{k}"] for k in (1, 5, 10)]
    )
    probes = read_probes(tmp_path / "probes.csv")
    for k in (2, 20):
        assert curve[k - 1] == pytest.approx(mean_correct(count_by_subject(probes, "all", k=k)))
    assert curve == sorted(curve)


def test_error_rates_of_each_condition_and_of_all_conditions(tmp_path: Path) -> None:
    embeddings, sequences = made_up(SUBJECTS, ["nm-01", "nm-02", "cl-01"], VIEWS)
    protocol = PROTOCOL.model_copy(update={"probes": {"nm": ("nm-02",), "cl": ("cl-01",)}})
    metrics = evaluated(tmp_path, embeddings, sequences, protocol)
    parts = [metrics["conditions"][name]["verification"] for name in ("nm", "cl")]
    for kind in ("pairs_same", "pairs_different"):
        assert metrics["verification"][kind] == sum(part[kind] for part in parts)
    rates = [part["equal_error_rate"] for part in parts]
    assert min(rates) <= metrics["verification"]["equal_error_rate"] <= max(rates)


def test_pairs_of_a_probe_in_two_conditions_count_once_among_all(tmp_path: Path) -> None:
    embeddings, sequences = made_up(SUBJECTS, ["nm-01", "nm-02", "cl-01"], VIEWS)
    metrics = evaluated(tmp_path, embeddings, sequences, PROTOCOL)  # `nm` is a part of `all`
    assert list(metrics["conditions"]) == ["nm", "all"]
    assert metrics["verification"] == metrics["conditions"]["all"]["verification"]


@pytest.mark.parametrize(
    ("value", "what"),
    [(np.nan, "values that are not finite"), (-np.inf, "values that"), (-3e20, "values of up to")],
)
def test_an_embedding_without_distances_is_named(tmp_path: Path, value: float, what: str) -> None:
    embeddings, sequences = made_up(SUBJECTS, ["nm-01", "nm-02", "cl-01"], VIEWS, lost=0)
    place = sequences.index[
        sequences["subject"].eq("007") & sequences["view"].eq("090") & sequences["type"].eq("nm-02")
    ][0]
    embeddings[place, 1, 2] = value
    with pytest.raises(UserError, match=rf"007/nm-02/090 has {what}"):
        evaluated(tmp_path, embeddings, sequences, PROTOCOL)


@pytest.mark.parametrize(("scale", "refused"), [(1e-30, True), (1e-13, False), (0.0, False)])
def test_embeddings_too_near_for_distances_are_refused(
    tmp_path: Path, scale: float, *, refused: bool
) -> None:
    embeddings, sequences = made_up(SUBJECTS, ["nm-01", "nm-02", "cl-01"], VIEWS)
    if refused:
        with pytest.raises(UserError, match=r"within \de-30 of each other, too near"):
            evaluated(tmp_path, scale * embeddings, sequences, PROTOCOL)
        return
    metrics = evaluated(tmp_path, scale * embeddings, sequences, PROTOCOL)
    usual = evaluated(tmp_path, embeddings, sequences, PROTOCOL)
    for condition, numbers in metrics["conditions"].items():
        expected = usual["conditions"][condition]["mean"]["rank1"] if scale else 0.0
        assert numbers["mean"]["rank1"] == pytest.approx(expected, abs=0.01)


def test_embeddings_of_people_who_are_not_tested_are_refused(tmp_path: Path) -> None:
    embeddings, sequences = made_up(SUBJECTS, ["nm-01", "nm-02", "cl-01"], VIEWS, lost=0)
    evaluated(tmp_path, embeddings, sequences, PROTOCOL)
    settings = EvaluateStage(
        dataset="toy",
        method="gaittake",
        protocol=PROTOCOL,
        evaluate=Evaluate(),
        synthetic=False,
        subjects=tuple(SUBJECTS[1:]),
    )
    files = {"embeddings": tmp_path / "embeddings.h5", "out": tmp_path / "new"}
    more = {name: tmp_path / f"{name}.csv" for name in ("rejects", "sequences", "table", "probes")}
    said = rf"people whom protocol.test_subjects does not name \({SUBJECTS[0]}\)"
    with pytest.raises(UserError, match=said):
        evaluate(settings, **files, **more, check=tmp_path / "check.json")
    with pytest.raises(UserError, match=said):
        write_scores(settings, **files, most=10**6)
    submission = {"header": ("video", "answer"), "subject": SUBJECTS[1]}
    asked = PROTOCOL.model_copy(update={"submission": Submission.model_validate(submission)})
    with pytest.raises(UserError, match=said):
        write_submission(settings.model_copy(update={"protocol": asked}), **files)
    assert not files["out"].exists()


def test_a_damaged_table_of_probes_fails_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "probes.csv"
    row = dict.fromkeys([*COLUMNS, "090"], "000") | {"090": "far"}
    pd.DataFrame([row]).to_csv(path, index=False)
    with pytest.raises(UserError, match=r"probes.csv: a rank is not an integer"):
        read_probes(path)
