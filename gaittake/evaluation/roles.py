"""Roles of the sequences in the protocol."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake.arrays import Bools, Int64s
from gaittake.comparison import COMPARISONS, Kind, Row, camera_of
from gaittake.errors import UserError
from gaittake.sequence import IDENTITY, Identity, name_of
from gaittake.settings import Protocol

Names = npt.NDArray[np.str_]


class Roles(NamedTuple):
    """The role of each sequence in the conditions that share a gallery and a comparison.

    Sequences of views that do not count have no role.

    Attributes:
        kind: of the comparison.
        cells: names of all cells, ascending.
        probe_cell: `[n]` where each sequence is a probe.
        gallery_cell: `[n]` where each sequence is in the gallery.
        gallery: `[n]` whether the sequence is in the gallery.
        conditions: `[n]` for each condition, whether the sequence is one of its probes.
        camera: `[n]` pairs of one subject by one camera do not count; None: they count.
    """

    kind: Kind
    cells: tuple[str, ...]
    probe_cell: Names
    gallery_cell: Names
    gallery: Bools
    conditions: dict[str, Bools]
    camera: Names | None

    def gallery_of(self, cell: str) -> Int64s:
        """Returns the row numbers of a cell's gallery sequences."""
        return np.flatnonzero(self.gallery & (self.gallery_cell == cell))

    def searches(self, *, same_view: bool) -> Iterator[tuple[str, Int64s, Int64s]]:
        """Yields condition, probes and gallery, as row numbers, of each pair of cells that counts.

        Args:
            same_view: whether pairs of identical cells count.
        """
        galleries = {cell: rows for cell in self.cells if len(rows := self.gallery_of(cell))}
        for name, is_probe in self.conditions.items():
            for probe_cell in self.cells:
                probes = np.flatnonzero(is_probe & (self.probe_cell == probe_cell))
                for cell, gallery in galleries.items():
                    if len(probes) and (cell != probe_cell or same_view):
                        yield name, probes, gallery

    def skipped(self, subjects: Names, probes: Int64s, gallery: Int64s) -> Bools:
        """Returns `[n, m]`: pairs of one subject by one camera, where these do not count.

        Args:
            subjects: of all sequences.
            probes: `[n]` row numbers.
            gallery: `[m]` row numbers.
        """
        if self.camera is None:
            return np.zeros((len(probes), len(gallery)), dtype=bool)
        same: Bools = subjects[probes][:, None] == subjects[gallery]
        skipped: Bools = same & (self.camera[probes][:, None] == self.camera[gallery])
        return skipped


def roles_of(protocol: Protocol, sequences: pd.DataFrame) -> list[Roles]:
    """Returns the roles of sequences, for each gallery and comparison of the protocol.

    Args:
        protocol: its rows, and the views that count.
        sequences: subject, type and view of each sequence.

    Raises:
        UserError: a sequence would be gallery and probe of one condition.
    """
    found: list[Identity] = list(sequences[list(IDENTITY)].itertuples(index=False, name=None))
    view = sequences["view"].to_numpy().astype(str)
    groups: dict[tuple[Kind, tuple[str, ...]], list[Row]] = {}
    masks: dict[str, tuple[Bools, Bools]] = {}
    used = np.zeros(len(found), dtype=bool)
    for row in protocol.rows():
        gallery, probes = (np.array(side, dtype=bool) for side in protocol.members(row, found))
        if (both := gallery & probes).any():
            raise UserError(
                f"protocol: {name_of(*found[int(both.argmax())])} is gallery and probe of "
                f"{row.name}, so it would match itself; change protocol.gallery or protocol.probes"
            )
        masks[row.name] = gallery, probes
        groups.setdefault((row.kind, row.gallery), []).append(row)
        used |= gallery | probes
    views = protocol.counted_views(view[used].tolist())
    known = np.isin(view, views)
    return [_roles(rows, masks, view, views, known) for rows in groups.values()]


def _roles(
    rows: list[Row],
    masks: dict[str, tuple[Bools, Bools]],
    view: Names,
    views: Iterable[str],
    known: Bools,
) -> Roles:
    """Returns the roles in some rows with the same gallery and comparison."""
    kind = rows[0].kind
    comparison = COMPARISONS[kind]
    distinct, place = np.unique(view, return_inverse=True)
    probe_cell, gallery_cell, camera = (
        np.array([cell(name) for name in distinct.tolist()], dtype=str)[place]
        for cell in (comparison.probe_cell, comparison.gallery_cell, camera_of)
    )
    cells = {cell for v in views for cell in (comparison.probe_cell(v), comparison.gallery_cell(v))}
    return Roles(
        kind=kind,
        cells=tuple(sorted(cells)),
        probe_cell=probe_cell,
        gallery_cell=gallery_cell,
        gallery=masks[rows[0].name][0] & known,
        conditions={row.name: masks[row.name][1] & known for row in rows},
        camera=None if comparison.own_camera else camera,
    )
