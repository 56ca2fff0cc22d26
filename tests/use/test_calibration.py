"""Shares and thresholds of the calibration, against counts of the pairs."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from gaittake.evaluation.verification import add, empty_histogram, verification
from gaittake.use.calibration import Calibration, calibration_of, share_within

RNG = np.random.default_rng(0)
SAME = RNG.normal(1.0, 0.2, 4000).astype(np.float32).clip(0.01)
DIFFERENT = RNG.normal(2.0, 0.3, 20000).astype(np.float32).clip(0.01)


@pytest.fixture
def measured() -> dict[str, Any]:
    """The verification results of these pairs."""
    histogram = empty_histogram()
    add(histogram.same, torch.from_numpy(SAME))
    add(histogram.different, torch.from_numpy(DIFFERENT))
    found = verification(histogram)
    assert found is not None
    return found


@pytest.mark.parametrize("distance", [0.5, 0.8, 1.0, 1.2, 1.5, 1.9, 2.4])
def test_shares_equal_counts_of_the_pairs(measured: dict[str, Any], distance: float) -> None:
    found = calibration_of(measured)
    assert found.same_farther(distance) == pytest.approx((distance < SAME).mean(), abs=0.01)
    assert found.different_nearer(distance) == pytest.approx(
        (distance >= DIFFERENT).mean(), abs=0.01
    )


def test_the_threshold_accepts_one_percent_of_pairs_of_two_people(measured: dict[str, Any]) -> None:
    found = calibration_of(measured)
    assert (found.threshold >= DIFFERENT).mean() == pytest.approx(0.01, abs=0.001)
    assert (found.threshold >= SAME).mean() == pytest.approx(found.true_accepts, abs=0.005)
    assert found.different_nearer(found.threshold) == pytest.approx(0.01, abs=0.002)


def test_shares_stop_at_the_outermost_quantiles(measured: dict[str, Any]) -> None:
    found = calibration_of(measured)
    assert (found.different_nearer(0.0), found.different_nearer(99.0)) == (0.001, 0.999)
    assert found.same_farther(0.0) == pytest.approx(0.999)
    assert found.same_farther(99.0) == pytest.approx(0.001)


def test_equal_quantiles_give_the_largest_share() -> None:
    assert share_within(2.0, (1.0, 2.0, 2.0, 3.0), (0.1, 0.2, 0.5, 0.9)) == 0.5
    assert share_within(2.5, (1.0, 2.0, 2.0, 3.0), (0.1, 0.2, 0.5, 0.9)) == pytest.approx(0.7)


def test_descending_or_missing_quantiles_are_refused(measured: dict[str, Any]) -> None:
    values = calibration_of(measured).model_dump()
    for wrong in (values["same"][::-1], values["same"][:-1]):
        with pytest.raises(ValidationError, match="ascending"):
            Calibration.model_validate(values | {"same": wrong})


def test_a_threshold_for_a_share_of_false_accepts_equals_a_count(measured: dict[str, Any]) -> None:
    found = calibration_of(measured)
    for share in (0.001, 0.005, 0.01, 0.1):
        count = (found.threshold_at(share) >= DIFFERENT).mean()
        assert count == pytest.approx(share, abs=0.002)
    with pytest.raises(ValueError, match=r"0\.001 or more"):
        found.threshold_at(0.0005)
