"""Silhouettes cropped, scaled and centred as usual in gait recognition. Pure functions."""

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels, outer edges

MIN_PART = 0.02  # share of the largest part's pixels; a head has 0.08, noise far less


class Aligned(NamedTuple):
    """A normalised silhouette and its place in the frame.

    Attributes:
        image: `[height, width]` uint8.
        top: first row of the figure in the frame, pixels.
        height: height of the figure in the frame, pixels.
        centre: column of the frame at the middle of the image, pixels.
    """

    image: Image
    top: float
    height: float
    centre: float


def figure(frame: Image) -> Image:
    """Returns the frame without noise: its largest connected part, and parts of 2 % of it or more.

    A noise pixel far from the figure would enlarge the crop, and so shrink the figure. A head or
    leg that background subtraction separated must stay: without it the crop would be too small.
    """
    # Parts do not touch, not even at corners, so one of four pixels can be a part of its own. Where
    # 16 bits number them all, they take half of the time.
    most = (frame.shape[0] + 1) // 2 * ((frame.shape[1] + 1) // 2)
    number = cv2.CV_16U if most < 2**16 else cv2.CV_32S
    count, labels, stats, _ = cv2.connectedComponentsWithStats(frame, ltype=number)
    if count <= 2:
        return frame
    area = stats[:, cv2.CC_STAT_AREA]
    kept = area >= MIN_PART * area[1:].max()
    cleaned: Image = frame * kept.take(labels)
    return cleaned


def align(frame: Image, *, height: int, width: int, min_mass: int) -> Aligned | None:
    """Returns the normalised silhouette, or None for a frame without a person.

    The steps are those of GaitSet and OpenGait: skip frames of too little mass, crop to the
    figure's rows, scale to the height (cubic), centre on the column where the cumulative mass
    passes half, keep `height` columns (zero-padded) and of these the middle `width`.

    Args:
        frame: `[rows, columns]` uint8, 0 or 255.
        height: rows of the result.
        width: columns of the result, at most `height`.
        min_mass: the sum of the pixel values must exceed this.
    """
    if int(frame.sum()) <= min_mass:
        return None
    frame = figure(frame)
    rows = np.flatnonzero(frame.any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    scale = height / (bottom - top)
    scaled_width = max(1, int(frame.shape[1] * scale))
    scaled = cv2.resize(frame[top:bottom], (scaled_width, height), interpolation=cv2.INTER_CUBIC)
    mass = scaled.sum(axis=0, dtype=np.int64).cumsum()
    if not mass[-1]:
        return None  # a line too thin to survive the scaling
    middle = int(np.argmax(mass > mass[-1] / 2))
    half = height // 2
    padded = cv2.copyMakeBorder(scaled, 0, 0, half, half, cv2.BORDER_CONSTANT)
    square = padded[:, middle : middle + 2 * half]
    margin = (2 * half - width) // 2
    image = np.ascontiguousarray(square[:, margin : margin + width], dtype=np.uint8)
    return Aligned(image, float(top), float(bottom - top), middle / scale)


def fit(frame: Image, *, height: int, width: int) -> Aligned | None:
    """Returns a silhouette that is aligned already in the network's size, or None for other shapes.

    A square is cut to the middle columns, as OpenGait does; one that has the network's proportions
    was cut before, and keeps its columns. Only other heights are scaled.

    Args:
        frame: `[rows, columns]` uint8: a figure of full height, in the middle.
        height: rows of the result.
        width: columns of the result.
    """
    rows, columns = frame.shape
    kept = columns * width // height if rows == columns else columns
    if kept * height != rows * width:
        return None
    margin = (columns - kept) // 2
    image: npt.NDArray[Any] = frame[:, margin : margin + kept]
    if rows != height:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return Aligned(np.array(image, dtype=np.uint8), 0.0, float(rows), columns / 2)


def box(frame: Image) -> Box | None:
    """Returns the box of the figure, or None for an empty frame."""
    points = cv2.findNonZero(figure(frame))
    if points is None:
        return None
    x, y, w, h = cv2.boundingRect(points)
    return float(x), float(y), float(x + w), float(y + h)
