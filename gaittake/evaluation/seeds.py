"""One method trained with several seeds: mean and standard deviation of its numbers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gaittake.errors import UserError


class Spread(NamedTuple):
    """A number over seeds.

    Attributes:
        mean: of the seeds.
        deviation: standard deviation (n - 1); None for a single seed.
    """

    mean: float
    deviation: float | None


class OverSeeds(NamedTuple):
    """A metric over seeds, for one condition.

    Attributes:
        by_probe_view: by degrees, as text; None where no seed has a value.
        mean: of the condition.
    """

    by_probe_view: dict[str, Spread | None]
    mean: Spread | None


def over_seeds(metrics: Sequence[dict[str, Any]], metric: str = "rank1") -> dict[str, OverSeeds]:
    """Returns a metric over seeds, by condition.

    Args:
        metrics: contents of the `metrics.json` of each seed.
        metric: one of `gaittake.evaluation.grid.METRICS`.

    Raises:
        UserError: they are not of one dataset, or do not have the same conditions.
    """
    for what in ("dataset", "conditions"):
        kinds = {str(sorted(m[what]) if what == "conditions" else m[what]) for m in metrics}
        if len(kinds) != 1:
            raise UserError(
                f"seeds of one method need the same {what}, found {' and '.join(sorted(kinds))}; "
                "evaluate all of them with the same settings"
            )
    found = {}
    for condition in metrics[0]["conditions"]:
        numbers = [item["conditions"][condition] for item in metrics]
        views = numbers[0]["by_probe_view"][metric]
        found[condition] = OverSeeds(
            {view: spread([n["by_probe_view"][metric][view] for n in numbers]) for view in views},
            spread([n["mean"][metric] for n in numbers]),
        )
    return found


def spread(values: Sequence[float | None]) -> Spread | None:
    """Returns mean and standard deviation of the values there are; None where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    deviation = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return Spread(float(np.mean(known)), deviation)


def percent_with_deviation(value: Spread | None) -> str:
    """Returns `84.31 ± 0.52`, in percent; without the second for a single seed; '' for None."""
    if value is None:
        return ""
    mean = f"{100 * value.mean:.2f}"
    return mean if value.deviation is None else f"{mean} ± {100 * value.deviation:.2f}"
