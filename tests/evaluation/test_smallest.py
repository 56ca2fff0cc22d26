"""What a table could show: the smallest significant difference, against simulations."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from gaittake.evaluation.intervals import holm, least_p, p_value, resampled
from gaittake.evaluation.smallest import smallest_difference, smallest_sentence

SPREAD = 0.1  # standard deviation of one person's difference
SIMULATIONS = 60
T_15 = {0.05: 2.1314, 0.005: 3.2860}  # quantiles of Student's t with 15 degrees, two-sided


def sample(people: int, mean: float, seed: int) -> tuple[float, float]:
    """Returns the standard error and the p-value of a difference of normally spread people."""
    own = np.random.default_rng(seed).normal(mean, SPREAD, people)
    drawn = resampled(lambda weights: weights @ own / weights.sum(axis=1), people)
    assert drawn is not None
    return float(drawn.drawn.std()), p_value(drawn)


def table(*rows: tuple[str, int, float, bool]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["condition", "people", "error", "significant"])


@pytest.mark.parametrize("level", [0.05, 0.005])
def test_the_smallest_difference_is_students_interval_of_a_known_spread(level: float) -> None:
    found = [
        smallest_difference(16, sample(16, 0.0, seed)[0], level) for seed in range(SIMULATIONS)
    ]
    assert np.mean([x for x in found if x]) == pytest.approx(T_15[level] * SPREAD / 4, rel=0.06)


def test_a_true_difference_of_this_size_is_found_in_half_of_the_samples() -> None:
    smallest = T_15[0.05] * SPREAD / 4
    shares = [
        np.mean([sample(16, times * smallest, seed)[1] < 0.05 for seed in range(SIMULATIONS)])
        for times in (0.0, 1.0, 2.0)
    ]
    assert shares[0] < 0.15
    assert 0.35 < shares[1] < 0.65
    assert shares[2] > 0.9


def test_a_difference_is_significant_just_above_and_not_just_below_it() -> None:
    # Quantiles of a normal distribution: no skewness, and a mean of exactly 0.
    own = np.array([NormalDist(0, SPREAD).inv_cdf((place + 0.5) / 16) for place in range(16)])

    def found(mean: float) -> tuple[float, float]:
        drawn = resampled(lambda w: w @ (own + mean) / w.sum(axis=1), 16)
        assert drawn is not None
        return float(drawn.drawn.std()), p_value(drawn)

    smallest = smallest_difference(16, found(0.0)[0], 0.05)
    assert smallest is not None
    assert found(1.1 * smallest)[1] < 0.05 < found(0.9 * smallest)[1]


def test_few_people_show_no_difference_at_all_as_in_holms_correction() -> None:
    for people, comparisons in ((8, 6), (8, 9), (9, 9), (10, 18), (9, 18)):
        possible = max(holm([least_p(people)] * comparisons)) < 0.05
        smallest = smallest_difference(people, 0.05, 0.05 / comparisons)
        assert (smallest is not None) == possible
    assert smallest_difference(1, 0.05, 0.05) is None


def test_the_sentence_names_the_steadiest_and_the_most_variable_comparison() -> None:
    found = table(("nm", 16, 0.01, False), ("bg", 16, 0.02, False))
    low, high = (smallest_difference(16, error, 0.05 / 2) for error in (0.01, 0.02))
    assert low is not None
    assert high is not None
    assert smallest_sentence(found) == (
        "Smallest difference in rank-1 that this table of 2 comparisons could show as "
        f"significant: with 16 people, about {100 * low:.1f} points in the steadiest comparison, "
        f"{100 * high:.1f} in the most variable."
    )
    alone = smallest_sentence(found[:1])
    assert "this table of 1 comparison could show as significant: with 16 people, about" in alone
    assert alone.endswith("points.")


def test_a_significant_difference_counts_no_longer_as_a_comparison() -> None:
    one_left = table(("nm", 16, 0.02, True), ("bg", 16, 0.02, False))
    alone = smallest_difference(16, 0.02, 0.05)
    assert alone is not None
    assert f"about {100 * alone:.1f} points" in smallest_sentence(one_left)


def test_conditions_with_other_people_and_too_few_people_are_named() -> None:
    rows = [("same walk", 13, 0.02, True)] * 9 + [("other walk", 8, 0.03, False)] * 9
    said = smallest_sentence(table(*rows))
    assert "with 13 people (same walk), about " in said
    assert said.endswith("with 8 people (other walk), none, however large (that takes 9 people).")


def test_differences_that_do_not_vary_give_no_sentence() -> None:
    assert smallest_sentence(table(("nm", 16, 0.0, True))) == ""
    assert smallest_sentence(table()) == ""
