"""Means over grids of probe views (a) and gallery views (b).

NaN stands for a cell without a value; means leave it out, and files say null or nothing.
"""

import numpy as np

from gaittake.evaluation.distance import Floats, Integers


def divide(part: Floats, whole: Floats | Integers) -> Floats:
    """Returns part / whole, NaN where the whole is 0."""
    share: Floats = np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
    return share


def mean_of(values: Floats) -> Floats:
    """Returns the mean over the last axis of the values there are; NaN where there is none."""
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))


def by_probe_view(values: Floats, *, same_view: bool) -> Floats:
    """Returns `[..., a]`: for each probe view the mean over the gallery views.

    Args:
        values: `[..., a, b]`; the same views in the same order on both axes.
        same_view: count the pairs of identical views too.
    """
    if not same_view:
        values = np.where(np.eye(values.shape[-1], dtype=bool), np.nan, values)
    return mean_of(values)


def condition_mean(values: Floats, *, same_view: bool) -> Floats:
    """Returns `[...]`: the mean over the probe views of `by_probe_view`."""
    return mean_of(by_probe_view(values, same_view=same_view))
