"""Data that lacks a part of the protocol: an error, or with `partial` a notice everywhere."""

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gaittake.cli import main
from gaittake.errors import UserError
from gaittake.evaluation.evaluate import evaluate
from gaittake.evaluation.tables import dataset_of, percent, table_rows
from gaittake.io.tables import read_json, write_rejects
from gaittake.sequence import Reject
from gaittake.settings import Evaluate, EvaluateStage, Protocol
from gaittake.sources import tree
from tests.evaluation.plain import (
    made_up,
    plain_cells,
    plain_condition,
    write_check,
    write_embeddings,
    write_indexed,
)

SUBJECTS = [f"{n:03d}" for n in range(75, 87)]
NAMES = ["nm-01", "nm-02", "cl-01"]
VIEWS = ["000", "036", "090"]
PROTOCOL = Protocol(
    train_subjects=("001..004",),
    gallery=("nm-01",),
    probes={"nm": ("nm-02",), "cl": ("cl-01",)},
    views=tuple(VIEWS),
)


def run(
    folder: Path,
    sequences: pd.DataFrame,
    *,
    partial: bool,
    rejects: list[Reject] | None = None,
    protocol: Protocol = PROTOCOL,
    **check: Any,
) -> Any:
    """Evaluates random embeddings of these sequences; returns the content of `metrics.json`."""
    embeddings = np.random.default_rng(1).random((len(sequences), 2, 3), dtype=np.float32)
    write_embeddings(folder / "embeddings.h5", embeddings, sequences)
    write_rejects(rejects or [], folder / "rejects.csv")
    settings = EvaluateStage(
        dataset="casiab",
        method="gaittake",
        protocol=protocol.model_copy(update={"partial": partial}),
        evaluate=Evaluate(),
        synthetic=False,
        note="a note on the dataset",
        subjects=tuple(SUBJECTS),
    )
    evaluate(
        settings,
        embeddings=folder / "embeddings.h5",
        check=write_check(folder / "check.json", **check),
        rejects=folder / "rejects.csv",
        sequences=write_indexed(folder / "sequences.csv", sequences),
        out=folder / "casiab" / "gaittake" / "metrics.json",
        table=folder / "casiab_rank1.csv",
        probes=folder / "casiab" / "gaittake" / "probes.csv",
    )
    return read_json(folder / "casiab" / "gaittake" / "metrics.json")


def everything(lost: float = 0.0) -> pd.DataFrame:
    return made_up(SUBJECTS, NAMES, VIEWS, lost=lost)[1]


@pytest.mark.parametrize("partial", [False, True])
def test_a_table_without_one_pair_of_views_is_refused(tmp_path: Path, *, partial: bool) -> None:
    one_view = everything().query("view == '036'").reset_index(drop=True)
    protocol = PROTOCOL.model_copy(update={"views": ("036",)})
    with pytest.raises(UserError, match="nm probes and gallery have view 036 only, and pairs of"):
        run(tmp_path, one_view, partial=partial, protocol=protocol)
    assert not (tmp_path / "casiab_rank1.csv").exists()


@pytest.mark.parametrize("kept", ["nm-02", "nm-01"])
def test_a_partial_table_without_gallery_or_probes_is_refused(tmp_path: Path, kept: str) -> None:
    lacks = "gallery" if kept == "nm-02" else "probe"
    rest = everything().query(f"type == '{kept}'").reset_index(drop=True)
    with pytest.raises(UserError, match=f"no {lacks} sequence of the 12 test subjects"):
        run(tmp_path, rest, partial=True)


def test_single_missing_sequences_do_not_make_a_result_partial(tmp_path: Path) -> None:
    sequences = everything(lost=0.1)
    assert len(sequences) < len(everything())
    assert sequences["subject"].nunique() == len(SUBJECTS)
    metrics = run(tmp_path, sequences, partial=False)
    assert metrics["partial"] is None
    assert metrics["counts"]["sequences"] == len(sequences)
    assert metrics["counts"]["test_sequences"] == {"found": len(sequences), "expected": 108}
    assert metrics["coverage"] == f"Found {len(sequences)} of 108 test sequences."
    assert metrics["note"] == "a note on the dataset"
    table = pd.read_csv(tmp_path / "casiab_rank1.csv", dtype=str)
    assert table["dataset"].tolist() == ["casiab", "casiab"]
    assert list(table.columns) == ["dataset", "method", "condition", *VIEWS, "mean"]


def test_missing_subjects_and_views_fail_and_are_listed(tmp_path: Path) -> None:
    whole = everything()
    few = whole[~whole["subject"].isin(["076", "080"])]
    with pytest.raises(
        UserError,
        match=r"casiab: 2 of 12 test subjects have no usable sequence \(076, 080\);.*"
        r"protocol.partial=true",
    ):
        run(tmp_path, few, partial=False)
    views = whole[(whole["view"] != "036") | (whole["type"] != "cl-01")]
    with pytest.raises(UserError, match="casiab: no cl probe at view 036"):
        run(tmp_path, views, partial=False)
    gallery = whole[whole["view"].eq("090") | (whole["type"] != "nm-01")]
    with pytest.raises(UserError, match="no gallery sequence at views 000, 036"):
        run(tmp_path, gallery, partial=False)
    many = whole[whole["subject"].eq("075")]
    with pytest.raises(UserError, match=r"11 of 12 .*\(076, .*083, …\)") as error:
        run(tmp_path, many, partial=False)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "casiab").exists()


def test_partial_data_is_reported_in_metrics_table_log_and_terminal(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = everything()
    present = whole[~whole["subject"].isin(["076", "080"])]
    present = present[present["view"] != "036"].reset_index(drop=True)
    rejects = [
        tree.missing("002", (Path("/data/one"), Path("/data/two"))),
        tree.missing("076", (Path("/data/one"),)),
        Reject("index", "/data/Silhouette_000-00/003", "empty folder"),  # of one view
    ]
    with caplog.at_level(logging.WARNING):
        metrics = run(tmp_path, present, partial=True, rejects=rejects, missing=("002",))
    label = (
        "10 of 12 test subjects; 3 of 4 training subjects; no gallery at view 036; "
        "no nm at view 036; no cl at view 036"
    )
    assert metrics["partial"] == {
        "label": label,
        "test_subjects_missing": ["076", "080"],
        "train_subjects_missing": ["002"],
        "gallery_views_missing": ["036"],
        "probe_views_missing": {"nm": ["036"], "cl": ["036"]},
    }
    assert metrics["counts"]["subjects_missing"] == ["076", "080"]
    assert metrics["counts"]["rejects"]["index: subject of the protocol missing"] == 2
    assert f"casiab is partial: {label}" in caplog.text
    table = pd.read_csv(tmp_path / "casiab_rank1.csv", dtype=str, keep_default_na=False)
    assert table["dataset"].tolist() == [f"casiab (partial: {label})"] * 2
    assert table["036"].tolist() == ["", ""]
    assert "NaN" not in (tmp_path / "casiab/gaittake/metrics.json").read_text()
    cells = plain_cells(
        np.random.default_rng(1).random((len(present), 2, 3), dtype=np.float32),
        present,
        ["nm-01"],
        ["nm-02"],
    )
    expected = plain_condition(cells)["mean"]["rank1"]
    assert metrics["conditions"]["nm"]["mean"]["rank1"] == pytest.approx(expected)
    monkeypatch.setattr(sys, "argv", ["gaittake", "table", str(tmp_path / "casiab_rank1.csv")])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main()
    screen = capsys.readouterr().out
    assert "partial: 10 of 12 test subjects" in screen
    assert "PARTIAL" in screen
    assert str(tmp_path / "casiab/gaittake/metrics.json") in screen


def test_missing_training_subjects_are_reported_without_an_error(tmp_path: Path) -> None:
    metrics = run(tmp_path, everything(), partial=False, missing=("002",))
    assert metrics["partial"]["label"] == "3 of 4 training subjects"
    table = pd.read_csv(tmp_path / "casiab_rank1.csv", dtype=str)
    assert table["dataset"][0] == "casiab (partial: 3 of 4 training subjects)"


def test_a_condition_without_probes_is_empty_if_partial_data_is_allowed(
    tmp_path: Path,
) -> None:
    whole = everything()
    metrics = run(
        tmp_path, whole[whole["type"].str.startswith("nm")].reset_index(drop=True), partial=True
    )
    empty = metrics["conditions"]["cl"]
    assert set(empty["mean"].values()) == {None}
    assert (empty["interval"], empty["verification"], empty["pairs"]) == (None, None, [])
    assert metrics["conditions"]["nm"]["mean"]["rank1"] is not None
    rows = pd.read_csv(tmp_path / "casiab_rank1.csv", dtype=str, keep_default_na=False)
    assert rows["mean"].tolist()[1] == ""


def test_numbers_are_rounded_in_tables_only() -> None:
    assert percent(1 / 3) == "33.33"
    assert percent(None) == ""
    numbers = {
        "comparison": "views",
        "shown": ["rank1"],
        "mean": {"rank1": 2 / 3},
        "by_probe_view": {"rank1": {"090": None, "000": 1 / 3}},
    }
    metrics = {"dataset": "toy", "method": "gei", "partial": None, "conditions": {"nm": numbers}}
    row = table_rows(metrics, "rank1").iloc[0].to_dict()
    assert row == {
        "dataset": "toy",
        "method": "gei",
        "condition": "nm",
        "000": "33.33",
        "090": "",
        "mean": "66.67",
    }
    partial = metrics | {"partial": {"label": "1 of 2 test subjects"}}
    cell = table_rows(partial, "rank1")["dataset"][0]
    assert cell == "toy (partial: 1 of 2 test subjects)"
    assert dataset_of(cell) == dataset_of("toy") == "toy"


def test_training_sequences_without_colour_stand_beside_the_table(tmp_path: Path) -> None:
    few = {"sequences": 9, "of": 1000, "subjects": []}
    metrics = run(tmp_path, everything(), partial=False, without_colour=few)
    assert metrics["coverage"] == "9 of 1,000 training sequences have no colour video."
    assert metrics["partial"] is None
    many = few | {"sequences": 200}
    metrics = run(tmp_path, everything(), partial=True, without_colour=many)
    assert metrics["partial"]["label"] == "200 of 1,000 training sequences have no colour video"


def test_a_whole_dataset_has_no_note(tmp_path: Path) -> None:
    assert run(tmp_path, everything(), partial=False)["coverage"] == ""
