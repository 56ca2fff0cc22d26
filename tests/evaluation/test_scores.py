"""The exported distances are those of plain loops; too many pairs are refused."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from gaittake.errors import UserError
from gaittake.evaluation.scores import write_scores
from gaittake.settings import Evaluate, EvaluateStage, Protocol
from tests.evaluation.plain import distance, made_up, write_embeddings


def stage(comparison: str) -> EvaluateStage:
    protocol = {"gallery": ["nm-01"], "probes": {"nm": ["nm-02"]}, "comparison": [comparison]}
    return EvaluateStage(
        dataset="toy",
        method="gei",
        protocol=Protocol.model_validate(protocol),
        evaluate=Evaluate(),
        synthetic=False,
        subjects=("001", "002", "003"),
    )


@pytest.mark.parametrize("comparison", ["views", "reid"])
def test_every_counted_pair_is_written_once(tmp_path: Path, comparison: str) -> None:
    views = ["00_1", "00_2", "01_1"]
    embeddings, sequences = made_up(["001", "002", "003"], ["nm-01", "nm-02"], views, lost=0)
    path = write_embeddings(tmp_path / "embeddings.h5", embeddings, sequences)
    write_scores(stage(comparison), embeddings=path, out=tmp_path / "scores.csv", most=1000)
    found = pd.read_csv(tmp_path / "scores.csv")
    expected = {}
    rows = list(sequences.itertuples(index=False, name=None))
    for one, (subject, kind, view) in enumerate(rows):
        for other, (owner, held, place) in enumerate(rows):
            apart = (
                view != place
                if comparison == "views"
                else (subject != owner or view[:2] != place[:2])
            )
            if kind == "nm-02" and held == "nm-01" and apart:
                names = "/".join(rows[one]), "/".join(rows[other])
                pair = distance(embeddings[one], embeddings[other])
                expected[names] = (int(subject == owner), pytest.approx(pair, rel=1e-6))
    assert len(found) == len(expected)
    for row in found.itertuples(index=False):
        assert (row.same, row.distance) == expected[row.probe, row.gallery]
    assert set(found["condition"]) == {"nm"}


def test_a_name_with_gz_is_compressed_and_too_many_pairs_are_refused(tmp_path: Path) -> None:
    embeddings, sequences = made_up(["001", "002"], ["nm-01", "nm-02"], ["000", "090"], lost=0)
    path = write_embeddings(tmp_path / "embeddings.h5", embeddings, sequences)
    write_scores(stage("views"), embeddings=path, out=tmp_path / "scores.csv.gz", most=1000)
    with gzip.open(tmp_path / "scores.csv.gz", "rt") as file:
        assert len(file.readlines()) == 9
    with pytest.raises(UserError, match=r"8 pairs, .* at most 7 are allowed"):
        write_scores(stage("views"), embeddings=path, out=tmp_path / "s.csv", most=7)
    assert not (tmp_path / "s.csv").exists()
