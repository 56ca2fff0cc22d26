"""How often 95 % intervals contain the true value, by simulation.

    python benchmarks/intervals.py [--simulations 1000]

Each simulated subject has a rate of correct answers of its own, from a beta distribution with the
asked mean (its parameters add up to 4), and two probes in each of 6 pairs of views. The true value
is the mean of the distribution. `percentile`: the middle 95 % of the drawn means, as before.
`BCa, widened`: `gaittake.evaluation.intervals.rate_interval`.

In the second table, three trainings of a method move the subjects' rates; the mean has a standard
deviation of 4.4 points over trainings at 0.80, of 1.3 at 0.95. The true value is the mean over all
trainings. `subjects`: only these are drawn. `subjects and trainings`: both, as in the tables. Last,
two equal methods are compared; 5 % of the p-values should be below 0.05.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np

from gaittake.arrays import Float64s
from gaittake.evaluation.intervals import Resampled, rate_interval
from gaittake.evaluation.statistics import (
    SubjectCounts,
    mean_over_trainings,
    paired_difference,
    resampled_mean,
)

SUBJECTS, MEANS = (8, 16, 50), (0.8, 0.95)
VIEWS, PROBES, TRAININGS, SHIFT = 3, 2, 3, 0.15
Ends = tuple[float, float] | None


def rates_of(generator: np.random.Generator, subjects: int, mean: float) -> Float64s:
    """Returns `[s]`: the subjects' rates of correct answers."""
    return generator.beta(4 * mean, 4 * (1 - mean), subjects)


def trained(generator: np.random.Generator, rates: Float64s) -> Float64s:
    """Returns `[s]`: the rates with one training's network; their mean over trainings is `rates`.

    A training moves middle rates most, so that all of them stay within 0…1.
    """
    return rates + 4 * rates * (1 - rates) * generator.uniform(-SHIFT, SHIFT)


def answers(generator: np.random.Generator, rates: Float64s) -> SubjectCounts:
    """Returns the correct answers of subjects with these rates."""
    correct = generator.binomial(PROBES, rates[:, None, None], (len(rates), VIEWS, VIEWS))
    names = [f"{number:04d}" for number in range(len(rates))]
    return SubjectCounts(names, correct.astype(np.float64), np.full(correct.shape, float(PROBES)))


def percentile(number: Resampled) -> Ends:
    """Returns the middle 95 % of the drawn means."""
    low, high = np.quantile(number.drawn, [0.025, 0.975])
    return float(low), float(high)


def covered(ends: Ends, mean: float) -> bool:
    """Returns whether an interval contains the true value."""
    return ends is not None and ends[0] - 1e-9 <= mean <= ends[1] + 1e-9


def one_training(generator: np.random.Generator, subjects: int, mean: float) -> list[float]:
    """Returns whether each kind of interval contains the mean, and the width of each."""
    found = resampled_mean(answers(generator, rates_of(generator, subjects, mean)))
    assert found is not None
    each = [percentile(found), rate_interval(found)]
    widths = [ends[1] - ends[0] for ends in each if ends is not None]
    return [*(covered(ends, mean) for ends in each), *widths]


def some_trainings(generator: np.random.Generator, subjects: int, mean: float) -> list[float]:
    """Returns whether each kind of interval contains the mean over all trainings."""
    rates = rates_of(generator, subjects, mean)
    counts = [answers(generator, trained(generator, rates)) for _ in range(TRAININGS)]
    both = mean_over_trainings(counts)
    each = [found for item in counts if (found := resampled_mean(item)) is not None]
    assert both is not None
    # Equal seeds draw the same subjects, so the mean of the drawn numbers is a draw of the mean.
    alone = both._replace(drawn=np.mean([item.drawn for item in each], axis=0))
    return [covered(rate_interval(item), mean) for item in (alone, both)]


def equal_methods(generator: np.random.Generator, subjects: int, mean: float) -> list[float]:
    """Returns whether two equal methods differ, with the same subjects and other answers."""
    rates = rates_of(generator, subjects, mean)
    one, other = (resampled_mean(answers(generator, rates)) for _ in range(2))
    assert one is not None
    assert other is not None
    found = paired_difference(one, other)
    low, high = percentile(one.minus(other)) or (0.0, 0.0)
    return [not low <= 0 <= high, found.p < 0.05]


Simulation = Callable[[np.random.Generator, int, float], list[float]]


def shares(simulation: Simulation, simulations: int) -> Iterator[tuple[float, int, list[float]]]:
    """Yields mean, subjects, and the means of what a simulation returns."""
    for mean in MEANS:
        for subjects in SUBJECTS:
            generator = np.random.default_rng(0)
            each = [simulation(generator, subjects, mean) for _ in range(simulations)]
            yield mean, subjects, np.mean(np.array(each, dtype=np.float64), axis=0).tolist()


def main() -> None:
    """Prints the three tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulations", type=int, default=1000)
    simulations = parser.parse_args().simulations
    tables: list[tuple[str, Simulation]] = [
        ("percentile | BCa, widened | width, percentile | width, BCa", one_training),
        ("subjects | subjects and trainings", some_trainings),
        ("percentile excludes 0 | p < 0.05", equal_methods),
    ]
    for head, simulation in tables:
        print(f"| mean | subjects | {head} |")
        print("|---:" * (2 + head.count("|") + 1) + "|")
        for mean, subjects, found in shares(simulation, simulations):
            cells = " | ".join(f"{100 * share:.1f}" for share in found)
            print(f"| {mean:.2f} | {subjects} | {cells} |", flush=True)
        print()


if __name__ == "__main__":
    main()
