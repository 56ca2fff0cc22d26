"""Roles of the sequences in the protocol."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake.arrays import Bools, Int64s
from gaittake.errors import UserError
from gaittake.protocol import matching

Names = npt.NDArray[np.str_]


class Roles(NamedTuple):
    """The role of each sequence. Sequences of other views have no role.

    Attributes:
        views: of the protocol, ascending.
        view: `[n]` of each sequence.
        gallery: `[n]` whether the sequence is in the gallery.
        conditions: `[n]` for each condition, whether the sequence is one of its probes.
    """

    views: tuple[str, ...]
    view: Names
    gallery: Bools
    conditions: dict[str, Bools]

    def gallery_of(self, view: str) -> Int64s:
        """Returns the row numbers of a view's gallery sequences."""
        return np.flatnonzero(self.gallery & (self.view == view))


def assign_roles(
    sequences: pd.DataFrame,
    *,
    gallery: Iterable[str],
    probes: Mapping[str, Iterable[str]],
    views: Iterable[str] = (),
    views_excluded: Iterable[str] = (),
) -> Roles:
    """Returns the roles of sequences.

    Args:
        sequences: type and view of each sequence.
        gallery: names, ranges and patterns of the types of the gallery: `nm-01..nm-04`.
        probes: those of the probes of each condition.
        views: views that count; default: all views of sequences with a role.
        views_excluded: views that do not.

    Raises:
        UserError: a sequence would be gallery and probe.
    """
    types, view = sequences["type"], sequences["view"].to_numpy().astype(str)
    present = types.unique()

    def selected(names: Iterable[str]) -> Bools:
        return types.isin(matching(present, names)).to_numpy()

    in_gallery = selected(gallery)
    chosen = {name: selected(wanted) for name, wanted in probes.items()}
    used = np.logical_or.reduce(list(chosen.values()))
    if (both := used & in_gallery).any():
        raise UserError(
            f"protocol: {types[both].iloc[0]} is selected by protocol.gallery and by "
            "protocol.probes, so it would match itself; change one of the two"
        )
    found = set(views) or set(view[used | in_gallery].tolist())
    counted = tuple(sorted(found - set(views_excluded)))
    known = np.isin(view, counted)
    conditions = {name: is_probe & known for name, is_probe in chosen.items()}
    return Roles(counted, view, in_gallery & known, conditions)
