"""How the probes of a protocol meet its gallery: in which cells, and which pairs do not count.

A cell is a part of the probes and a part of the gallery that are searched together: those of a
view, those of a camera, or all of them. Tables average over cells.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

PROBES, GALLERY = "probes", "gallery"  # the cells of all probes, and of one gallery
Kind = Literal["views", "gallery", "reid", "gait"]
Metric = Literal[
    "rank1", "rank5", "rank10", "rank20", "map", "minp", "rank1_diagonal", "tar1", "tar5"
]


class Comparison(NamedTuple):
    """One way to compare probes and gallery.

    Attributes:
        cell: returns the cell of a view; None: one gallery with all sequences.
        own_camera: whether pairs of one subject by one camera count.
        shown: metrics in the table; the first is always rank-1.
    """

    cell: Callable[[str], str] | None
    own_camera: bool
    shown: tuple[Metric, ...]

    @property
    def one_gallery(self) -> bool:
        """Whether all gallery sequences are searched together."""
        return self.cell is None

    def probe_cell(self, view: str) -> str:
        """Returns the cell of a probe of this view."""
        return PROBES if self.cell is None else self.cell(view)

    def gallery_cell(self, view: str) -> str:
        """Returns the cell of a gallery sequence of this view."""
        return GALLERY if self.cell is None else self.cell(view)


def camera_of(view: str) -> str:
    """Returns the camera of a view, the part of its name before `_`: `00` of `00_1`."""
    return view.partition("_")[0]


COMPARISONS: dict[Kind, Comparison] = {
    "views": Comparison(lambda view: view, True, ("rank1",)),
    "gallery": Comparison(None, True, ("rank1", "rank5", "rank10", "map", "minp")),
    "reid": Comparison(None, False, ("rank1", "map", "minp")),
    "gait": Comparison(camera_of, True, ("rank1", "rank1_diagonal")),
}


class Row(NamedTuple):
    """A condition of a protocol in one comparison: a row of the table.

    Attributes:
        name: the condition; with several comparisons, the comparison follows: `CL reid`.
        kind: of the comparison.
        gallery: names, ranges and patterns of its gallery.
        probes: those of its probes.
    """

    name: str
    kind: Kind
    gallery: tuple[str, ...]
    probes: tuple[str, ...]
