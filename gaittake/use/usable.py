"""Which frames of a sequence show a whole person. Pure functions.

The limits were set on 107 sequences of 12 filmed people, side view, with masks by BlazePose and by
background subtraction: they keep 99.8 % of BlazePose's masks.
"""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.silhouette import Image, figure

NOBODY = "without a person"
CUT = "cut by the border"
SMALL = "too small"
SHAPE = "not of a person's shape"
JUMP = "unlike the frames around it"
NO_KEYPOINTS = "without keypoints"

MIN_HEIGHT = 32  # pixels: half the rows of the network's input
# A mask with a cast shadow is wide, one with holes is thin, a blob without legs is full.
MAX_WIDTH = 1.0  # width of the figure / its height; people who walk: 0.2 to 0.7
FILLED = (0.2, 0.9)  # area of the figure / area of its box; people who walk: 0.27 to 0.75
# Compared with the median of the frames around; steps change the height by 5 %, the area by 22 %.
AROUND = 7  # frames on each side
MAX_HEIGHT_CHANGE = 1.2  # factor
MAX_AREA_CHANGE = 1.6  # factor
MAX_SHIFT = 1.0  # body heights
# Two people side by side are as high as each other. Of 104 sequences by BlazePose, none has a frame
# with such a second part; of 107 by background subtraction, 7 have more than `MOST_WITH_TWO`, where
# the mask falls apart. Of two people half a body height apart, 7 frames in 10 show it.
SECOND = (0.5, 0.7)  # least area and height of the second part / those of the first
MOST_WITH_TWO = 0.1  # share of a sequence's frames


class Figure(NamedTuple):
    """The figure of one frame.

    Attributes:
        width: pixels.
        height: pixels.
        area: pixels.
        centre: mean column of its pixels.
        cut: whether it touches the border of the frame, and the frame is not cropped to it.
    """

    width: int
    height: int
    area: int
    centre: float
    cut: bool


def measure(frame: Image) -> Figure | None:
    """Returns the figure of a mask `[rows, columns]`, or None for an empty one."""
    shown = figure(frame)
    points = cv2.findNonZero(shown)
    if points is None:
        return None
    x, y, width, height = cv2.boundingRect(points)
    rows, columns = frame.shape
    # Masks cropped to the person are common: as high as the figure, and not wider than high.
    cropped = height == rows and columns <= rows
    touches = x == 0 or y == 0 or x + width == columns or y + height == rows
    return Figure(
        width,
        height,
        len(points),
        float(points.reshape(-1, 2)[:, 0].mean()) + 0.5,
        touches and not cropped,
    )


def shows_two(frame: Image) -> bool:
    """Returns whether a mask `[rows, columns]` has two parts of similar area and height."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(frame)
    sizes = stats[1:, [cv2.CC_STAT_AREA, cv2.CC_STAT_HEIGHT]]
    if len(sizes) < 2:
        return False
    first, second = sizes[np.argsort(-sizes[:, 0], kind="stable")[:2]]
    return bool((second >= np.array(SECOND) * first).all())


def two_figures(name: str, frames: int, with_two: int) -> str | None:
    """Returns a warning if a sequence seems to show two people, else None.

    Args:
        name: of the sequence.
        frames: number of usable frames.
        with_two: number of them that show two figures.
    """
    if with_two <= MOST_WITH_TWO * frames:
        return None
    return (
        f"{name}: {with_two} of {frames} frames show two figures of similar size: a second person, "
        "or a mask that falls apart; one person is required"
    )


def fault(found: Figure) -> str | None:
    """Returns why a figure is not that of a whole person, or None."""
    if found.cut:
        return CUT
    if found.height < MIN_HEIGHT:
        return SMALL
    filled = found.area / (found.width * found.height)
    if found.width > MAX_WIDTH * found.height or not FILLED[0] <= filled <= FILLED[1]:
        return SHAPE
    return None


def jumps(figures: list[Figure]) -> npt.NDArray[np.bool_]:
    """Returns `[n]`: which figures differ from those of the frames around them.

    Height, area and place are compared with the medians of up to `AROUND` frames on each side.
    """
    rows = np.array([(item.height, item.area, item.centre) for item in figures], dtype=np.float64)
    found = np.zeros(len(rows), dtype=np.bool_)
    for place, (height, area, centre) in enumerate(rows):
        usual = np.median(rows[max(0, place - AROUND) : place + AROUND + 1], axis=0)
        found[place] = (
            _factor(height, usual[0]) > MAX_HEIGHT_CHANGE
            or _factor(area, usual[1]) > MAX_AREA_CHANGE
            or abs(centre - usual[2]) > MAX_SHIFT * usual[0]
        )
    return found


def _factor(one: float, other: float) -> float:
    return max(one, other) / min(one, other)
