"""Significant differences: those of `compare`, in words, as a chart."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from gaittake.evaluation.compare import differences
from gaittake.evaluation.smallest import smallest_difference
from gaittake.report.chart import Axis
from gaittake.report.differences import compared, differences_section, forest, verdicts
from gaittake.report.runs import Run, read_runs
from tests.report.made import change_metrics, make_page

# Three methods: one is always right, one never, one in half of the cases.
ROWS = [
    ("nm", "good", "bad", 0.9, 0.8, 1.0, 0.0001, True),
    ("nm", "good", "fair", 0.1, -0.05, 0.2, 0.2, False),
    ("bg", "fair", "good", 0.2, 0.1, 0.3, 0.002, True),
]
FOUND = pd.DataFrame(
    ROWS,
    columns=["condition", "method", "other", "difference", "low", "high", "p_holm", "significant"],
)


@pytest.fixture
def runs(dataset: Path, tmp_path: Path) -> list[Run]:
    """Two methods: in nm `better` is always right and `worse` never; in bg both are."""
    folders = []
    for name, rank in (("worse", 2), ("better", 1)):
        folder = tmp_path / name
        shutil.copytree(dataset / "gei", folder)
        change_metrics(folder / "metrics.json", method=name)
        ranks = pd.read_csv(folder / "probes.csv", dtype={"subject": str, "view": str, "cell": str})
        views = list(ranks.columns[5:])
        ranks[views] = ranks[views].astype(int)
        ranks.loc[ranks["condition"] == "nm", views] = rank
        ranks.loc[ranks["condition"] == "bg", views] = 1
        # 16 people: a difference of the 4 alone is not significant.
        ranks = pd.concat([ranks.assign(subject=ranks["subject"] + tail) for tail in "abcd"])
        ranks.to_csv(folder / "probes.csv", index=False)
        folders.append(folder)
    return read_runs(folders)


def test_the_page_and_the_compare_stage_give_the_same_differences(runs: list[Run]) -> None:
    probes = {run.metrics["method"]: [run.embeddings.with_name("probes.csv")] for run in runs}
    theirs = differences(probes).set_index("condition")
    ours = compared(runs, same_view=False).set_index("condition")
    assert list(ours.index) == ["nm", "bg"]
    assert theirs.loc["nm", ["method", "other", "difference"]].to_list() == ["worse", "better", -1]
    assert ours.loc["nm", ["method", "other", "difference"]].to_list() == ["better", "worse", 1]
    assert ours.loc["nm", ["low", "high"]].to_list() == [1, 1]
    assert ours["significant"].to_list() == theirs["significant"].to_list() == [True, False]


def test_the_section_marks_significant_differences(runs: list[Run]) -> None:
    text = differences_section(runs, same_view=False)
    words = re.sub(r"<[^>]+>", "|", text)
    assert re.search(
        r"nm\|+better\|+worse\|+\+100\.0\|+\+100\.0 … \+100\.0\|+&lt; 0\.001\|+yes", words
    )
    assert re.search(r"bg\|+worse\|+better\|+\+0\.0\|+\+0\.0 … \+0\.0\|+1\.000\|+no", words)
    assert text.count('fill="var(--heat)"') == text.count('fill="var(--paper)"') == 1


def test_the_section_says_which_differences_it_could_show(runs: list[Run]) -> None:
    worse = next(run for run in runs if run.metrics["method"] == "worse")
    path = worse.embeddings.with_name("probes.csv")
    ranks = pd.read_csv(path, dtype={"subject": str, "view": str, "cell": str})
    wrong = (ranks["condition"] == "bg") & ranks["subject"].str.endswith("a")
    ranks.loc[wrong, ranks.columns[5:]] = 2
    ranks.to_csv(path, index=False)
    # nm is significant and does not vary, so the level is that of bg alone.
    (error,) = compared(runs, same_view=False).query("condition == 'bg'")["error"]
    smallest = smallest_difference(16, error, 0.05)
    assert smallest is not None
    assert (
        "Smallest difference in rank-1 that this table of 2 comparisons could show as "
        f"significant: with 16 people, about {100 * smallest:.1f} points."
    ) in differences_section(runs, same_view=False)


def test_the_best_method_is_compared_with_each_other_one_in_words() -> None:
    words = verdicts(FOUND, "good")
    assert "good against bad, significantly better: nm." in words
    assert "good against fair, significantly worse: bg; no significant difference: nm." in words
    assert words.count("<li>") == 2


def test_the_chart_has_an_alternative_text_and_stays_in_its_frame() -> None:
    drawn = forest("nm", FOUND[:2], Axis("points", -10.0, 100.0))
    assert "good − bad +90.0 (+80.0 to +100.0), significant" in drawn
    assert "good − fair +10.0 (−5.0 to +20.0), not significant" in drawn
    ends = [float(x) for x in re.findall(r'(?:x1|x2|cx)="([\d.]+)"', drawn)]
    assert min(ends) >= 0
    assert max(ends) <= 340
    middles = [float(x) for x in re.findall(r'cx="([\d.]+)"', drawn)]
    assert middles[0] > middles[1]


def test_a_table_with_one_method_has_no_differences(dataset: Path, tmp_path: Path) -> None:
    text = make_page(dataset, tmp_path / "p.html", methods=("gei",))
    assert "The table has one method only, so there is no difference." in text


def test_the_seeds_of_a_method_count_as_one_method(dataset: Path, tmp_path: Path) -> None:
    copied = tmp_path / "blobs"
    shutil.copytree(dataset, copied)
    shutil.copytree(copied / "gaittake", copied / "gaittake-seed1")
    once, twice = (
        compared(read_runs([copied / name for name in names]), same_view=False)
        for names in (("gei", "gaittake"), ("gei", "gaittake", "gaittake-seed1"))
    )
    pd.testing.assert_frame_equal(once, twice)
