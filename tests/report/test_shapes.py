"""Tables and the report of protocols with one gallery, and of two conventions side by side."""

import re
from pathlib import Path

import pandas as pd
import pytest

from gaittake.evaluation.compare import compare
from gaittake.evaluation.evaluate import evaluate
from gaittake.io.ragged import RaggedWriter, open_ragged
from gaittake.report.attention import attention_section
from gaittake.report.build import page
from gaittake.report.curves import identification_section, verification_section, views_section
from gaittake.report.differences import differences_section
from gaittake.report.matches import chosen_probes, matches_section
from gaittake.report.results import headline, rank1_section
from gaittake.report.runs import Run, read_runs
from gaittake.settings import CompareStage, Evaluate, EvaluateStage, Protocol, ReportStage
from tests.evaluation.plain import write_check
from tests.report.made import TESTED, settings, with_one_embedding

# The dataset's views, 000 and 090, are cameras of their own.
ONE = {"gallery": ["nm-01"], "probes": {"all": ["nm-05", "bg-01"]}, "comparison": ["gallery"]}
BOTH = ONE | {"comparison": ["reid", "gait"]}


def runs_of(dataset: Path, folder: Path, protocol: Protocol) -> list[Run]:
    """Returns the dataset's two methods, evaluated in another protocol."""
    folders = []
    for method in ("gei", "gaittake"):
        place = folder / method
        place.mkdir()
        for name in ("embeddings.h5", "weights.safetensors", "train.csv"):
            if (source := dataset / method / name).exists():
                (place / name).symlink_to(source)
        evaluate(
            EvaluateStage(
                dataset="blobs", method=method, protocol=protocol, evaluate=Evaluate(),
                synthetic=True, subjects=TESTED,
            ),
            embeddings=place / "embeddings.h5",
            check=write_check(folder / "check.json"),
            rejects=dataset / "rejects.csv",
            sequences=dataset / "sequences.csv",
            out=place / "metrics.json",
            table=place / "rank1.csv",
            probes=place / "probes.csv",
        )  # fmt: skip
        folders.append(place)
    compare(
        CompareStage(dataset="blobs", table="rank1", layout="walkers", same_view=False),
        [place / "metrics.json" for place in folders],
        [place / "probes.csv" for place in folders],
        out=folder / "rank1.csv",
        markdown=folder / "rank1.md",
    )
    return read_runs(folders)


def page_of(dataset: Path, folder: Path, protocol: Protocol, runs: list[Run]) -> str:
    """Returns the sections that depend on the protocol."""
    record: ReportStage = settings(protocol=protocol)
    return page(
        record,
        runs,
        [
            rank1_section(record, runs, folder / "rank1.csv"),
            differences_section(runs, same_view=False),
            views_section(runs),
            identification_section(runs, same_view=False),
            verification_section(runs),
            matches_section(record, runs, dataset / "cache.h5"),
            attention_section(runs, dataset / "cache.h5"),
        ],
    )


def test_one_gallery_has_columns_of_metrics_and_no_map_of_views(
    dataset: Path, tmp_path: Path
) -> None:
    protocol = Protocol.model_validate(ONE)
    runs = runs_of(dataset, tmp_path, protocol)
    rows = pd.read_csv(tmp_path / "rank1.csv", dtype=str, keep_default_na=False)
    shown = ["mean", "rank5", "rank10", "map", "minp"]
    assert list(rows.columns)[3:8] == shown
    assert rows["method"].tolist() == ["chance", "gei", "gaittake"]
    assert rows.loc[0, "mean"] != ""
    assert rows.loc[0, "map"] == ""
    for row, run in zip(rows.to_dict("records")[1:], runs, strict=True):
        mean = run.metrics["conditions"]["all"]["mean"]
        for column in shown:
            metric = "rank1" if column == "mean" else column
            assert row[column] == f"{100 * mean[metric]:.2f}"
            assert row[f"{column}_matched"] == f"{100 * mean[f'{metric}_matched']:.2f}"
        assert float(row["low"]) <= float(row["mean"]) <= float(row["high"])
    text = (tmp_path / "rank1.md").read_text()
    assert "| condition | method | rank-1 | rank-5 | rank-10 | mAP | mINP |" in text
    assert "In %." in text
    assert "by view" not in text
    html = page_of(dataset, tmp_path, protocol, runs)
    assert "All gallery sequences are searched together." in html
    for title in ("rank-1", "rank-5", "rank-10", "mAP", "mINP"):
        assert f">{title}</th>" in html
    assert "in one gallery" in headline(runs, same_view=False)
    assert "→ gallery" not in html


def test_sequences_without_a_role_are_not_counted_below_the_first_number(
    dataset: Path, tmp_path: Path
) -> None:
    protocol = Protocol.model_validate(ONE | {"probes": {"all": ["nm-05"]}})
    runs = runs_of(dataset, tmp_path, protocol)
    assert runs[0].metrics["counts"]["sequences"] == 24  # with those of bg-01
    assert "with 16 sequences in gallery and probes" in headline(runs, same_view=False)


def test_two_conventions_are_two_rows(dataset: Path, tmp_path: Path) -> None:
    protocol = Protocol.model_validate(BOTH)
    runs = runs_of(dataset, tmp_path, protocol)
    rows = pd.read_csv(tmp_path / "rank1.csv", dtype=str, keep_default_na=False)
    assert rows["condition"].unique().tolist() == ["all reid", "all gait"]
    assert list(rows.columns)[3:7] == ["mean", "map", "minp", "rank1_diagonal"]
    measured = rows[rows["method"] != "chance"]
    reid = measured["condition"] == "all reid"
    assert (measured.loc[reid, "rank1_diagonal"] == "").all()
    assert (measured.loc[~reid, "rank1_diagonal"] != "").all()
    assert (measured.loc[~reid, ["map", "map_matched"]] == "").all().all()
    html = page_of(dataset, tmp_path, protocol, runs)
    assert ">rank-1 with the same camera</th>" in html
    assert html.count("Rank-1 by probe and gallery view, all gait") == len(runs)
    assert "Rank-1 by probe and gallery view, all reid" not in html


def test_the_matches_of_a_probe_have_the_rank_of_the_evaluation(
    dataset: Path, tmp_path: Path
) -> None:
    for number, content in enumerate((ONE, BOTH)):
        (tmp_path / str(number)).mkdir()
        protocol = Protocol.model_validate(content)
        runs = runs_of(dataset, tmp_path / str(number), protocol)
        record = settings(protocol=protocol)
        found = [
            p
            for name in runs[1].metrics["conditions"]
            for p in chosen_probes(record, runs[1], name)
        ]
        assert found
        html = matches_section(record, runs[1:], dataset / "cache.h5")
        for probe in found:
            drawn = re.search(
                rf'aria-label="{probe.subject}/{probe.type}, [^"]*at rank {probe.rank}\. ([^"]*)"',
                html,
            )
            assert drawn is not None
            if probe.rank <= 5:  # among the pictures: the person is not drawn before its rank
                places = re.findall(r"place (\d+) \S+ same person", drawn[1])
                assert int(places[0]) == probe.rank


def test_at_equal_distances_the_person_of_a_probe_is_drawn_last(
    dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "runs").mkdir()
    same = with_one_embedding(dataset, tmp_path / "same")
    protocol = Protocol.model_validate(ONE)
    runs = runs_of(same, tmp_path / "runs", protocol)
    html = matches_section(settings(protocol=protocol), runs[1:], same / "cache.h5")
    drawn = re.findall(r"same person at rank (\d+)\. ([^\"]*)\"", html)
    assert drawn
    for rank, places in drawn:  # 6 sequences of other people and 2 of the person
        assert (rank, re.findall(r"place (\d+) \S+ same person", places)) == ("7", ["7", "8"])


def test_a_table_of_one_gallery_is_printed(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gaittake.cli.show import table

    runs_of(dataset, tmp_path, Protocol.model_validate(ONE))
    table(tmp_path / "rank1.csv")
    said = capsys.readouterr().out
    for title in ("rank-1", "rank-5", "mAP", "mINP", "In %"):
        assert title in said


def test_the_embeddings_are_searched_only_where_they_count(dataset: Path, tmp_path: Path) -> None:
    """A probe whose subject was recorded by its camera alone has no match in `reid`."""
    with open_ragged(dataset / "gaittake/embeddings.h5", kind="embeddings") as opened:
        rows, table = opened.read("embeddings"), opened.sequences
    kept = [row for row in range(len(table)) if table["view"][row] == "090"]
    path = tmp_path / "embeddings.h5"
    arrays = {"embeddings": ("float32", rows.shape[1:])}
    with RaggedWriter(path, kind="embeddings", arrays=arrays) as out:
        for row in kept:
            identity = tuple(table.loc[row, ["subject", "type", "view"]])
            out.append(identity, embeddings=rows[row][None])
    evaluate(
        EvaluateStage(
            dataset="blobs",
            method="gaittake",
            protocol=Protocol.model_validate(ONE | {"comparison": ["reid"]}),
            evaluate=Evaluate(),
            synthetic=True,
            subjects=TESTED,
        ),
        embeddings=path,
        check=write_check(tmp_path / "check.json"),
        rejects=dataset / "rejects.csv",
        sequences=dataset / "sequences.csv",
        out=tmp_path / "metrics.json",
        table=tmp_path / "rank1.csv",
        probes=tmp_path / "probes.csv",
    )
    ranks = pd.read_csv(tmp_path / "probes.csv", dtype=str)
    assert set(ranks["gallery"]) == {"0"}
    printed = pd.read_csv(tmp_path / "rank1.csv", dtype=str, keep_default_na=False)
    assert printed.loc[0, ["mean", "map", "minp"]].tolist() == ["0.00"] * 3
