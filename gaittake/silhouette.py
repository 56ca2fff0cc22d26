"""A silhouette cut out, scaled and centred as the field's networks take it. Pure functions."""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

MIN_PART = 0.02  # of the largest part's pixels; a head has 0.08; specks of noise far less


class Aligned(NamedTuple):
    """A normalised silhouette and where it came from.

    Attributes:
        image: `[height, width]` uint8.
        top: first row of the figure in the frame, pixels.
        height: height of the figure in the frame, pixels.
        centre: column of the frame that became the middle, pixels.
    """

    image: Image
    top: float
    height: float
    centre: float


def figure(frame: Image) -> Image:
    """Returns the frame without stray noise: its largest connected part, and parts not far smaller.

    A stray pixel far from the figure would stretch the crop and shrink the person. A head or a leg
    that subtraction cut off is no noise: without it the crop would be wrong the other way.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats((frame > 0).astype(np.uint8))
    if count <= 2:
        return frame
    area = stats[:, cv2.CC_STAT_AREA]
    kept = area >= MIN_PART * area[1:].max()
    return np.where(kept[labels], frame, 0).astype(np.uint8)


def align(frame: Image, *, height: int, width: int, min_mass: int) -> Aligned | None:
    """Returns the normalised silhouette, or None for a frame without a person.

    The steps are GaitSet's and OpenGait's: drop a frame of too little mass, crop to its rows,
    scale to the height (cubic), centre on the column where the cumulative mass passes half, keep
    `height` columns (zero-padded) and of these the middle `width`.

    Args:
        frame: `[rows, columns]` uint8, 0 or 255.
        height: rows of the result.
        width: columns of the result, at most `height`.
        min_mass: sum of pixel values that a frame must exceed.
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
        return None  # a line so thin that scaling lost it
    middle = int(np.argmax(mass > mass[-1] / 2))
    half = height // 2
    padded = np.pad(scaled, ((0, 0), (half, half)))
    square = padded[:, middle : middle + 2 * half]
    margin = (2 * half - width) // 2
    image = np.ascontiguousarray(square[:, margin : margin + width], dtype=np.uint8)
    return Aligned(image, float(top), float(bottom - top), middle / scale)


def box(frame: Image) -> tuple[float, float, float, float] | None:
    """Returns x1, y1, x2, y2 of the figure in pixels (outer edges), or None for an empty frame."""
    points = cv2.findNonZero(figure(frame))
    if points is None:
        return None
    x, y, w, h = cv2.boundingRect(points)
    return float(x), float(y), float(x + w), float(y + h)
