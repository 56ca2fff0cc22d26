"""Rates by group against plain loops; small groups are never named; faults in the table."""

from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd
import pytest

from gaittake.errors import UserError
from gaittake.evaluation.error_tables import groups_tables, rates_table
from gaittake.evaluation.groups import Errors, by_group, read_groups
from gaittake.pipeline import inputs
from gaittake.settings import Protocol, Settings
from tests.evaluation.plain import made_up
from tests.evaluation.test_protocols import evaluated
from tests.jobs import job_of

PEOPLE = [f"{n:03d}" for n in range(24)]


def table_of(values: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"sex": values}, index=pd.Index(PEOPLE))


def test_each_groups_rate_and_the_largest_difference_are_those_of_plain_loops() -> None:
    generator = np.random.default_rng(0)
    errors, trials = generator.integers(0, 5, 24), generator.integers(5, 9, 24)
    values = ["f"] * 10 + ["m"] * 9 + ["x"] * 5
    found = by_group(table_of(values), {"fnmr": Errors(errors, trials)}, PEOPLE)["sex"]
    expected = {
        name: sum(e for e, v in zip(errors, values, strict=True) if v == name)
        / sum(t for t, v in zip(trials, values, strict=True) if v == name)
        for name in "fmx"
    }
    for group in found["groups"]:
        rate = group["rates"]["fnmr"]
        assert rate["value"] == pytest.approx(expected[group["name"]])
        assert rate["interval"][0] < rate["value"] < rate["interval"][1]
        assert group["few"]
    largest = found["largest_difference"]["fnmr"]
    spread = max(expected.values()) - min(expected.values())
    assert largest["difference"] == pytest.approx(spread)
    assert expected[largest["groups"][0]] == max(expected.values())
    assert largest["interval"][0] < spread < largest["interval"][1]


def test_a_difference_of_groups_without_errors_has_their_bounds() -> None:
    errors = np.array([1] * 10 + [0] * 14)
    values = ["f"] * 10 + ["m"] * 8 + ["x"] * 6
    rates = {"fnmr": Errors(errors, np.full(24, 2)), "fmr": Errors(0 * errors, np.full(24, 2))}
    found = by_group(table_of(values), rates, PEOPLE)["sex"]["largest_difference"]
    assert found["fnmr"]["difference"] == 0.5  # each of f has one error in two, the others none
    assert found["fnmr"]["interval"] == pytest.approx([0.5 - 3 / 8, 0.5])
    assert found["fmr"]["interval"] == pytest.approx([-3 / 8, 3 / 10])


def test_the_interval_of_a_difference_contains_the_truth_in_about_95_percent_of_cases() -> None:
    generator, names = np.random.default_rng(0), ["f"] * 12 + ["m"] * 12
    contained = 0
    for _ in range(200):
        shares = generator.beta(2, np.repeat([2, 6], 12))  # 50 % and 25 % errors
        measured = {"fnmr": Errors(generator.binomial(6, shares), np.full(24, 6))}
        found = by_group(table_of(names), measured, PEOPLE)["sex"]["largest_difference"]["fnmr"]
        sign = 1 if found["groups"] == ["f", "m"] else -1
        low, high = sorted(sign * end for end in found["interval"])
        contained += low <= 0.25 <= high
    assert 0.91 <= contained / 200 <= 0.985


def test_groups_of_fewer_than_five_people_have_no_name_and_alone_no_rate() -> None:
    rates = {"fnmr": Errors(np.ones(24, int), np.full(24, 2))}
    values = ["f"] * 10 + ["m"] * 10 + ["rare"] * 3 + [""]
    found = by_group(table_of(values), rates, PEOPLE)["sex"]
    assert [group["name"] for group in found["groups"]] == ["f", "m"]
    assert found["pooled"] == {"groups": 1, "subjects": 3, "few": True, "rates": {}}
    assert found["not_stated"] == 1
    assert "rare" not in str(found)
    values = ["f"] * 10 + ["m"] * 8 + ["rare"] * 4 + ["odd"] * 2
    pooled = by_group(table_of(values), rates, PEOPLE)["sex"]["pooled"]
    assert (pooled["groups"], pooled["subjects"]) == (2, 6)
    assert pooled["rates"]["fnmr"]["value"] == 0.5


def test_the_metrics_have_the_rates_of_each_group(tmp_path: Path) -> None:
    views = ["000", "036", "090"]
    embeddings, sequences = made_up(PEOPLE, ["nm-01", "nm-02"], views, lost=0)
    protocol = Protocol(gallery=("nm-01",), probes={"nm": ("nm-02",)}, partial=True)
    path = tmp_path / "groups.csv"
    sexes = ["female" if n % 2 else "male" for n in range(24)]
    pd.DataFrame({"subject": PEOPLE, "sex": sexes}).to_csv(path, index=False)
    found = evaluated(tmp_path, embeddings, sequences, protocol, groups=path)
    numbers = found["conditions"]["nm"]
    probes = pd.read_csv(tmp_path / "probes.csv", dtype=str)
    for group in numbers["groups"]["sex"]["groups"]:
        assert group["subjects"] == 12
        people = [p for p, sex in zip(PEOPLE, sexes, strict=True) if sex == group["name"]]
        part = probes[probes["subject"].isin(people)]
        by_view = [
            fmean(
                (part.loc[part["view"] == view, other] == "1").mean()
                for other in views
                if other != view
            )
            for view in views
        ]
        assert group["rates"]["rank1"]["value"] == pytest.approx(fmean(by_view))
    overall = numbers["error_rates"]["fnmr"]["0.01"]["fnmr"]
    halves = [g["rates"]["fnmr"]["value"] for g in numbers["groups"]["sex"]["groups"]]
    assert fmean(halves) == pytest.approx(overall)  # halves of equally many pairs
    shown = groups_tables(found)["sex"]
    assert [row[1] for row in shown.rows] == ["female", "male", "largest difference"]
    assert shown.rows[0][2] == "12*"
    (row,) = rates_table([("GaitTAKE", found)]).rows
    assert row[2].startswith(f"{100 * overall:.1f} [")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,sex\n001,f\n", "columns .'subject'. are missing"),
        ("subject\n001\n", "only the column 'subject'"),
        ("subject,sex\n001,f\n001,m\n", "subject '001' is in two rows"),
        ("subject,sex\n1,f\n2,m\n", "none of its 2 subjects .'1', '2', …. is one of the 24"),
    ],
)
def test_faults_of_the_table_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "groups.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_groups(path, PEOPLE)


def test_a_table_of_nobody_is_refused_before_the_first_job(tmp_path: Path) -> None:
    table = tmp_path / "groups.csv"
    job = job_of(Settings.model_validate({"dataset": "x", "evaluate": {"groups": str(table)}}))
    table.write_text("subject,sex\n7,f\n")
    with pytest.raises(
        UserError, match=r"none of its 1 subjects .* is one of the 50 test subjects"
    ):
        inputs.groups(job)
    table.write_text("subject,sex\n075,f,x\n076,f,x,y\n")
    with pytest.raises(UserError, match="not a readable CSV table") as refused:
        inputs.groups(job)
    assert "\n" not in str(refused.value)
    table.write_text("subject,sex\n075,f\n")
    assert inputs.groups(job) == [table]
