"""The protocols of the field's datasets, as their presets state them, against plain loops."""

from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gaittake.evaluation.probes import read_probes
from gaittake.evaluation.statistics import count_by_subject, mean_correct
from gaittake.settings import Protocol
from gaittake.settings.parse import read_yaml
from tests.evaluation.plain import Cell, Embeddings, made_up, plain_condition, plain_search
from tests.evaluation.test_protocols import CONFIG, evaluated

SUBJECTS = [f"{number:03d}" for number in range(20)]
Chosen = Callable[[str, str, str], bool]
Made = tuple[Embeddings, pd.DataFrame]


def preset(name: str, **changes: Any) -> Protocol:
    """Returns the protocol of a preset."""
    content = read_yaml(CONFIG / f"{name}.yaml")["protocol"]
    return Protocol.model_validate(content | changes)


def made_of(types: list[str], views: list[str], *, lost: float = 0.15, mean: float = 0.0) -> Made:
    """Returns random embeddings without some of the sequences, and without whole subjects."""
    embeddings, table = made_up(SUBJECTS, types, views, lost=lost, mean=mean)
    # Of one subject there is nothing but one sequence: a probe without a mate, or no probe.
    alone = table["subject"].eq(SUBJECTS[3]) & ~table["type"].eq(types[-1])
    kept = np.flatnonzero(~alone)
    return embeddings[kept], table.iloc[kept].reset_index(drop=True)


def assert_cells(numbers: dict[str, Any], cells: dict[tuple[str, str], Cell]) -> None:
    """Compares every cell of a condition, with all of its counts and metrics."""
    found = {(pair["probe_view"], pair["gallery_view"]): pair for pair in numbers["pairs"]}
    assert list(found) == sorted(cells)
    for place, cell in cells.items():
        assert found[place]["probes"] == len(cell.hits)
        assert found[place]["probes_matched"] == sum(bool(ranks) for ranks, _ in cell.hits)
        for metric, value in cell.numbers().items():
            expected = None if value is None else pytest.approx(value, abs=1e-12)
            assert found[place][metric] == expected, (place, metric)


def as_one(cells: dict[tuple[str, str], Cell]) -> dict[tuple[str, str], Cell]:
    """Returns the only cell of one gallery, by the names of `metrics.json`."""
    (cell,) = cells.values()
    return {("probes", "gallery"): cell}


def everything(view: str) -> str:
    return ""


def matrix_mean(cells: dict[tuple[str, str], Cell], metric: str, *, diagonal: bool) -> float:
    """Returns the mean over the probes' cells of the mean over the gallery's."""
    rows: dict[str, list[float]] = {}
    for (probe, gallery), cell in cells.items():
        value = cell.numbers()[metric]
        if (diagonal or probe != gallery) and value is not None:
            rows.setdefault(probe, []).append(value)
    return fmean(fmean(values) for values in rows.values())


def test_gait3d_searches_listed_probes_among_all_other_sequences(tmp_path: Path) -> None:
    types = ["camid0_videoid1", "camid1_videoid2", "camid2_videoid2"]
    embeddings, table = made_of(types, ["seq0", "seq1"])
    names = ["-".join(row) for row in table.itertuples(index=False)]
    probes = set(names[::4]) | {name for name in names if name.startswith(SUBJECTS[3])}
    protocol = preset("gait3d", listed_probes=[*sorted(probes), "019-lost_videoid9-seq0"])

    metrics = evaluated(tmp_path, embeddings, table, protocol)

    numbers = metrics["conditions"]["all"]
    is_probe: Chosen = lambda *row: "-".join(row) in probes  # noqa: E731
    cells = plain_search(
        embeddings, table, lambda *row: not is_probe(*row), is_probe, cell=everything
    )
    assert_cells(numbers, as_one(cells))
    assert numbers["shown"] == ["rank1", "rank5", "rank10", "map", "minp"]
    (cell,) = cells.values()
    for metric, value in cell.numbers().items():  # probes without a mate are counted both ways
        assert numbers["mean"][metric] == pytest.approx(value, abs=1e-12)
    assert numbers["mean"]["rank1"] < numbers["mean"]["rank1_matched"]
    rows = pd.read_csv(tmp_path / "rank1.csv", dtype=str)
    assert list(rows.columns)[3:] == ["mean", "rank5", "rank10", "map", "minp"]
    assert float(rows["minp"][0]) == pytest.approx(100 * cell.numbers()["minp"], abs=0.005)
    ranks = read_probes(tmp_path / "probes.csv")
    assert list(ranks.columns)[4:] == ["cell", "gallery"]
    assert mean_correct(count_by_subject(ranks, "all")) == numbers["mean"]["rank1"]
    same, different = len(cell.same), len(cell.different)
    pairs = numbers["verification"]
    assert (pairs["pairs_same"], pairs["pairs_different"]) == (same, different)


def test_ccpg_has_four_cases_in_two_conventions(tmp_path: Path) -> None:
    types = ["U0_D0_BG", "U0_D0", "U0_D3", "U1_D0", "U1_D1", "U2_D2", "U3_D3"]
    embeddings, table = made_of(types, ["00_1", "01_1", "01_2", "02_4"], lost=0.3)
    protocol = preset("ccpg")

    metrics = evaluated(tmp_path, embeddings, table, protocol)

    cases = ["CL", "UP", "DN", "BG"]
    names = [f"{case} {convention}" for case in cases for convention in ("reid", "gait")]
    assert list(metrics["conditions"]) == names
    for case in cases:
        held, probed = protocol.galleries[case], protocol.probes[case]
        search = (
            embeddings,
            table,
            lambda s, t, v, h=held: t in h,
            lambda s, t, v, p=probed: t in p,
        )
        cells = plain_search(*search, cell=everything, own_camera=False)
        reid = metrics["conditions"][f"{case} reid"]
        assert_cells(reid, as_one(cells))
        (cell,) = cells.values()
        for metric, value in cell.numbers().items():
            assert reid["mean"][metric] == pytest.approx(value, abs=1e-12)
        pairs = reid["verification"]
        assert (pairs["pairs_same"], pairs["pairs_different"]) == (
            *(len(cell.same), len(cell.different)),
        )
        cells = plain_search(*search, cell=lambda view: view[:2])
        gait = metrics["conditions"][f"{case} gait"]
        assert_cells(gait, cells)
        for metric, diagonal in (("rank1", False), ("rank1_diagonal", True)):
            expected = matrix_mean(cells, "rank1", diagonal=diagonal)
            assert gait["mean"][metric] == pytest.approx(expected, abs=1e-12)
        assert gait["mean"]["rank1"] != gait["mean"]["rank1_diagonal"]
    rows = pd.read_csv(tmp_path / "rank1.csv", dtype=str, keep_default_na=False)
    assert list(rows.columns)[2:] == ["condition", "mean", "map", "minp", "rank1_diagonal"]
    assert (rows["rank1_diagonal"] == "").tolist() == [True, False] * 4
    ranks = read_probes(tmp_path / "probes.csv")
    for name in names:  # the bootstrap has the mean of the table in both conventions
        mean = metrics["conditions"][name]["mean"]["rank1"]
        assert mean_correct(count_by_subject(ranks, name)) == pytest.approx(mean, abs=1e-12)
    merged = metrics["verification"]["pairs_same"]  # no pair counts in both conventions
    assert merged == sum(
        metrics["conditions"][f"{case} reid"]["verification"]["pairs_same"] for case in cases
    )


@pytest.mark.parametrize(
    ("name", "types", "views", "parts"),
    [
        (
            "sustech1k",
            ["00-nm", "01-nm", "01-bg-nt", "02-cl", "02-cr", "03-ub", "03-uf", "04-oc"],
            ["000", "045", "180"],
            {"Normal": "01-nm", "Bag": "bg", "Clothing": "cl", "Carrying": "cr", "Umbrella": "ub",
             "Uniform": "uf", "Occlusion": "oc", "Night": "nt", "Overall": "01 02 03 04"},
        ),
        (
            "casiae",
            [f"{height}-{scene}-{condition}-{n}" for height in "HL" for n in (1, 2)
             for scene in ("scene1", "scene2", "scene3", "scene3_s") for condition in ("nm", "bg")],
            ["000", "090", "270"],
            {"nm": "-nm-", "bg": "-bg-"},
        ),
    ],
)  # fmt: skip
def test_conditions_are_parts_of_names_across_views(
    tmp_path: Path, name: str, types: list[str], views: list[str], parts: dict[str, str]
) -> None:
    embeddings, table = made_of(types, views, lost=0.4)
    protocol = preset(name, partial=True)

    metrics = evaluated(tmp_path, embeddings, table, protocol)

    held = "scene1-nm" if name == "casiae" else "00-nm"
    for condition, words in parts.items():

        def is_probe(subject: str, kind: str, view: str, words: str = words) -> bool:
            shown = any(word in kind for word in words.split()) and "scene1" not in kind
            return shown and view not in protocol.views_excluded

        cells = plain_search(
            embeddings,
            table,
            lambda s, t, v: held in t and v not in protocol.views_excluded,
            is_probe,
            cell=lambda view: view,
        )
        assert_cells(metrics["conditions"][condition], cells)
        expected = plain_condition(cells)
        for metric in ("rank1", "rank5"):
            found = metrics["conditions"][condition]["mean"][metric]
            assert found == pytest.approx(expected["mean"][metric], abs=1e-12)
    columns = list(pd.read_csv(tmp_path / "rank1.csv").columns)[3:]
    shown = [view for view in views if view not in protocol.views_excluded]
    assert columns == [*shown, "mean", *(["rank5"] if name == "sustech1k" else [])]


def test_fvg_states_the_true_accepts_at_false_accepts(tmp_path: Path) -> None:
    types = [f"s{session}-{video:02d}" for session in (1, 2) for video in range(1, 13)]
    # Distances far from zero: their bins are narrow compared with their differences.
    embeddings, table = made_of(types, ["front"], lost=0.5)
    protocol = preset("fvg", partial=True)

    metrics = evaluated(tmp_path, embeddings, table, protocol)

    of = {
        "WS": [*types[3:9], *types[15:18]], "CB": types[9:12], "CL": types[18:21],
        "CBG": types[21:], "ALL": [name for name in types if name[3:] != "02"],
    }  # fmt: skip
    for condition, wanted in of.items():
        cells = plain_search(
            embeddings,
            table,
            lambda s, t, v: t[3:] == "02",
            lambda s, t, v, wanted=wanted: t in wanted,
            cell=everything,
        )
        numbers = metrics["conditions"][condition]
        assert_cells(numbers, as_one(cells))
        (cell,) = cells.values()
        different = sorted(cell.different)
        for metric, at in (("tar1", 0.01), ("tar5", 0.05)):
            limit = different[int(at * len(different))]  # the nearest that must not be accepted
            share = [
                sum(d < limit * (1 + e) for d in cell.same) / len(cell.same) for e in (-4e-3, 4e-3)
            ]
            assert share[0] <= numbers["mean"][metric] <= share[1]
    columns = list(pd.read_csv(tmp_path / "rank1.csv").columns)[3:]
    assert columns == ["mean", "tar1", "tar5"]


def test_grews_stand_in_searches_the_second_walk_among_the_first(tmp_path: Path) -> None:
    embeddings, table = made_up(SUBJECTS, ["01", "02"], ["walk"], lost=0.2)
    table["view"] = [f"{row:04x}" for row in range(len(table))]  # each sequence has its own name
    hidden = table["subject"].eq(SUBJECTS[0])
    table.loc[hidden, ["subject", "type"]] = "probe", "03"
    protocol = preset("grew")

    metrics = evaluated(tmp_path, embeddings, table, protocol)

    cells = plain_search(
        embeddings, table, lambda s, t, v: t == "01", lambda s, t, v: t == "02", cell=everything
    )
    assert_cells(metrics["conditions"]["walk 2"], as_one(cells))
    assert metrics["conditions"]["walk 2"]["shown"] == ["rank1", "rank5", "rank10", "rank20"]
    assert metrics["partial"] is None  # the official probes are nobody's missing sequences
