"""Matches another program's people to silhouettes. Pure functions; NumPy only."""

from itertools import pairwise

import numpy as np

from gaittake.arrays import Bools, Float32s
from gaittake.silhouette import Box

# A person is at the silhouette from this IoU of the boxes on. Lower than that of labels: all frames
# are needed, and a bag or a coat is a part of the silhouette.
MIN_IOU = 0.3
# So many frames in a row without keypoints are filled between their neighbours: a fifth of a second
# at 25 frames per second.
LONGEST_GAP = 5
# A box around keypoints lacks the top of the head, the soles and the flesh; as shares of its
# height, medians of rendered people. It then overlaps the silhouette's box by 0.86 (median IoU).
BESIDE, ABOVE, BELOW = 0.06, 0.09, 0.05


def known(keypoints: Float32s, scores: Float32s) -> Bools:
    """Returns `[m]`: whether all numbers are finite, and a keypoint has a confidence.

    Args:
        keypoints: `[m, 17, 3]`.
        scores: `[m]`.
    """
    finite = np.isfinite(keypoints).all(axis=(1, 2)) & np.isfinite(scores)
    seen: Bools = finite & (keypoints[..., 2] > 0).any(axis=1)
    return seen


def boxes_around(keypoints: Float32s) -> Float32s:
    """Returns `[m, 4]`: about the boxes of the bodies with these keypoints `[m, 17, 3]`.

    Keypoints of confidence 0 do not count.
    """
    counted = keypoints[..., 2:] > 0
    low = np.where(counted, keypoints[..., :2], np.inf).min(axis=1)
    high = np.where(counted, keypoints[..., :2], -np.inf).max(axis=1)
    height = (high - low)[:, 1]
    margins = height[:, None] * np.array([BESIDE, ABOVE, BESIDE, BELOW], dtype=np.float32)
    signs = np.array([-1, -1, 1, 1], dtype=np.float32)
    return np.asarray(np.hstack([low, high]) + signs * margins, dtype=np.float32)


def overlaps(box: Box, boxes: Float32s) -> Float32s:
    """Returns the IoU `[m]` of a box with boxes `[m, 4]`, x1, y1, x2, y2."""
    own = np.array(box, dtype=np.float32)
    low, high = np.maximum(own[:2], boxes[:, :2]), np.minimum(own[2:], boxes[:, 2:])
    shared = (high - low).clip(0).prod(axis=1)
    areas = (own[2:] - own[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.asarray(shared / (areas - shared), dtype=np.float32)


def filled(numbers: list[int], found: dict[int, Float32s]) -> dict[int, Float32s]:
    """Returns the keypoints of frames, those of short gaps interpolated by the frame's number.

    Args:
        numbers: of the silhouettes, in order.
        found: keypoints `[17, 3]` by number.
    """
    places = [place for place, number in enumerate(numbers) if number in found]
    every = dict(found)
    for before, after in pairwise(places):
        if 1 < after - before <= LONGEST_GAP + 1:
            first, last = numbers[before], numbers[after]
            for place in range(before + 1, after):
                share = (numbers[place] - first) / (last - first)
                every[numbers[place]] = _between(found[first], found[last], share)
    return every


def _between(first: Float32s, last: Float32s, share: float) -> Float32s:
    """Returns keypoints `[17, 3]` between two frames'; unknown in one, they stay unknown."""
    seen = (first[:, 2:] > 0) & (last[:, 2:] > 0)
    unknown = np.concatenate([first[:, :2], np.zeros_like(first[:, 2:])], axis=1)
    between = first + np.float32(share) * (last - first)
    return np.asarray(np.where(seen, between, unknown), dtype=np.float32)
