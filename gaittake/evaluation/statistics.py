"""Means over views, intervals over test subjects, differences of methods, spread over seeds.

A metric is a mean over the test subjects; a different sample of subjects gives a different mean.
The bootstrap draws the subjects of the probes with replacement. All probes of a drawn subject are
drawn together, because the sequences of a subject are not independent. The gallery is fixed, as in
an identification task with known candidates; drawing it as well would put copies of a subject into
the gallery, which no real gallery has. With several training seeds, the trainings are drawn with
the subjects; with one, the intervals do not contain the variation between trainings.

`gaittake.evaluation.intervals` computes the intervals.

Grids have a row for each cell of the probes (a) and a column for each cell of the gallery (b): a
view, in other comparisons a camera or everything. NaN marks cells without a value; means skip them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gaittake.arrays import Float64s, Int64s
from gaittake.errors import UserError
from gaittake.evaluation.intervals import Resampled, interval, over_trainings, p_value, resampled
from gaittake.evaluation.probes import COLUMNS


def divide(part: Float64s, whole: Float64s | Int64s) -> Float64s:
    """Returns part / whole, and NaN where the whole is 0."""
    share: Float64s = np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
    return share


def mean_of(values: Float64s) -> Float64s:
    """Returns the mean over the last axis without the NaNs; NaN if all values are NaN."""
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))


def by_probe_view(values: Float64s, *, same_view: bool) -> Float64s:
    """Returns `[..., a]`: the mean over the gallery views for each probe view.

    Args:
        values: `[..., a, b]`, with the same views in the same order on both axes.
        same_view: whether pairs of identical views count.
    """
    if not same_view:
        values = np.where(np.eye(values.shape[-1], dtype=bool), np.nan, values)
    return mean_of(values)


def condition_mean(values: Float64s, *, same_view: bool) -> Float64s:
    """Returns `[...]`: the mean of `by_probe_view` over the probe views."""
    return mean_of(by_probe_view(values, same_view=same_view))


class SubjectCounts(NamedTuple):
    """Correct answers of each subject's probes, by cell of the probes (a) and gallery (b).

    Attributes:
        subjects: `[s]` names.
        correct: `[s, a, b]` number of probes with a match at rank k or better.
        total: `[s, a, b]` number of probes.
    """

    subjects: list[str]
    correct: Float64s
    total: Float64s


class Difference(NamedTuple):
    """The difference of two methods' means.

    Attributes:
        mean: the difference on all subjects.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        p: two-sided p-value of a difference of zero, see `gaittake.evaluation.intervals.p_value`.
        people: number of subjects.
        error: standard error, the standard deviation of the drawn differences.
    """

    mean: float
    low: float
    high: float
    p: float
    people: int
    error: float


def count_by_subject(
    probes: pd.DataFrame,
    condition: str,
    *,
    k: int = 1,
    matched: bool = False,
    subjects: Sequence[str] | None = None,
) -> SubjectCounts:
    """Returns the correct answers of each subject.

    Args:
        probes: see `gaittake.evaluation.probes`.
        condition: a condition of the table.
        k: largest rank that counts as correct.
        matched: whether to skip probes without a match in the gallery.
        subjects: sorted names of the subjects to count; default: all subjects of the condition.
    """
    table = probes[probes["condition"] == condition]
    columns = [column for column in table.columns if column not in COLUMNS]
    cells = sorted({*columns, *table["cell"]})
    names = sorted(table["subject"].unique()) if subjects is None else list(subjects)
    table = table[table["subject"].isin(names)]
    ranks = table[columns].to_numpy()
    place = (
        np.searchsorted(names, table["subject"].to_numpy())[:, None],
        np.searchsorted(cells, table["cell"].to_numpy().astype(str))[:, None],
        np.searchsorted(cells, columns),
    )
    correct, total = np.zeros((2, len(names), len(cells), len(cells)))
    np.add.at(correct, place, (ranks > 0) & (ranks <= k))
    np.add.at(total, place, ranks > 0 if matched else ranks >= 0)
    return SubjectCounts(names, correct, total)


def mean_correct(counts: SubjectCounts, *, same_view: bool = False) -> float:
    """Returns the condition's mean, as in the tables."""
    grid = divide(counts.correct.sum(axis=0), counts.total.sum(axis=0))
    return float(condition_mean(grid, same_view=same_view))


def resampled_mean(
    counts: SubjectCounts, *, seed: int = 0, same_view: bool = False
) -> Resampled | None:
    """Returns the condition's mean over drawn subjects; None without a probe."""
    count, shape = len(counts.subjects), counts.correct.shape[1:]
    correct, total = (item.reshape(count, shape[0] * shape[1]) for item in counts[1:])

    def mean(weights: Float64s) -> Float64s:
        grid = divide(weights @ correct, weights @ total).reshape(-1, *shape)
        return condition_mean(grid, same_view=same_view)

    return resampled(mean, count, seed=seed)


def mean_over_trainings(
    seeds: Sequence[SubjectCounts], *, seed: int = 0, same_view: bool = False, method: int = 0
) -> Resampled | None:
    """Returns the condition's mean over drawn subjects and drawn trainings of a method.

    Args:
        seeds: counts for each training seed, of the same subjects in the same order.
        seed: of the drawn subjects.
        same_view: whether pairs of identical views count.
        method: number of the method, whose trainings are drawn on their own.

    Raises:
        ValueError: the subjects differ.
    """
    if len({tuple(counts.subjects) for counts in seeds}) != 1:
        raise ValueError("mean_over_trainings: all counts need the same subjects")
    found = [resampled_mean(counts, seed=seed, same_view=same_view) for counts in seeds]
    known = [item for item in found if item is not None]
    return over_trainings(known, seed=method) if len(known) == len(found) else None


def paired_difference(one: Resampled, other: Resampled) -> Difference:
    """Returns the difference of two methods.

    Args:
        one: mean of a method over drawn subjects, see `mean_over_trainings`.
        other: that of the other method, with the same drawn subjects.

    Raises:
        ValueError: the numbers of subjects differ.
    """
    if len(one.without) != len(other.without):
        raise ValueError("paired_difference: both methods need counts of the same subjects")
    difference = one.minus(other)
    low, high = interval(difference) or (float("nan"), float("nan"))
    error = float(np.nanstd(difference.drawn))
    people = len(difference.without)
    return Difference(difference.value, low, high, p_value(difference), people, error)


class Spread(NamedTuple):
    """A number over the training seeds of a method.

    Attributes:
        mean: over the seeds.
        deviation: sample standard deviation (n - 1); None for a single seed.
    """

    mean: float
    deviation: float | None


class OverSeeds(NamedTuple):
    """A metric of one condition over the training seeds.

    Attributes:
        by_probe_view: by view; None if no seed has a value.
        mean: of the condition.
    """

    by_probe_view: dict[str, Spread | None]
    mean: Spread | None


def over_seeds(metrics: Sequence[dict[str, Any]], metric: str = "rank1") -> dict[str, OverSeeds]:
    """Returns a metric over the seeds of a method, by condition.

    Args:
        metrics: contents of each seed's `metrics.json`.
        metric: one of `gaittake.evaluation.grid.METRICS`.

    Raises:
        UserError: the seeds differ in dataset or conditions.
    """
    for key in ("dataset", "conditions"):
        kinds = {str(sorted(m[key]) if key == "conditions" else m[key]) for m in metrics}
        if len(kinds) != 1:
            raise UserError(
                f"all seeds of a method need the same {key}, found "
                f"{' and '.join(sorted(kinds))}; evaluate them again with the same settings"
            )
    found = {}
    for condition in metrics[0]["conditions"]:
        numbers = [item["conditions"][condition] for item in metrics]
        views = numbers[0]["by_probe_view"].get(metric, {})  # error rates have no views
        found[condition] = OverSeeds(
            {view: spread([n["by_probe_view"][metric][view] for n in numbers]) for view in views},
            spread([n["mean"][metric] for n in numbers]),
        )
    return found


def spread(values: Sequence[float | None]) -> Spread | None:
    """Returns mean and deviation of the values that are not None; None if all are None."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    deviation = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return Spread(float(np.mean(known)), deviation)
