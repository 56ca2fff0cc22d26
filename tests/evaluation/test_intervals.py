"""Intervals, p-values and Holm's correction against hand-made numbers and plain loops."""

from statistics import NormalDist, fmean

import numpy as np
import pytest

from gaittake.evaluation.intervals import (
    Resampled,
    holm,
    interval,
    p_value,
    rate_interval,
    resampled,
    rule_of_three,
    student,
    widened_tail,
)

VALUES = [0.1, 0.9, 0.8, 0.95, 0.7, 0.6, 1.0, 0.85]


def mean_of(values: list[float]) -> Resampled:
    numbers = np.array(values)
    found = resampled(lambda w: w @ numbers / w.sum(axis=1), len(values))
    assert found is not None
    return found


def test_students_distribution_has_the_values_of_printed_tables() -> None:
    for degrees, at in ((1, 12.706), (2, 4.303), (7, 2.365), (15, 2.131), (50, 2.009)):
        assert student(at, degrees) == pytest.approx(0.975, abs=1e-4)
    assert student(0.0, 3) == 0.5


def test_the_interval_is_bca_of_a_plain_loop_with_widened_levels() -> None:
    found, normal = mean_of(VALUES), NormalDist()
    value = fmean(VALUES)
    without = [fmean(VALUES[:place] + VALUES[place + 1 :]) for place in range(len(VALUES))]
    assert found.without == pytest.approx(without)
    steps = [fmean(without) - each for each in without]
    skewness = sum(s**3 for s in steps) / (6 * sum(s**2 for s in steps) ** 1.5)
    assert abs(skewness) > 0.05
    below = sum(d < value - 1e-12 for d in found.drawn)
    equal = sum(abs(d - value) <= 1e-12 for d in found.drawn)
    bias = normal.inv_cdf((below + equal / 2) / len(found.drawn))
    levels = []
    for side in (-1, 1):
        place = bias + side * (8 / 7) ** 0.5 * 2.3646
        levels.append(normal.cdf(bias + place / (1 - skewness * place)))
    assert interval(found) == pytest.approx(np.quantile(found.drawn, levels), abs=1e-3)
    assert widened_tail(8) == pytest.approx(normal.cdf(-((8 / 7) ** 0.5) * 2.3646), abs=1e-5)


def test_a_rate_without_errors_has_the_bound_of_three_over_n() -> None:
    assert rate_interval(mean_of([0.0] * 30)) == (0, pytest.approx(0.1))
    assert rate_interval(mean_of([1.0] * 30)) == (pytest.approx(0.9), 1)
    assert rate_interval(mean_of([0.5] * 30)) == (0.5, 0.5)
    assert interval(mean_of([0.0] * 30)) == (0, 0)  # of a difference
    assert rule_of_three(2) == 1


def test_one_subject_has_no_interval() -> None:
    assert rate_interval(mean_of([1.0])) is None
    assert p_value(mean_of([1.0])) == 1


def test_the_p_value_is_the_level_at_which_the_interval_ends_in_zero() -> None:
    generator = np.random.default_rng(0)
    for shift in (0.0, 0.2, 0.4, 0.6, 0.8):
        values = (generator.exponential(1, 12) - 1 + shift).tolist()
        ends, p = interval(mean_of(values)), p_value(mean_of(values))
        assert ends is not None
        assert (p < 0.05) == (not ends[0] <= 0 <= ends[1])
        mirrored = p_value(mean_of([-v for v in values]))
        assert mirrored == pytest.approx(p, rel=0.2, abs=0.01)


def test_far_from_zero_the_p_value_still_falls() -> None:
    values = np.random.default_rng(1).normal(1, 1, 40)
    found = [p_value(mean_of((values * 0.5 + shift).tolist())) for shift in (0.0, 0.1, 0.2)]
    assert found[0] > found[1] > found[2] > 0
    assert found[0] < 1e-4
    assert p_value(mean_of([0.4] * 6)) == 1 / 32  # a sign test of six subjects


def test_few_differing_subjects_are_no_more_significant_than_a_sign_test() -> None:
    for differing in range(1, 6):
        p = p_value(mean_of([0.5] * differing + [0.0] * (30 - differing)))
        assert p >= 2.0 ** (1 - differing)
        assert p_value(mean_of([-0.5] * differing + [0.0] * (30 - differing))) == pytest.approx(p)
    assert p_value(mean_of([0.5] * 10 + [0.0] * 20)) < 0.01


def test_equal_methods_with_few_errors_are_rarely_significant() -> None:
    generator, trials = np.random.default_rng(3), 300
    alarms = 0
    for _ in range(trials):  # 16 subjects, two of three without an error
        one, other = generator.binomial(12, generator.beta(3.8, 0.2, 16), (2, 16)) / 12
        alarms += p_value(mean_of((one - other).tolist())) < 0.05
    assert alarms / trials <= 0.08


def test_holm_multiplies_the_smallest_by_the_number_of_comparisons() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []


def test_holm_keeps_false_alarms_of_many_comparisons_at_5_percent() -> None:
    p_values = np.random.default_rng(2).random((2000, 20))
    alarms = np.mean([min(holm(row.tolist())) < 0.05 for row in p_values])
    assert 0.03 < alarms < 0.07
    assert np.mean(p_values.min(axis=1) < 0.05) > 0.6
