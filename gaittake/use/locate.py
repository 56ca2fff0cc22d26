"""Keypoints of masks: the user's, the student's, or none."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float32s, describe_array
from gaittake.errors import UserError
from gaittake.keypoints import MIRROR, NAMES
from gaittake.sequence import Reject, Sequence
from gaittake.settings import PredictStage
from gaittake.silhouette import Image, box

if TYPE_CHECKING:
    from gaittake.pose.vision import KeypointRCNN


class Shown(NamedTuple):
    """A mask as the networks process it.

    Attributes:
        number: place in the sequence, from 0.
        image: `[rows, columns]` uint8, 0 or 255.
        mirrored: whether the image is the mirror image of the frame.
    """

    number: int
    image: Image
    mirrored: bool


# Takes masks, returns keypoints `[n, 17, 3]` in pixels of their images, NaN for a mask that has
# none, or candidates `[n, 17, 3, 3]` that `gaittake.pose.follow` chooses from.
Locate = Callable[[list[Shown]], Float32s]


def given_keypoints(keypoints: npt.NDArray[np.floating], frames: int) -> Locate:
    """Returns a function that looks up the keypoints of frames in an array.

    Args:
        keypoints: `[frames, 17, 3]`: x and y in pixels of the whole frames, confidence in 0…1.
        frames: number of silhouettes.

    Raises:
        UserError: no array of numbers, another shape, or values that are not finite.
    """
    required = f"finite values [{frames}, {len(NAMES)}, 3] are required, one row per silhouette"
    if (
        not isinstance(keypoints, np.ndarray)
        or keypoints.shape != (frames, len(NAMES), 3)
        or keypoints.dtype.kind not in "fiu"
    ):
        raise UserError(f"keypoints: {required}; found {describe_array(keypoints)}")
    if strange := int((~np.isfinite(keypoints).all(axis=(1, 2))).sum()):
        raise UserError(
            f"keypoints: {required}; {strange} rows have others. Give an unknown keypoint a "
            "confidence of 0, or drop its silhouette."
        )
    rows = keypoints.astype(np.float32)

    def locate(masks: list[Shown]) -> Float32s:
        return np.stack([seen_in(rows[shown.number], shown) for shown in masks])

    return locate


def seen_in(keypoints: Float32s, shown: Shown) -> Float32s:
    """Returns the keypoints `[17, 3]` of a frame as those of the image shown."""
    if not shown.mirrored:
        return keypoints
    turned = keypoints[list(MIRROR)]
    turned[:, 0] = shown.image.shape[1] - turned[:, 0]
    return turned


def no_keypoints(masks: list[Shown]) -> Float32s:
    """Returns zeros, for a network that takes no keypoints."""
    return np.zeros((len(masks), len(NAMES), 3), dtype=np.float32)


def student_keypoints(
    student: "KeypointRCNN", settings: PredictStage, rejects: list[Reject]
) -> Locate:
    """Returns a function that predicts keypoints with the student, as the predict stage does.

    Args:
        student: on its device, in evaluation mode.
        settings: settings of keypoint prediction.
        rejects: frames without a detection are appended.
    """
    from gaittake.pose.predict import Frame, predict_batch

    sequence = Sequence("", "", "", 0, Path(), None)

    def locate(masks: list[Shown]) -> Float32s:
        frames = [
            Frame(0, shown.number, shown.image, figure)
            for shown in masks
            if (figure := box(shown.image)) is not None  # never None: all masks show a figure
        ]
        candidates = predict_batch(student, frames, settings, rejects, [sequence])
        return candidates if settings.follow else candidates[:, :, 0]

    return locate
