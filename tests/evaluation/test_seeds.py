"""One method over several seeds."""

from typing import Any

import pytest

from gaittake.errors import UserError
from gaittake.evaluation.seeds import over_seeds, percent_with_deviation


def metrics(mean: float, dataset: str = "toy") -> dict[str, Any]:
    numbers = {"mean": {"rank1": mean}, "by_probe_view": {"rank1": {"0": mean, "90": None}}}
    return {"dataset": dataset, "conditions": {"nm": numbers}}


def test_mean_and_deviation_are_those_of_the_seeds() -> None:
    found = over_seeds([metrics(0.80), metrics(0.84), metrics(0.88)])["nm"]
    assert found.mean is not None
    assert found.mean.mean == pytest.approx(0.84)
    assert found.mean.deviation == pytest.approx(0.04)
    assert found.by_probe_view["0"] == found.mean
    assert found.by_probe_view["90"] is None
    assert percent_with_deviation(found.mean) == "84.00 ± 4.00"
    assert percent_with_deviation(None) == ""


def test_one_seed_has_no_deviation() -> None:
    found = over_seeds([metrics(0.8)])["nm"]
    assert percent_with_deviation(found.mean) == "80.00"


def test_seeds_of_other_data_or_conditions_are_refused() -> None:
    with pytest.raises(UserError, match="same dataset, found other and toy"):
        over_seeds([metrics(0.8), metrics(0.8, "other")])
    less = metrics(0.8) | {"conditions": {}}
    with pytest.raises(UserError, match="same conditions"):
        over_seeds([metrics(0.8), less])
