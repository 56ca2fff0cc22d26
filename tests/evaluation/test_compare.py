"""Tables of several methods and seeds, and their Markdown page."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from gaittake.evaluation.compare import compare
from gaittake.evaluation.page import markdown_table
from gaittake.evaluation.tables import published
from gaittake.io.tables import read_json, write_json
from gaittake.settings import CompareStage

VIEWS = ("000", "090")
SUBJECTS = [f"{number:03d}" for number in range(1, 31)]


def write_run(
    folder: Path, method: str, wrong: int, *, seed: int = 0, matched: float = 0.0
) -> tuple[Path, Path]:
    """Writes metrics and probes of a run that is wrong for the first `wrong` of 30 subjects."""
    folder.mkdir(parents=True)
    share = 1 - wrong / len(SUBJECTS)
    views = dict.fromkeys(VIEWS, share)
    numbers = {
        "comparison": "views",
        "shown": ["rank1"],
        "mean": {"rank1": share, "rank1_matched": matched or share, "chance": 0.1},
        "by_probe_view": {
            "rank1": views,
            "rank1_matched": views,
            "chance": dict.fromkeys(views, 0.1),
        },
    }
    metrics = {"dataset": "people", "method": method, "synthetic": True, "note": "A note."}
    metrics |= {"partial": None, "coverage": "Found 299 of 300 test sequences."}
    metrics |= {"conditions": {"nm": numbers}, "seed": seed, "unpublished": {}}
    write_json(metrics, folder / "metrics.json")
    rows = [
        ("nm", subject, "nm-05", view, view, *(2 if place < wrong else 1 for _ in VIEWS))
        for place, subject in enumerate(SUBJECTS)
        for view in VIEWS
    ]
    columns = ["condition", "subject", "type", "view", "cell", *VIEWS]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "probes.csv", index=False)
    return folder / "metrics.json", folder / "probes.csv"


def tables(folder: Path, table: str, layout: str = "walkers") -> tuple[pd.DataFrame, str]:
    """Returns table and page of a good method with two seeds and of a poor one."""
    runs = [
        write_run(folder / "good", "gaittake", 3),
        write_run(folder / "good-seed1", "gaittake", 6, seed=1),
        write_run(folder / "poor", "gei", 21),
    ]
    compare(
        CompareStage(dataset="people", table=table, layout=layout, same_view=False),
        [metrics for metrics, _ in runs],
        [probes for _, probes in runs],
        out=folder / "table.csv",
        markdown=folder / "table.md",
    )
    found = pd.read_csv(folder / "table.csv", dtype=str, keep_default_na=False)
    return found, (folder / "table.md").read_text()


def put_together(runs: list[tuple[Path, Path]], folder: Path) -> None:
    """Writes table.csv and table.md of these runs: their metrics and probes."""
    compare(
        CompareStage(dataset="people", table="rank1", layout="walkers", same_view=False),
        [metrics for metrics, _ in runs],
        [probes for _, probes in runs],
        out=folder / "table.csv",
        markdown=folder / "table.md",
    )


def test_the_rank1_table_has_the_documented_columns(tmp_path: Path) -> None:
    rows, _ = tables(tmp_path, "rank1")
    statistics = ["deviation", "low", "high", "mean_matched"]
    assert list(rows.columns) == [
        *("dataset", "method", "condition", "000", "090", "mean"),
        *statistics,
    ]
    assert list(rows["method"]) == ["chance", "gaittake", "gei"]
    assert list(rows["mean"]) == ["10.00", "85.00", "30.00"]


def test_measured_error_rates_are_the_last_columns_as_means_over_seeds(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / str(seed), "gaittake", 3, seed=seed) for seed in (0, 1)]
    for (path, _), fnmr in zip(runs, (0.1, 0.3), strict=True):
        metrics = json.loads(path.read_text())
        metrics["conditions"]["nm"]["error_rates"] = {
            "fnmr": {"0.01": {"fnmr": fnmr, "interval": [0.05, 0.4]}, "0.001": None},
            "failure_to_acquire": {"rate": 0.0},
        }
        write_json(metrics, path)
    put_together(runs, tmp_path)
    rows = pd.read_csv(tmp_path / "table.csv", dtype=str)
    assert list(rows.columns[-3:]) == ["mean_matched", "fnmr_fmr1", "failure_to_acquire"]
    assert list(rows.iloc[1][-2:]) == ["20.00", "0.00"]


@pytest.mark.parametrize("table", ["rank1", "table"])
def test_every_table_has_deviation_and_interval(tmp_path: Path, table: str) -> None:
    rows, _ = tables(tmp_path, table)
    good, poor = rows.iloc[1], rows.iloc[2]
    assert good["mean"] == "85.00"
    assert good["deviation"] == "7.07"  # of 90 and 80
    assert float(good["low"]) < 85 < float(good["high"])
    assert poor["deviation"] == ""
    assert float(poor["low"]) < 30 < float(poor["high"])


def test_the_page_has_the_significant_differences_and_the_synthetic_notice(tmp_path: Path) -> None:
    _, page = tables(tmp_path, "table")
    assert "synthetic" in page
    assert "A note. Found 299 of 300 test sequences." in page
    assert "**85.00** ± 7.07 [" in page
    assert "<u>30.00</u>" in page
    (line,) = [line for line in page.splitlines() if "+55.0" in line]
    assert line.startswith("| nm | GaitTAKE | GEI |")
    assert line.endswith("| yes |")
    shows = "this table of 1 comparison could show as significant: with 30 people, about"
    assert re.search(rf"{re.escape(shows)} \d+\.\d points\.\n\n\| condition", page)


def test_a_method_of_the_user_has_one_name_in_all_tables_of_the_page(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "mine", "mean_map", 3),
        write_run(tmp_path / "gei", "gei", 21),
    ]
    put_together(runs, tmp_path)
    page = (tmp_path / "table.md").read_text()
    assert "| nm | mean map | GEI | +60.0 |" in page
    assert "mean_map" not in page


def test_probes_without_a_match_get_a_table_of_the_others(tmp_path: Path) -> None:
    assert "with a match in the gallery" not in tables(tmp_path / "all", "rank1")[1]
    metrics, probes = write_run(tmp_path / "some", "gaittake", 3, matched=0.95)
    compare(
        CompareStage(dataset="people", table="rank1", layout="oumvlp", same_view=False),
        [metrics],
        [probes],
        out=tmp_path / "table.csv",
        markdown=tmp_path / "table.md",
    )
    rows = pd.read_csv(tmp_path / "table.csv", dtype=str, keep_default_na=False)
    assert list(rows["mean_matched"]) == ["", "95.00"]
    page = (tmp_path / "table.md").read_text()
    assert "| nm | GaitTAKE | 90.00 | 95.00 |" in page


def test_settings_that_differ_from_the_published_ones_stand_beside_the_table(
    tmp_path: Path,
) -> None:
    metrics, probes = write_run(tmp_path / "short", "gaittake", 3)
    content = read_json(metrics)
    content["unpublished"] = {"train.steps": "2 instead of 80000"}
    write_json(content, metrics)
    compare(
        CompareStage(dataset="people", table="rank1", layout="casiab", same_view=False),
        [metrics],
        [probes],
        out=tmp_path / "table.csv",
        markdown=tmp_path / "table.md",
    )
    page = (tmp_path / "table.md").read_text()
    said = "Settings that differ from the published ones: GaitTAKE: train.steps 2 instead of 80000."
    assert page.index(said) < page.index("## Published")


def test_published_numbers_are_shown_for_the_real_datasets_only(tmp_path: Path) -> None:
    assert "## Published" not in tables(tmp_path / "synthetic", "table")[1]
    page = tables(tmp_path / "real", "table", layout="casiab")[1]
    assert "Hsu et al. 2022, Table 1" in page
    assert "the paper prints 94.9" in page


def test_the_mean_of_each_published_row_agrees_with_its_views() -> None:
    for layout, views in (("casiab", 11), ("oumvlp", 14)):
        found = published(layout)
        assert found is not None
        figures = found[1].set_index(["method", "condition"]).astype(float)
        assert len(figures.columns) == views + 1
        off = (figures.drop(columns="mean").mean(axis=1) - figures["mean"]).abs()
        # The printed means of a GaitPart and a GaitTAKE row are off by 0.1 and 0.2.
        assert off.max() < 0.25, off[off > 0.06]
    assert published("walkers") is None


def test_the_best_is_bold_the_second_underlined_and_equal_numbers_get_one_mark() -> None:
    rows = pd.DataFrame(
        {
            "method": ["chance", "gei", "gaitset", "mt3d", "gaittake"],
            "condition": "nm",
            "000": ["99.00", "50.00", "70.00", "70.00", "60.00"],
            "mean": ["1.00", "50.00", "", "70.00", "60.00"],
        }
    )
    lines = markdown_table(rows).splitlines()[2:]
    cells = [[cell.strip() for cell in line.split("|")[3:5]] for line in lines]
    assert [first for first, _ in cells] == [
        "99.00",
        "50.00",
        "**70.00**",
        "**70.00**",
        "<u>60.00</u>",
    ]
    assert [mean for _, mean in cells] == ["1.00", "50.00", "", "**70.00**", "<u>60.00</u>"]


def test_the_misprint_of_the_paper_is_corrected() -> None:
    found = published("casiab")
    assert found is not None
    row = found[1].query("method == 'gaitpart' and condition == 'bg'").iloc[0]
    assert row["090"] == "84.9"
