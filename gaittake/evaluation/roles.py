"""Roles of the sequences in the protocol."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from gaittake.arrays import Bools, Int64s


class Roles(NamedTuple):
    """The role of each sequence. Sequences of other views have no role.

    Attributes:
        views: of the protocol, ascending.
        view: `[n]` of each sequence, degrees.
        gallery: `[n]` whether the sequence is in the gallery.
        conditions: `[n]` for each condition, whether the sequence is one of its probes.
    """

    views: tuple[int, ...]
    view: Int64s
    gallery: Bools
    conditions: dict[str, Bools]

    def gallery_of(self, view: int) -> Int64s:
        """Returns the row numbers of a view's gallery sequences."""
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
        sequences: condition, number and view of each sequence.
        gallery: names of the gallery sequences: `nm-01`, ….
        probes: names of the probe sequences of each condition.
        views: views that count; default: all views of sequences with a role.
    """
    names = sequence_names(sequences)
    view = sequences["view"].to_numpy()
    in_gallery = names.isin(list(gallery)).to_numpy()
    chosen = {name: names.isin(list(wanted)).to_numpy() for name, wanted in probes.items()}
    used = np.logical_or.reduce([in_gallery, *chosen.values()])
    counted = tuple(sorted(views)) or tuple(int(item) for item in np.unique(view[used]))
    known = np.isin(view, counted)
    conditions = {name: is_probe & known for name, is_probe in chosen.items()}
    return Roles(counted, view, in_gallery & known, conditions)


def sequence_names(sequences: pd.DataFrame) -> "pd.Series[str]":
    """Returns the name of each sequence as in a protocol: `nm-01`."""
    return sequences["condition"] + "-" + sequences["number"].map("{:02d}".format)
