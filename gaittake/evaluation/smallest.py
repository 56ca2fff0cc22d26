"""The smallest difference between two methods that a table could show, in a sentence."""

from itertools import count

import pandas as pd

from gaittake.evaluation.intervals import LEVEL, ROUNDING, least_p, widened


def smallest_difference(people: int, error: float, level: float) -> float | None:
    """Returns the smallest significant difference, half the width of the interval at this level.

    The skewness of the drawn differences is not counted.

    Args:
        people: number of subjects behind the difference.
        error: standard deviation of the drawn differences.
        level: below which the p-value must be.

    Returns:
        The difference in the unit of `error`; None if none of so few people is significant.
    """
    if people < 2 or least_p(people) >= level:
        return None
    return widened(people, level / 2) * error


def smallest_sentence(found: pd.DataFrame) -> str:
    """Returns which differences in rank-1 a table could show, '' if its differences do not vary.

    The level is that of Holm's correction for the largest difference not significant so far.

    Args:
        found: columns condition, people, error (0…1) and significant of
            `gaittake.evaluation.compare.differences`.
    """
    comparisons = len(found)
    level = (1 - LEVEL) / max(1, comparisons - int(found["significant"].sum()))
    varying = found[found["error"] > ROUNDING]
    groups = list(varying.groupby("people", sort=False))
    parts = []
    for people, rows in groups:
        names = f" ({', '.join(dict.fromkeys(rows['condition']))})" if len(groups) > 1 else ""
        parts.append(f"with {people} people{names}, {_shown(int(str(people)), rows, level)}")
    if not parts:
        return ""
    plural = "s" if comparisons > 1 else ""
    return (
        f"Smallest difference in rank-1 that this table of {comparisons} comparison{plural} could "
        f"show as significant: {'; '.join(parts)}."
    )


def _shown(people: int, rows: pd.DataFrame, level: float) -> str:
    """Returns the smallest differences of the steadiest and the most variable comparison."""
    ends = [
        smallest_difference(people, float(rows["error"].agg(end)), level) for end in ("min", "max")
    ]
    low, high = (None if end is None else f"{100 * end:.1f}" for end in ends)
    if low is None:
        enough = next(n for n in count(2) if least_p(n) < level)
        return f"none, however large (that takes {enough} people)"
    spread = "" if low == high else f" in the steadiest comparison, {high} in the most variable"
    return f"about {low} points{spread}"
