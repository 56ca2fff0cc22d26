"""Rates by group of test subjects: sex, age band, or any column of `groups.csv`.

A group of fewer than SMALLEST people is never named: these groups are pooled, and without enough
people together they have no rates either. Groups of fewer than FEW people are marked.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import hypot
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gaittake.arrays import Float64s, Int64s
from gaittake.errors import UserError
from gaittake.evaluation.intervals import Resampled, rate_interval, resampled
from gaittake.evaluation.statistics import SubjectCounts, divide, resampled_mean
from gaittake.io.tables import read_csv

SMALLEST = 5
FEW = 30
SUBJECT = "subject"


class Errors(NamedTuple):
    """Errors and trials of each subject, `[s]` each."""

    errors: Int64s
    trials: Int64s


Measured = SubjectCounts | Errors


def read_groups(path: Path, subjects: Sequence[str]) -> pd.DataFrame:
    """Returns the columns of the test subjects, by subject; '' where nothing is stated.

    Args:
        path: a table with the column `subject` and at least one other; other subjects are skipped.
        subjects: the test subjects.

    Raises:
        UserError: a missing column, a subject twice, or no test subject.
    """
    table = read_csv(path, (SUBJECT,))
    if len(table.columns) < 2:
        raise UserError(
            f"{path}: only the column '{SUBJECT}'; add a column for each grouping, for example sex"
        )
    table[SUBJECT] = table[SUBJECT].str.strip()
    if (twice := table[SUBJECT].duplicated()).any():
        name = table.loc[twice, SUBJECT].iloc[0]
        raise UserError(f"{path}: subject '{name}' is in two rows; keep one")
    known = table[SUBJECT].isin(list(subjects))
    if not known.any():
        listed = ", ".join(f"'{name}'" for name in table[SUBJECT][:3])
        raise UserError(
            f"{path}: none of its {len(table)} subjects ({listed}, …) is one of the "
            f"{len(subjects)} test subjects ('{subjects[0]}', …); write them as the dataset does"
        )
    found = table.set_index(SUBJECT).reindex(list(subjects)).fillna("")
    return pd.DataFrame({name: found[name].str.strip() for name in found.columns})


def by_group(
    table: pd.DataFrame,
    rates: Mapping[str, Measured],
    subjects: Sequence[str],
    *,
    same_view: bool = False,
) -> dict[str, Any]:
    """Returns the rates of each group, for each column of the table.

    Args:
        table: see `read_groups`.
        rates: by name.
        subjects: names, in the order of the rates' first axis.
        same_view: whether pairs of identical views count.
    """
    stated = table.reindex(list(subjects)).fillna("")
    return {
        str(column): _column(stated[column].to_numpy().astype(str), rates, same_view=same_view)
        for column in stated.columns
    }


def _column(values: Any, rates: Mapping[str, Measured], *, same_view: bool) -> dict[str, Any]:
    """Returns the rates of each group in one column `[s]`."""
    members = {str(name): np.flatnonzero(values == name) for name in np.unique(values) if name}
    small = [rows for rows in members.values() if len(rows) < SMALLEST]
    large = {name: rows for name, rows in members.items() if len(rows) >= SMALLEST}
    numbers = {
        name: {
            rate: _resampled(measured, rows, place, same_view) for rate, measured in rates.items()
        }
        for place, (name, rows) in enumerate(large.items())
    }
    pooled = np.concatenate(small) if small else np.empty(0, dtype=np.int64)
    together = (
        {rate: _resampled(m, pooled, len(large), same_view) for rate, m in rates.items()}
        if len(pooled) >= SMALLEST
        else None
    )
    return {
        "groups": [{"name": name, **_entry(large[name], found)} for name, found in numbers.items()],
        "pooled": {"groups": len(small), **_entry(pooled, together)} if small else None,
        "not_stated": int((values == "").sum()),
        "largest_difference": {rate: _largest(numbers, rate) for rate in rates},
    }


def _entry(rows: Int64s, found: Mapping[str, Resampled | None] | None) -> dict[str, Any]:
    """Returns the entry of one group; without rates if `found` is None."""
    shown = found or {}
    return {
        "subjects": len(rows),
        "few": len(rows) < FEW,
        "rates": {
            rate: None if item is None else {"value": item.value, "interval": rate_interval(item)}
            for rate, item in shown.items()
        },
    }


def _resampled(measured: Measured, rows: Int64s, seed: int, same_view: bool) -> Resampled | None:
    """Returns a rate of some subjects."""
    if isinstance(measured, SubjectCounts):
        names = [measured.subjects[row] for row in rows]
        part = SubjectCounts(names, measured.correct[rows], measured.total[rows])
        return resampled_mean(part, seed=seed, same_view=same_view)
    used = rows[measured.trials[rows] > 0]
    errors, trials = measured.errors[used], measured.trials[used]

    def rate(weights: Float64s) -> Float64s:
        return divide(weights @ errors, weights @ trials)

    return resampled(rate, len(used), seed=seed)


def _largest(
    numbers: Mapping[str, Mapping[str, Resampled | None]], rate: str
) -> dict[str, Any] | None:
    """Returns the largest difference between two named groups; None with fewer than two."""
    known = {name: item for name, found in numbers.items() if (item := found[rate]) is not None}
    if len(known) < 2:
        return None
    pairs = combinations(known, 2)
    one, other = max(pairs, key=lambda pair: abs(known[pair[0]].value - known[pair[1]].value))
    if known[one].value < known[other].value:
        one, other = other, one
    return {
        "groups": [one, other],
        "difference": known[one].value - known[other].value,
        "interval": _difference_interval(known[one], known[other]),
    }


def _difference_interval(one: Resampled, other: Resampled) -> tuple[float, float] | None:
    """Returns the 95 % interval of the difference of two groups' rates, from those of both.

    A group without an error does not vary when drawn; its interval ends at the rule of three, and
    so enters the difference.

    Source: Zou & Donner 2008, "Construction of confidence limits about effect measures".
    """
    ends, others = rate_interval(one), rate_interval(other)
    if ends is None or others is None:
        return None
    below = hypot(one.value - ends[0], others[1] - other.value)
    above = hypot(ends[1] - one.value, other.value - others[0])
    difference = one.value - other.value
    return difference - below, difference + above
