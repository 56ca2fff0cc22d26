"""From masks of whole frames to the network's input: aligned silhouettes, normalised keypoints."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torchvision.models.detection import KeypointRCNN

from gaittake.errors import UserError
from gaittake.io.masks import judge
from gaittake.keypoints import NAMES, normalise
from gaittake.pose.predict import Frame, predict_batch
from gaittake.sequence import Reject, Sequence
from gaittake.settings import Align, PredictStage
from gaittake.silhouette import Aligned, Image, align, box

Floats = npt.NDArray[np.float32]
# Takes frame numbers and frames, returns keypoints `[n, 17, 3]` in pixels of the whole frames.
Locate = Callable[[list[int], list[Image]], Floats]
BATCH = 16
# The networks process all frames of a sequence at once. On a CPU in float32, with silhouettes of
# 64 × 44, a forward pass takes 0.7 (GaitSet) to 2.5 MiB (GaitTAKE) per frame: 2.5 GiB at the limit.
MAX_FRAMES = 1000


class NetworkInput(NamedTuple):
    """The frames of a sequence that show a person.

    Attributes:
        silhouettes: `[s, h, w]` uint8, aligned.
        keypoints: `[s, 17, 3]`, normalised.
        dropped: number of frames without a person.
    """

    silhouettes: Image
    keypoints: Floats
    dropped: int


def network_input(
    frames: Iterable[Image], *, settings: Align, locate: Locate, name: str
) -> NetworkInput:
    """Returns the frames of a sequence that show a person, as in the pipeline's cache.

    Holds at most `BATCH` whole frames in memory.

    Args:
        frames: `[rows, columns]` uint8 each, 0 or 255.
        settings: settings of silhouette alignment.
        locate: returns the keypoints of frames.
        name: of the sequence, for messages.

    Raises:
        UserError: no frame shows a person, or more than `MAX_FRAMES` frames do.
    """
    aligned: list[Aligned] = []
    located: list[Floats] = []
    seen = 0
    for batch in batches(frames, BATCH):
        items = [align(image, **settings.model_dump()) for image in batch]
        kept = [place for place, item in enumerate(items) if item is not None]
        aligned += [item for item in items if item is not None]
        if len(aligned) > MAX_FRAMES:
            raise UserError(
                f"{name}: more than {MAX_FRAMES:,} frames show a person, the limit for one "
                "sequence (memory); split the recording into shorter sequences, such as one for "
                "each pass through the picture"
            )
        if kept:
            located.append(locate([seen + n for n in kept], [batch[n] for n in kept]))
        seen += len(batch)
    if not aligned:
        raise UserError(
            f"{name}: none of {seen} frames shows a person (at least {settings.min_mass // 255 + 1}"
            " white pixels); check the masks, or create them with another method"
        )
    keypoints = normalise(
        np.concatenate(located),
        top=np.array([item.top for item in aligned], dtype=np.float32),
        height=np.array([item.height for item in aligned], dtype=np.float32),
        centre=np.array([item.centre for item in aligned], dtype=np.float32),
    )
    images = np.stack([item.image for item in aligned])
    return NetworkInput(images, keypoints, seen - len(aligned))


def batches(frames: Iterable[Image], size: int) -> Iterator[list[Image]]:
    """Yields batches of at most `size` consecutive frames of the same shape."""
    batch: list[Image] = []
    for image in frames:
        if batch and (len(batch) == size or batch[0].shape != image.shape):
            yield batch
            batch = []
        batch.append(image)
    if batch:
        yield batch


def binary_masks(silhouettes: npt.NDArray[np.generic]) -> Image:
    """Returns `[s, rows, columns]` uint8, 0 or 255.

    Args:
        silhouettes: `[s, rows, columns]` bool, or uint8 where values above 127 are the person.

    Raises:
        UserError: another shape or dtype, masks of 0 and 1, or not masks: photographs, or the
            background bright.
    """
    if silhouettes.ndim != 3 or silhouettes.dtype not in (np.uint8, np.bool_):
        raise UserError(
            "silhouettes: a uint8 array [frames, rows, columns] of 0 and 255 is required; found "
            f"{silhouettes.dtype} {list(silhouettes.shape)}"
        )
    if silhouettes.dtype == np.uint8 and silhouettes.size and silhouettes.max() == 1:
        raise UserError(
            "silhouettes: values 0 and 255 are required; found 0 and 1. Pass silhouettes > 0 or "
            "255 * silhouettes."
        )
    person = silhouettes if silhouettes.dtype == np.bool_ else silhouettes.astype(np.uint8) > 127
    if len(person):
        some = {len(person) * part // 4 for part in (1, 2, 3)}
        if fault := judge([silhouettes[place].astype(np.uint8) for place in sorted(some)]).fault:
            raise UserError(f"silhouettes: not masks of a bright person on black: {fault.found}")
    return np.where(person, 255, 0).astype(np.uint8)


def given_keypoints(keypoints: npt.NDArray[np.floating], frames: int) -> Locate:
    """Returns a function that looks up the keypoints of frames in an array.

    Args:
        keypoints: `[frames, 17, 3]`: x and y in pixels of the whole frames, confidence in 0…1.
        frames: number of silhouettes.

    Raises:
        UserError: another shape, or values that are not finite.
    """
    if keypoints.shape != (frames, len(NAMES), 3) or not np.isfinite(keypoints).all():
        raise UserError(
            f"keypoints: finite values [{frames}, {len(NAMES)}, 3] are required, one row per "
            f"silhouette; found {list(keypoints.shape)}"
        )
    rows = keypoints.astype(np.float32)
    return lambda numbers, _: rows[numbers]


def no_keypoints(numbers: list[int], _: list[Image]) -> Floats:
    """Returns zeros, for a network that takes no keypoints."""
    return np.zeros((len(numbers), len(NAMES), 3), dtype=np.float32)


def student_keypoints(
    student: KeypointRCNN, settings: PredictStage, rejects: list[Reject]
) -> Locate:
    """Returns a function that predicts keypoints with the student, as the predict stage does.

    Args:
        student: on its device, in evaluation mode.
        settings: settings of keypoint prediction.
        rejects: frames without a detection are appended.
    """
    sequence = Sequence("", "", 0, 0, 0, Path(), None)

    def locate(numbers: list[int], images: list[Image]) -> Floats:
        shown = [
            Frame(0, number, image, figure)
            for number, image in zip(numbers, images, strict=True)
            if (figure := box(image)) is not None  # never None: only aligned frames come here
        ]
        return predict_batch(student, shown, settings, rejects, [sequence])

    return locate
