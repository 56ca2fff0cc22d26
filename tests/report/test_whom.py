"""Who is taken for whom: against the ranks of the evaluation and a hand-made matrix."""

from pathlib import Path

import pandas as pd
import pytest

from gaittake.io.ragged import open_ragged
from gaittake.report import whom
from gaittake.report.runs import read_runs
from gaittake.report.whom import matrix, shares_of, taken_for, whom_section
from gaittake.settings import Protocol
from tests.report.made import TESTED, settings, with_one_embedding
from tests.report.test_shapes import BOTH, runs_of


def test_the_searches_that_find_their_person_are_those_of_rank_1(
    dataset: Path, tmp_path: Path
) -> None:
    protocols = {"made": settings().protocol, "two conventions": Protocol.model_validate(BOTH)}
    for name, protocol in protocols.items():
        folder = tmp_path / name
        folder.mkdir()
        run = runs_of(dataset, folder, protocol)[1]
        with open_ragged(run.embeddings, kind="embeddings") as embeddings:
            found = taken_for(settings(protocol=protocol), embeddings)
        for condition in run.metrics["conditions"]:
            probes = run.probes[run.probes["condition"] == condition]
            cells = probes.melt(
                ["condition", "subject", "type", "view", "cell"], var_name="gallery_cell"
            )
            counted = (cells["gallery_cell"] != cells["cell"]) & (cells["value"] >= 0)
            ours = found[found["condition"] == condition]
            assert len(ours) == counted.sum() > 0
            right = (ours["subject"] == ours["taken_for"]).sum()
            assert right == (cells.loc[counted, "value"] == 1).sum()


def test_at_equal_distances_another_person_is_found(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    same = with_one_embedding(dataset, tmp_path / "same")
    run = runs_of(same, tmp_path / "runs", settings().protocol)[1]
    assert {numbers["mean"]["rank1"] for numbers in run.metrics["conditions"].values()} == {0.0}
    with open_ragged(run.embeddings, kind="embeddings") as embeddings:
        found = taken_for(settings(), embeddings)
    assert len(found) == 16
    assert (found["subject"] != found["taken_for"]).all()


def test_shares_are_of_the_searches_for_a_person() -> None:
    rows = [("a", "a"), ("a", "b"), ("a", "b"), ("a", "b"), ("b", "b")]
    shares = shares_of(pd.DataFrame(rows, columns=["subject", "taken_for"]))
    assert shares == {("a", "a"): 0.25, ("a", "b"): 0.75, ("b", "b"): 1.0}
    drawn = matrix("nm", ["a", "b"], shares)
    assert "most often, a is taken for b: 75.0 %" in drawn
    assert [f">{text}</text>" in drawn for text in ("25", "75", "100")] == [True] * 3
    assert drawn.count("<rect") == 4
    assert drawn.count('stroke-dasharray="3 3"') == 2
    assert 'data-tip="b taken for a: 0.0 %"' in drawn
    assert "nobody is taken for another" in matrix("nm", ["a"], {("a", "a"): 1.0})


def test_every_error_is_in_the_table(dataset: Path) -> None:
    runs = read_runs([dataset / "gaittake"])
    with open_ragged(runs[0].embeddings, kind="embeddings") as embeddings:
        found = taken_for(settings(), embeddings)
    wrong = found[found["subject"] != found["taken_for"]]
    text = whom_section(settings(), runs)
    assert f"({len(wrong)} of {len(found)} searches)" in text
    assert len(wrong) > 0
    for (name, person, other), count in wrong.value_counts().items():
        cells = "".join(f'<td class="word">{cell}</td>' for cell in (name, person, other))
        assert f'{cells}<td class="number">{count}</td>' in text


@pytest.mark.parametrize("limit", ["MOST", "MOST_PAIRS"])
def test_large_sets_get_the_reason_instead(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(whom, limit, 3)
    text = whom_section(settings(), read_runs([dataset / "gei"]))
    assert "<svg" not in text
    assert "at most 3" in text
    assert ("4 test people" in text) == (limit == "MOST")
    assert len(TESTED) == 4
