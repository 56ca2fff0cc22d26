"""The 17 COCO keypoints: names, mirror, limbs, and their normalised coordinates."""

from typing import NamedTuple

import numpy as np

from gaittake.arrays import Float32s

NAMES = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
# In a mirrored image, keypoint i is keypoint MIRROR[i] of the original.
MIRROR = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
LIMBS = (
    (0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10),
    (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
)  # fmt: skip
# SkeletonGait joins the nose to the shoulders, and these not to each other.
SKELETONGAIT_LIMBS = (*(limb for limb in LIMBS if limb != (5, 6)), (0, 5), (0, 6))
# Joints of OpenPose's 18 (COCO with a neck, which is left out) in the order of NAMES.
FROM_18 = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
# Heights above the ground as shares of the stature (Drillis & Contini 1966).
EYES, ANKLES = 0.936, 0.039
HEAD, TRUNK, FEET = range(5), (5, 6, 11, 12), (15, 16)


class Place(NamedTuple):
    """Where the figure of a frame is, pixels: first row, height, middle column."""

    top: float
    height: float
    centre: float


def with_confidences(keypoints: Float32s) -> Float32s:
    """Returns keypoints `[..., 17, 3]` with confidences in 0…1.

    COCO's labels have 2 for a visible keypoint; peaks of heatmaps may leave 0…1 by a little.
    """
    found = keypoints.copy()
    found[..., 2] = found[..., 2].clip(0, 1)
    return found


def place_of(keypoints: Float32s) -> Place | None:
    """Returns where the figure of keypoints `[17, 3]` is; None if too few of them are known.

    Needed where no silhouette tells it. The eyes and the lower ankle give the height; shoulders and
    hips give the middle. Joints of confidence 0 are unknown.
    """
    known = keypoints[:, 2] > 0
    head, trunk, feet = (
        np.array([keypoints[joint, :2] for joint in joints if known[joint]])
        for joints in (HEAD, TRUNK, FEET)
    )
    if not (len(head) and len(trunk) and len(feet)):
        return None
    eyes, ankle = float(head[:, 1].mean()), float(feet[:, 1].max())
    height = (ankle - eyes) / (EYES - ANKLES)
    if height <= 0:
        return None
    return Place(eyes - (1 - EYES) * height, height, float(trunk[:, 0].mean()))


def normalise(
    keypoints: Float32s, *, top: Float32s, height: Float32s, centre: Float32s
) -> Float32s:
    """Returns keypoints in the coordinates of their normalised silhouettes.

    ASSUME: keypoints are normalised like the silhouettes, by the figure's height and centre, and
    clamped to 0…1, so that a keypoint far off counts as one at the border.

    Args:
        keypoints: `[s, 17, 3]`: x and y in pixels of the full frame, confidence.
        top: `[s]`, first row of each figure, pixels.
        height: `[s]`, height of each figure, pixels.
        centre: `[s]`, column on which the silhouette was centred, pixels.

    Returns:
        `[s, 17, 3]` float32: x = (u − centre)/height + 0.5, y = (v − top)/height, both clamped to
        0…1, and the confidence.
    """
    placed = keypoints.astype(np.float32, copy=True)
    scale = height[:, None]
    placed[..., 0] = np.clip((keypoints[..., 0] - centre[:, None]) / scale + 0.5, 0, 1)
    placed[..., 1] = np.clip((keypoints[..., 1] - top[:, None]) / scale, 0, 1)
    return placed
