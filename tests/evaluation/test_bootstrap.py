"""Intervals and differences over subjects: their coverage, and what they must not find."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from gaittake.evaluation.bootstrap import (
    RESAMPLES,
    Shares,
    interval,
    mean_share,
    paired_difference,
    per_subject,
    resampled,
)

VIEWS = 3
PROBES = 2


def shares_of(right: npt.NDArray[np.int64], probes: int = PROBES) -> Shares:
    """Returns shares from right answers `[s, a, b]`."""
    names = [f"{n:04d}" for n in range(len(right))]
    return Shares(names, right.astype(float), np.full(right.shape, float(probes)))


def simulated(generator: np.random.Generator, subjects: int, mean: float) -> Shares:
    """Returns the answers for drawn people; each has a rate of their own, `mean` on average."""
    rates = generator.beta(4 * mean, 4 * (1 - mean), subjects)
    return shares_of(generator.binomial(PROBES, rates[:, None, None], (subjects, VIEWS, VIEWS)))


def test_the_interval_holds_the_populations_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    trials = 300
    held = 0
    for _ in range(trials):
        ends = interval(resampled(simulated(generator, 50, 0.8)))
        assert ends is not None
        held += ends[0] <= 0.8 <= ends[1]
    assert 0.90 <= held / trials <= 0.98


def test_probes_drawn_as_if_independent_would_promise_too_much() -> None:
    shares = simulated(np.random.default_rng(1), 50, 0.8)
    ends = interval(resampled(shares))
    assert ends is not None
    share = mean_share(shares)
    independent = 2 * 1.96 * (share * (1 - share) / (50 * PROBES * VIEWS * (VIEWS - 1))) ** 0.5
    assert ends[1] - ends[0] > 1.5 * independent


def test_the_resampled_means_are_those_of_a_plain_loop() -> None:
    generator = np.random.default_rng(2)
    shares = shares_of(generator.integers(0, 3, (4, VIEWS, VIEWS)))
    shares.total[1, 0] = shares.right[1, 0] = 0  # one person has no probe in the first view
    drawn = np.random.default_rng(7).multinomial(4, [0.25] * 4, 200)
    for weights, mean in zip(drawn, resampled(shares, seed=7)[:200], strict=True):
        by_view = []
        for a in range(VIEWS):
            cells = []
            for b in range(VIEWS):
                total = sum(w * shares.total[s, a, b] for s, w in enumerate(weights))
                if a != b and total:
                    cells.append(
                        sum(w * shares.right[s, a, b] for s, w in enumerate(weights)) / total
                    )
            if cells:
                by_view.append(sum(cells) / len(cells))
        assert mean == pytest.approx(sum(by_view) / len(by_view))


def test_one_seed_gives_one_answer_and_another_seed_another() -> None:
    shares = simulated(np.random.default_rng(3), 20, 0.7)
    assert len(resampled(shares)) == RESAMPLES
    assert resampled(shares).tolist() == resampled(shares).tolist()
    assert resampled(shares).tolist() != resampled(shares, seed=1).tolist()


def test_identical_methods_do_not_differ() -> None:
    shares = simulated(np.random.default_rng(4), 30, 0.7)
    assert tuple(paired_difference([shares], [shares])) == (0, 0, 0, False)


def test_methods_of_equal_strength_seldom_differ_and_a_stronger_one_does() -> None:
    generator = np.random.default_rng(5)
    trials = 100
    found = 0
    for _ in range(trials):
        one, other = (simulated(generator, 40, 0.7) for _ in range(2))
        found += paired_difference([one], [other]).beyond_chance
    assert found / trials <= 0.12
    # One more right answer for half of the people, the same people: pairing shows it.
    one = simulated(generator, 40, 0.5)
    better = one.right.copy()
    better[::2] = np.minimum(better[::2] + 1, PROBES)
    difference = paired_difference([one._replace(right=better)], [one])
    assert difference.beyond_chance
    assert 0 < difference.low < difference.mean < difference.high
    reverse = paired_difference([one], [one._replace(right=better)])
    assert reverse.mean == -difference.mean


def test_seeds_of_a_method_are_averaged_before_it_is_compared() -> None:
    generator = np.random.default_rng(6)
    one, two = (simulated(generator, 30, 0.7) for _ in range(2))
    both = paired_difference([one, two], [one])
    assert both.mean == pytest.approx((mean_share(two) - mean_share(one)) / 2)


def test_a_difference_needs_the_same_subjects() -> None:
    one, other = (simulated(np.random.default_rng(7), n, 0.7) for n in (10, 11))
    with pytest.raises(ValueError, match="same subjects"):
        paired_difference([one], [other])


def test_without_anybody_there_is_no_interval() -> None:
    nobody = Shares([], np.zeros((0, 2, 2)), np.zeros((0, 2, 2)))
    assert interval(resampled(nobody)) is None


def test_right_answers_are_counted_by_subject_and_views() -> None:
    rows = [
        ("nm", "002", "nm-05", 0, 1, 7),
        ("nm", "001", "nm-05", 0, 3, 0),
        ("nm", "001", "nm-06", 0, 1, 1),
        ("nm", "001", "nm-05", 90, -1, 1),
        ("cl", "001", "cl-01", 0, 1, 1),
    ]
    table = pd.DataFrame(rows, columns=["condition", "subject", "walk", "view", "0", "90"])
    shares = per_subject(table, "nm")
    assert shares.subjects == ["001", "002"]
    assert shares.right.tolist() == [[[1, 1], [0, 1]], [[1, 0], [0, 0]]]
    assert shares.total.tolist() == [[[2, 2], [0, 1]], [[1, 1], [0, 0]]]
    assert per_subject(table, "nm", k=3).right.tolist()[0] == [[2, 1], [0, 1]]
    assert per_subject(table, "nm", matched=True).total.tolist()[0] == [[2, 1], [0, 1]]
    assert per_subject(table, "nm", subjects=["002", "003"]).right.shape == (2, 2, 2)
