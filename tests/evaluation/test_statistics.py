"""Intervals and differences over subjects: coverage, false alarms; the spread over seeds."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from gaittake.errors import UserError
from gaittake.evaluation.intervals import RESAMPLES, Resampled, interval, rate_interval
from gaittake.evaluation.probes import COLUMNS
from gaittake.evaluation.statistics import (
    Difference,
    SubjectCounts,
    count_by_subject,
    mean_correct,
    mean_over_trainings,
    over_seeds,
    paired_difference,
    resampled_mean,
)

VIEWS = 3
PROBES = 2


def counts_of(correct: npt.NDArray[np.int64], probes: int = PROBES) -> SubjectCounts:
    """Returns counts of correct answers `[s, a, b]`."""
    names = [f"{n:04d}" for n in range(len(correct))]
    return SubjectCounts(names, correct.astype(float), np.full(correct.shape, float(probes)))


def simulated(generator: np.random.Generator, subjects: int, mean: float) -> SubjectCounts:
    """Returns counts for random subjects, whose individual rates have the mean `mean`."""
    rates = generator.beta(4 * mean, 4 * (1 - mean), subjects)
    return counts_of(generator.binomial(PROBES, rates[:, None, None], (subjects, VIEWS, VIEWS)))


def difference_of(one: list[SubjectCounts], other: list[SubjectCounts]) -> Difference:
    """Returns the difference of two methods with these counts for each training."""
    means = [mean_over_trainings(side, method=place) for place, side in enumerate((one, other))]
    return paired_difference(*[mean for mean in means if mean is not None])


def mean_of(counts: SubjectCounts, seed: int = 0) -> Resampled:
    """Returns the resampled mean of counts with probes."""
    mean = resampled_mean(counts, seed=seed)
    assert mean is not None
    return mean


# `benchmarks/intervals.py` measures the coverage on more cases. Percentiles of 8 people cover 86 %.
@pytest.mark.parametrize(("subjects", "trials", "least"), [(8, 600, 0.90), (16, 300, 0.92)])
def test_the_95_percent_interval_contains_the_true_mean_in_about_95_percent_of_cases(
    subjects: int, trials: int, least: float
) -> None:
    generator = np.random.default_rng(1)
    contained = 0
    for _ in range(trials):
        ends = rate_interval(mean_of(simulated(generator, subjects, 0.8)))
        assert ends is not None
        contained += ends[0] <= 0.8 <= ends[1]
    assert least <= contained / trials <= 0.98


def test_the_interval_is_wider_than_that_of_independent_probes() -> None:
    counts = simulated(np.random.default_rng(1), 50, 0.8)
    ends = interval(mean_of(counts))
    assert ends is not None
    share = mean_correct(counts)
    independent = 2 * 1.96 * (share * (1 - share) / (50 * PROBES * VIEWS * (VIEWS - 1))) ** 0.5
    assert ends[1] - ends[0] > 1.5 * independent


def test_the_resampled_means_are_those_of_a_plain_loop() -> None:
    generator = np.random.default_rng(2)
    counts = counts_of(generator.integers(0, 3, (4, VIEWS, VIEWS)))
    counts.total[1, 0] = counts.correct[1, 0] = 0  # one subject has no probe in the first view
    drawn = np.random.default_rng(7).multinomial(4, [0.25] * 4, 200)
    for weights, mean in zip(drawn, mean_of(counts, 7).drawn[:200], strict=True):
        by_view = []
        for a in range(VIEWS):
            cells = []
            for b in range(VIEWS):
                total = sum(w * counts.total[s, a, b] for s, w in enumerate(weights))
                if a != b and total:
                    cells.append(
                        sum(w * counts.correct[s, a, b] for s, w in enumerate(weights)) / total
                    )
            if cells:
                by_view.append(sum(cells) / len(cells))
        assert mean == pytest.approx(sum(by_view) / len(by_view))


def test_the_result_depends_on_the_seed_only() -> None:
    counts = simulated(np.random.default_rng(3), 20, 0.7)
    assert len(mean_of(counts).drawn) == RESAMPLES
    assert mean_of(counts).drawn.tolist() == mean_of(counts).drawn.tolist()
    assert mean_of(counts).drawn.tolist() != mean_of(counts, 1).drawn.tolist()


def test_identical_methods_have_no_difference() -> None:
    counts = simulated(np.random.default_rng(4), 30, 0.7)
    assert tuple(difference_of([counts], [counts])) == (0, 0, 0, 1, 30, 0)


def test_equal_methods_rarely_differ_significantly_and_a_better_one_does() -> None:
    generator = np.random.default_rng(5)
    trials = 100
    found = 0
    for _ in range(trials):
        one, other = (simulated(generator, 16, 0.7) for _ in range(2))
        difference = difference_of([one], [other])
        found += difference.p < 0.05
        if 0 not in (difference.low, difference.high):  # few subjects give many equal means
            assert (difference.p < 0.05) != (difference.low < 0 < difference.high)
    assert found / trials <= 0.09
    # One more correct answer for every second subject: pairing makes it significant.
    one = simulated(generator, 40, 0.5)
    better = one.correct.copy()
    better[::2] = np.minimum(better[::2] + 1, PROBES)
    difference = difference_of([one._replace(correct=better)], [one])
    assert difference.p < 0.001
    assert 0 < difference.low < difference.mean < difference.high
    reverse = difference_of([one], [one._replace(correct=better)])
    assert reverse.mean == -difference.mean


def test_the_seeds_of_a_method_are_averaged_before_the_comparison() -> None:
    generator = np.random.default_rng(6)
    one, two = (simulated(generator, 30, 0.7) for _ in range(2))
    both = difference_of([one, two], [one])
    assert both.mean == pytest.approx((mean_correct(two) - mean_correct(one)) / 2)


def test_the_interval_over_seeds_contains_the_variation_between_trainings() -> None:
    """Trainings whose means are 0.5, 0.7 and 0.9 for each subject: the deviation is 0.2 / √3."""
    counts = [
        SubjectCounts(["1", "2", "3"], np.full((3, 2, 2), mean), np.ones((3, 2, 2)))
        for mean in (0.5, 0.7, 0.9)
    ]
    mean = mean_over_trainings(counts)
    assert mean is not None
    assert mean.value == pytest.approx(0.7)
    assert np.std(mean.drawn) == pytest.approx(0.2 / 3**0.5, rel=0.05)
    other = mean_over_trainings(counts, method=1)  # its trainings are drawn on their own
    assert other is not None
    assert np.std(mean.drawn - other.drawn) == pytest.approx(0.2 * (2 / 3) ** 0.5, rel=0.05)


def test_a_difference_needs_the_same_subjects() -> None:
    one, other = (simulated(np.random.default_rng(7), n, 0.7) for n in (10, 11))
    with pytest.raises(ValueError, match="same subjects"):
        paired_difference(mean_of(one), mean_of(other))
    with pytest.raises(ValueError, match="same subjects"):
        mean_over_trainings([one, other])


def test_without_subjects_there_is_no_interval() -> None:
    empty = SubjectCounts([], np.zeros((0, 2, 2)), np.zeros((0, 2, 2)))
    assert resampled_mean(empty) is None
    assert interval(None) is None


def test_correct_answers_are_counted_by_subject_and_views() -> None:
    rows = [
        ("nm", "002", "nm-05", "000", "000", 1, 7),
        ("nm", "001", "nm-05", "000", "000", 3, 0),
        ("nm", "001", "nm-06", "000", "000", 1, 1),
        ("nm", "001", "nm-05", "090", "090", -1, 1),
        ("cl", "001", "cl-01", "000", "000", 1, 1),
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "000", "090"])
    counts = count_by_subject(table, "nm")
    assert counts.subjects == ["001", "002"]
    assert counts.correct.tolist() == [[[1, 1], [0, 1]], [[1, 0], [0, 0]]]
    assert counts.total.tolist() == [[[2, 2], [0, 1]], [[1, 1], [0, 0]]]
    assert count_by_subject(table, "nm", k=3).correct.tolist()[0] == [[2, 1], [0, 1]]
    assert count_by_subject(table, "nm", matched=True).total.tolist()[0] == [[2, 1], [0, 1]]
    assert count_by_subject(table, "nm", subjects=["002", "003"]).correct.shape == (2, 2, 2)


def metrics(mean: float, dataset: str = "toy") -> dict[str, Any]:
    numbers = {"mean": {"rank1": mean}, "by_probe_view": {"rank1": {"000": mean, "090": None}}}
    return {"dataset": dataset, "conditions": {"nm": numbers}}


def test_mean_and_deviation_are_over_the_seeds() -> None:
    found = over_seeds([metrics(0.80), metrics(0.84), metrics(0.88)])["nm"]
    assert found.mean is not None
    assert found.mean.mean == pytest.approx(0.84)
    assert found.mean.deviation == pytest.approx(0.04)
    assert found.by_probe_view["000"] == found.mean
    assert found.by_probe_view["090"] is None


def test_one_seed_has_no_deviation() -> None:
    found = over_seeds([metrics(0.8)])["nm"]
    assert found.mean == (0.8, None)


def test_seeds_of_different_datasets_or_conditions_fail() -> None:
    with pytest.raises(UserError, match="same dataset, found other and toy"):
        over_seeds([metrics(0.8), metrics(0.8, "other")])
    less = metrics(0.8) | {"conditions": {}}
    with pytest.raises(UserError, match="same conditions"):
        over_seeds([metrics(0.8), less])
