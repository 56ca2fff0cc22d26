"""Intervals and p-values of numbers over test subjects, and Holm's correction.

A number is a function of the subjects' weights. The bootstrap draws the subjects with replacement;
a weight is how often a subject is drawn. The interval is BCa's (Efron 1987): percentiles of the
drawn numbers, corrected for bias and for skewness by leaving out one subject at a time. Its levels
are widened to those of Student's t for n subjects (Hesterberg 2015, section 5.3), without which
intervals over few subjects are too narrow. `benchmarks/intervals.py` measures the coverage.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from math import atan, cos, pi, sin, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from gaittake.arrays import Float64s

RESAMPLES = 2000
CHUNK = 200  # resamples per matrix product
LEVEL = 0.95
# With more subjects, the correction for skewness is below 1 % of a standard error.
MOST_LEFT_OUT = 500
LEAST_BEYOND = 10  # drawn numbers beyond zero; with fewer, the p-value is that of a normal tail
ROUNDING = 1e-12  # differences below this are rounding
NORMAL = NormalDist()

Statistic = Callable[[Float64s], Float64s]


class Resampled(NamedTuple):
    """A number, and what it is with other subjects.

    Attributes:
        value: on all subjects.
        drawn: `[RESAMPLES]` on subjects drawn with replacement.
        without: `[s]` without each subject; with more than MOST_LEFT_OUT subjects, `value`.
    """

    value: float
    drawn: Float64s
    without: Float64s

    def minus(self, other: "Resampled") -> "Resampled":
        """Returns the difference to another number, drawn on the same subjects."""
        return Resampled(
            self.value - other.value, self.drawn - other.drawn, self.without - other.without
        )


def resampled(statistic: Statistic, subjects: int, *, seed: int = 0) -> Resampled | None:
    """Returns a number with its resamples; None without subjects, or if it has no value.

    Args:
        statistic: returns the numbers `[r]` for weights `[r, s]` of the subjects.
        subjects: number of subjects; equal numbers and seeds draw the same subjects.
        seed: of the resampling.
    """
    if not subjects or np.isnan(value := float(statistic(np.ones((1, subjects)))[0])):
        return None
    drawn = np.concatenate([statistic(weights) for weights in draws(subjects, seed)])
    without = np.full(subjects, value)
    if 1 < subjects <= MOST_LEFT_OUT:
        without = statistic(1 - np.eye(subjects))
    return Resampled(value, drawn, without)


def draws(subjects: int, seed: int) -> Iterator[Float64s]:
    """Yields `[CHUNK, s]`: how often each subject is drawn."""
    generator = np.random.default_rng(seed)
    for _ in range(RESAMPLES // CHUNK):
        yield generator.multinomial(subjects, np.full(subjects, 1 / subjects), CHUNK).astype(
            np.float64
        )


def over_trainings(seeds: Sequence[Resampled], *, seed: int = 0) -> Resampled:
    """Returns the mean over a method's trainings, drawn together with the subjects.

    Each resample also draws the trainings with replacement. Deviations from their mean are
    multiplied by √(k / (k − 1)), because k drawn trainings vary too little by this factor.

    Args:
        seeds: the number for each of the k trainings, on the same subjects.
        seed: of the drawn trainings; methods are trained independently, so each has its own.
    """
    count = len(seeds)
    drawn = np.array([item.drawn for item in seeds])
    mean = drawn.mean(axis=0)
    if count > 1:
        generator = np.random.default_rng([seed, count])
        chosen = generator.multinomial(count, np.full(count, 1 / count), drawn.shape[1]).T
        deviations = ((chosen / count - 1 / count) * drawn).sum(axis=0)
        mean = mean + sqrt(count / (count - 1)) * deviations
    value = float(np.mean([item.value for item in seeds]))
    return Resampled(value, mean, np.mean([item.without for item in seeds], axis=0))


def interval(number: Resampled | None) -> tuple[float, float] | None:
    """Returns the ends of the 95 % interval; None with fewer than two subjects."""
    if number is None or len(number.without) < 2:
        return None
    drawn = number.drawn[~np.isnan(number.drawn)]
    if _constant(drawn):
        return number.value, number.value
    bias, skewness = _corrections(number, drawn)
    ends = []
    for side in (-1, 1):
        level = bias + side * widened(len(number.without), (1 - LEVEL) / 2)
        # Few subjects, of whom one stands apart, would turn the sign.
        ends.append(NORMAL.cdf(bias + level / max(1 - skewness * level, 0.1)))
    low, high = np.quantile(drawn, ends)
    return float(low), float(high)


def rate_interval(rate: Resampled | None) -> tuple[float, float] | None:
    """Returns the 95 % interval of a rate in 0…1, with the rule of three at both ends.

    If no subject has an error, or none has anything else, the resamples do not vary.
    """
    ends = interval(rate)
    if rate is None or ends is None or ends[0] != ends[1]:
        return ends
    bound = rule_of_three(len(rate.without))
    low = 1 - bound if rate.value > 1 - ROUNDING else rate.value
    high = bound if rate.value < ROUNDING else rate.value
    return low, high


def rule_of_three(subjects: int) -> float:
    """Returns the largest error rate, at 95 % confidence, if none of n subjects shows an error.

    Source: ISO/IEC 19795-1, "rule of 3": 3 / n for n independent trials. The trials of one subject
    are not independent, so a subject counts as one.
    """
    return min(1.0, 3 / subjects)


def p_value(difference: Resampled) -> float:
    """Returns a difference's two-sided p-value: 1 minus the level at which `interval` ends in 0.

    Drawn differences of 0 count against it. It is not below that of a sign test of the subjects in
    whom the methods differ, without which three subjects of many could be significant. If fewer
    than LEAST_BEYOND drawn differences are beyond zero, the normal distribution with their mean and
    deviation stands for them.
    """
    drawn = difference.drawn[~np.isnan(difference.drawn)]
    subjects = len(difference.without)
    if subjects < 2 or abs(difference.value) < ROUNDING or not len(drawn):
        return 1.0
    least = least_p(_differing(difference))
    if _constant(drawn):
        return least
    sign = 1 if difference.value > 0 else -1
    beyond = float((sign * drawn < ROUNDING).mean())
    place = NORMAL.inv_cdf(min(max(beyond, 1e-9), 1 - 1e-9))
    if beyond * len(drawn) < LEAST_BEYOND:
        most = NORMAL.inv_cdf(1 - LEAST_BEYOND / len(drawn))
        place = -max(most, abs(float(drawn.mean())) / float(drawn.std()))
    bias, skewness = _corrections(difference, drawn)
    offset = sign * place - bias
    level = sign * (offset / max(1 + skewness * offset, 0.1) - bias)
    if level >= 0:
        return 1.0
    statistic = -level * sqrt((subjects - 1) / subjects)
    return max(least, 2 * (1 - student(statistic, subjects - 1)))


def least_p(subjects: int) -> float:
    """Returns the two-sided p-value of a sign test if all subjects have the same sign."""
    return min(1.0, 2.0 ** (1 - subjects))


def _differing(difference: Resampled) -> int:
    """Returns the number of subjects whose own difference is not 0, by leaving each of them out.

    With more than MOST_LEFT_OUT subjects, all of them.
    """
    subjects = len(difference.without)
    if subjects > MOST_LEFT_OUT:
        return subjects
    own = subjects * difference.value - (subjects - 1) * difference.without
    return int((np.abs(own) > subjects * ROUNDING).sum())


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values corrected for the number of comparisons.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


def _corrections(number: Resampled, drawn: Float64s) -> tuple[float, float]:
    """Returns BCa's corrections z0 and a, for bias and skewness (Efron 1987, sections 2 and 7)."""
    share = _share_below(drawn, number.value)
    least = 1 / len(drawn)
    bias = NORMAL.inv_cdf(min(max(share, least), 1 - least))
    without = number.without[~np.isnan(number.without)]
    influence = without.mean() - without
    spread = float((influence**2).sum())
    skewness = float((influence**3).sum()) / (6 * spread**1.5) if spread > 1e-24 else 0.0
    return bias, skewness


def _constant(drawn: Float64s) -> bool:
    """Returns whether the drawn numbers differ by rounding only."""
    return not len(drawn) or bool(np.ptp(drawn) < ROUNDING)


def _share_below(drawn: Float64s, value: float) -> float:
    """Returns the share of numbers below a value; equal ones count half."""
    equal = np.abs(drawn - value) <= ROUNDING
    return float(((drawn < value) & ~equal).mean() + equal.mean() / 2)


def widened_tail(subjects: int) -> float:
    """Returns the share of the drawn numbers outside each end of a widened 95 % interval."""
    return NORMAL.cdf(-widened(subjects, (1 - LEVEL) / 2))


@functools.cache
def widened(subjects: int, tail: float) -> float:
    """Returns the normal quantile of an interval's end for n subjects: √(n / (n − 1)) t.

    Args:
        subjects: number of subjects, two or more.
        tail: share of Student's t beyond this end.
    """
    low, high = 0.0, 1e3
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - student(middle, subjects - 1) > tail else (low, middle)
    return min(sqrt(subjects / (subjects - 1)) * high, 8.0)


def student(t: float, degrees: int) -> float:
    """Returns the distribution function of Student's t at t ≥ 0.

    Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4.
    """
    angle = atan(t / sqrt(degrees))
    square, total = cos(angle) ** 2, 0.0
    odd = degrees % 2
    term = cos(angle) if odd else 1.0
    for place in range(degrees // 2):
        total += term
        step = 2 * place + 1
        term *= square * ((step + 1) / (step + 2) if odd else step / (step + 1))
    within = sin(angle) * total
    return 0.5 + (angle + within) / pi if odd else 0.5 + within / 2
