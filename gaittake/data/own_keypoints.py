"""Keypoints that a dataset has of its own, brought to its silhouettes. Pure functions."""

import numpy as np

from gaittake.arrays import Float32s
from gaittake.keypoints import place_of
from gaittake.silhouette import Image


def keypoints_on(people: Float32s, image: Image, *, aligned: bool) -> Float32s | None:
    """Returns the keypoints `[17, 3]` of a silhouette in its pixels, or None without a place.

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


def _on(keypoints: Float32s, image: Image) -> int:
    """Returns how many joints lie on the figure."""
    rows, columns = image.shape
    x, y = keypoints[keypoints[:, 2] > 0, :2].T.astype(int)
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    return int((image[y[inside], x[inside]] > 0).sum())
