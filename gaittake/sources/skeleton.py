"""Skeleton maps as files of OpenGait hold them: limbs and joints as two images. Pure functions.

`models.maps.skeleton_maps` draws such maps on the device, from the keypoints in a batch.
"""

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float32s
from gaittake.keypoints import NAMES, SKELETONGAIT_LIMBS

SIDE = 64  # pixels of a map
CANVAS = 128  # pixels of the image that is drawn, then scaled to a map
EXTENT = 85  # pixels between the highest and the lowest joint
DEVIATION = 8.0  # pixels of the Gaussian around a joint or limb
HIPS = [NAMES.index("left_hip"), NAMES.index("right_hip")]
_STARTS, _ENDS = (list(ends) for ends in zip(*SKELETONGAIT_LIMBS, strict=True))
_ROWS, _COLUMNS = np.mgrid[:CANVAS, :CANVAS].astype(np.float32)


def skeleton_maps(keypoints: Float32s) -> npt.NDArray[np.uint8]:
    """Returns skeleton maps `[s, 2, 64, 64]` uint8: limbs, then joints.

    Steps and numbers are those of SkeletonGait (Fan et al. 2024) in OpenGait: the middle of the
    hips in the middle, one height for every skeleton, Gaussians times confidence, their maximum.

    Args:
        keypoints: `[s, 17, 3]`: x, y in any unit, y down, and confidence 0…1.
    """
    maps = np.zeros((len(keypoints), 2, SIDE, SIDE), np.uint8)
    for frame, points in zip(maps, keypoints, strict=True):
        extent = float(np.ptp(points[:, 1]))
        if extent > 0:
            middle = points[HIPS, :2].mean(axis=0)
            placed = (points[:, :2] - middle) * (EXTENT / extent) + CANVAS / 2
            frame[:] = _cropped(_drawn(placed, points[:, 2]))
    return maps


def _drawn(points: Float32s, confidence: Float32s) -> npt.NDArray[np.uint8]:
    """Returns limbs and joints `[2, 128, 128]` of points in its pixels."""
    start, end = points[_STARTS], points[_ENDS]
    certain = np.minimum(confidence[_STARTS], confidence[_ENDS])
    limbs = _gaussians(start, end, certain)
    return np.stack([limbs, _gaussians(points, points, confidence)])


def _gaussians(start: Float32s, end: Float32s, weight: Float32s) -> npt.NDArray[np.uint8]:
    """Returns the maximum `[128, 128]` of Gaussians around `n` lines, each times its weight."""
    x, y = (_COLUMNS - start[:, :1, None], _ROWS - start[:, 1:, None])  # [n, 128, 128]
    across, down = ((end - start)[:, axis, None, None] for axis in (0, 1))
    length = np.maximum(across**2 + down**2, np.float32(1e-6))
    along = np.clip((x * across + y * down) / length, 0, 1)
    distance = (x - along * across) ** 2 + (y - along * down) ** 2
    values = np.exp(distance / np.float32(-2 * DEVIATION**2)) * weight[:, None, None]
    drawn = 255 * values.max(axis=0).clip(0, 1)
    return np.asarray(np.rint(drawn), dtype=np.uint8)


def _cropped(maps: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Returns `[2, 64, 64]`: the square of the rows that are not empty, around the middle."""
    rows = np.flatnonzero(maps.any(axis=(0, 2)))
    if not len(rows):
        return np.zeros((2, SIDE, SIDE), np.uint8)
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left = (CANVAS - (bottom - top)) // 2
    square = maps[:, top:bottom, left : left + bottom - top]
    sized = [cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for each in square]
    return np.stack(sized).astype(np.uint8)
