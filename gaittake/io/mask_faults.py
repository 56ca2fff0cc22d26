"""Why images are not masks, and what the user can do. Pure functions."""

from collections.abc import Sequence as Items
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Fault(NamedTuple):
    """Why images are not masks.

    Attributes:
        reason: for a row of rejects, the same for the same fault.
        found: what was seen, with figures.
        remedy: what the user can do; `{masks}` stands for how masks are chosen, `{colours}` for
            what to do with photographs.
    """

    reason: str
    found: str
    remedy: str

    def advice(self, *, masks: str, colours: str) -> str:
        """Returns fault and remedy in the words of a command or of the settings."""
        return f"{self.found}; {self.remedy.format(masks=masks, colours=colours)}"


EXCHANGED = "mask and background exchanged"
PHOTO = "photograph in the place of a mask"
NO_ALPHA = Fault(
    "mask without alpha channel",
    "the images have no alpha channel",
    "{masks} auto",
)
TWO_MASKS = Fault(
    "alpha channel and colours show two masks",
    "the alpha channel and the colours show two different masks",
    "{masks} alpha, or bright for the colours",
)


def photograph(grey: float) -> Fault:
    """Returns the fault of images of which a share of the pixels is neither black nor white."""
    return Fault(
        PHOTO,
        f"{100 * grey:.0f} % of the pixels are neither black nor white: these are photographs, not "
        "masks",
        "{colours}; where photographs are cut out on black, {masks} nonzero",
    )


def labels(levels: Array) -> Fault:
    """Returns the fault of images that have more than two levels, which hardly vary."""
    return Fault(
        "mask with more than two levels",
        f"the images have the levels {_listed(levels)}, one for the person and one for the "
        "background are required",
        "{masks} nonzero if every level above 0 is the person, bright if only the upper "
        "half is; several people in one image need a mask for each",
    )


def faint(levels: Array) -> Fault:
    """Returns the fault of images whose levels are too near each other."""
    return Fault(
        "mask without contrast",
        f"the images have the levels {_listed(levels)} only: labels of several people, or masks of "
        "0 and 1 that were compressed",
        "store masks as PNG with 0 and 255; {masks} nonzero if every level above 0 is the person",
    )


def exchanged(bright: Items[Array]) -> Fault:
    """Returns the fault of images `[rows, columns]` whose background is bright."""
    share = float(np.mean([image.mean() for image in bright]))
    return Fault(
        EXCHANGED,
        f"the person is dark and the background bright ({100 * share:.0f} % of the pixels)",
        "{masks} dark; or bright, if the bright part is the person nevertheless",
    )


def _listed(levels: Array) -> str:
    shown = ", ".join(f"{level:g}" for level in levels[:6])
    return shown + (", …" if len(levels) > 6 else "")
