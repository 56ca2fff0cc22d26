"""A dataset's own keypoints, converted to coordinates of its silhouettes. Pure functions."""

import numpy as np
import numpy.typing as npt

from gaittake.arrays import Bools, Float32s
from gaittake.keypoints import place_of
from gaittake.silhouette import Image

# Keypoints are at a figure if half of them lie in its box, or so near, and if they do not lie all
# together. Shares of the image's height; elbows leave the box of a narrow figure, a bag widens it.
NEAR, SPREAD = 0.1, 0.25


def keypoints_on(people: Float32s, image: Image, *, aligned: bool) -> Float32s | None:
    """Returns the keypoints `[17, 3]` of a silhouette in its pixels, or None without a place.

    A person without a joint (every confidence 0) has no place.

    Keypoints of aligned silhouettes usually belong to a picture that is not there. Where they lie
    outside of the silhouette's image, they are moved and scaled so that the body's proportions fit
    a figure of full height in the middle.

    Args:
        people: `[people, 17, 3]`, at least one: x and y in pixels, confidence.
        image: the silhouette `[rows, columns]`.
        aligned: whether it is cropped and scaled.
    """
    found = max(people, key=lambda each: _on(each, image)) if len(people) > 1 else people[0]
    rows, columns = image.shape
    known = found[found[:, 2] > 0, :2]
    if not len(known):
        return None
    if not aligned or ((known >= 0) & (known <= (columns, rows))).all():
        return np.asarray(found, np.float32)
    place = place_of(found)
    if place is None:
        return None
    scale = rows / place.height
    moved = np.array(found, np.float32)
    moved[:, 0] = (found[:, 0] - place.centre) * scale + columns / 2
    moved[:, 1] = (found[:, 1] - place.top) * scale
    return moved


def at_figures(silhouettes: npt.NDArray[np.uint8], keypoints: Float32s) -> Bools:
    """Returns `[s]`: whether the keypoints of each frame lie at its figure.

    Args:
        silhouettes: `[s, h, w]`, normalised.
        keypoints: `[s, 17, 3]`, normalised with them; each frame has one of confidence above 0.
    """
    height, width = silhouettes.shape[1:]
    low, high = _boxes(silhouettes > 0)
    known = keypoints[..., 2] > 0
    points = (keypoints[..., :2] - (0.5, 0)) * height + (width / 2, 0)  # [s, 17, 2]
    near = (points >= low[:, None] - NEAR * height) & (points <= high[:, None] + NEAR * height)
    rows = np.where(known, points[..., 1], np.nan)
    spread = np.nanmax(rows, axis=1) - np.nanmin(rows, axis=1)
    half = 2 * (near.all(axis=2) & known).sum(axis=1) >= known.sum(axis=1)
    return np.asarray(half & (spread >= SPREAD * height))


def _boxes(figures: Bools) -> tuple[Float32s, Float32s]:
    """Returns the first and the last column and row `[s, 2]` of each figure `[s, h, w]`."""
    lines: list[Bools] = [np.asarray(figures.any(axis=axis)) for axis in (1, 2)]
    low = [line.argmax(axis=1) for line in lines]
    high = [line.shape[1] - line[:, ::-1].argmax(axis=1) for line in lines]
    return np.stack(low, axis=1).astype(np.float32), np.stack(high, axis=1).astype(np.float32)


def _on(keypoints: Float32s, image: Image) -> int:
    """Returns how many joints lie on the figure."""
    rows, columns = image.shape
    x, y = keypoints[keypoints[:, 2] > 0, :2].T.astype(int)
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    return int((image[y[inside], x[inside]] > 0).sum())
