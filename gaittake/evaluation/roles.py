"""Which sequences are gallery, and which are probes of which condition."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake.evaluation.distance import Integers

Bools = npt.NDArray[np.bool_]


class Roles(NamedTuple):
    """Roles of sequences; those of no role, or of a view that does not count, have none.

    Attributes:
        views: of the protocol, ascending.
        view: `[n]` of each sequence, degrees.
        gallery: `[n]` whether it is in the gallery.
        conditions: `[n]` whether it is a probe, by condition.
    """

    views: tuple[int, ...]
    view: Integers
    gallery: Bools
    conditions: dict[str, Bools]

    def gallery_of(self, view: int) -> Integers:
        """Returns the sequences of a view's gallery."""
        return np.flatnonzero(self.gallery & (self.view == view))


def assign_roles(
    sequences: pd.DataFrame,
    *,
    gallery: Iterable[str],
    probes: Mapping[str, Iterable[str]],
    views: Iterable[int] = (),
) -> Roles:
    """Returns the roles of sequences.

    Args:
        sequences: a row for each: condition, number, view.
        gallery: walks of the gallery, `nm-01`, ….
        probes: walks of each condition.
        views: those that count; none: all that a sequence with a role has.
    """
    walks = walk_names(sequences)
    view = sequences["view"].to_numpy()
    held = walks.isin(list(gallery)).to_numpy()
    wanted = {name: walks.isin(list(names)).to_numpy() for name, names in probes.items()}
    used = np.logical_or.reduce([held, *wanted.values()])
    counted = tuple(sorted(views)) or tuple(int(item) for item in np.unique(view[used]))
    known = np.isin(view, counted)
    conditions = {name: chosen & known for name, chosen in wanted.items()}
    return Roles(counted, view, held & known, conditions)


def walk_names(sequences: pd.DataFrame) -> "pd.Series[str]":
    """Returns the walk of each sequence as a protocol names it: `nm-01`."""
    return sequences["condition"] + "-" + sequences["number"].map("{:02d}".format)
