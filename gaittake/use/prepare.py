"""From full-frame masks to what the network takes: aligned silhouettes, normalised keypoints."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torchvision.models.detection import KeypointRCNN

from gaittake.errors import UserError
from gaittake.keypoints import NAMES, normalise
from gaittake.pose.predict import Frame, predict_batch
from gaittake.sequence import Reject, Sequence
from gaittake.settings import Align, PredictStage
from gaittake.silhouette import Aligned, Image, align, box

Floats = npt.NDArray[np.float32]
# Keypoints `[n, 17, 3]` in pixels of the full frames, of the frames with these numbers.
Locate = Callable[[list[int], list[Image]], Floats]
BATCH = 16


class Prepared(NamedTuple):
    """The usable frames of a walk.

    Attributes:
        silhouettes: `[s, h, w]` uint8, aligned.
        keypoints: `[s, 17, 3]`, normalised.
        dropped: frames that show nobody.
    """

    silhouettes: Image
    keypoints: Floats
    dropped: int


def prepare(frames: Iterable[Image], *, settings: Align, locate: Locate, name: str) -> Prepared:
    """Returns the usable frames of a walk, as the cache holds them. Memory holds only the crops.

    Args:
        frames: `[rows, columns]` uint8 each, 0 or 255.
        settings: how silhouettes are aligned.
        locate: gives the keypoints.
        name: of the walk, for messages.

    Raises:
        UserError: no frame shows anybody.
    """
    aligned: list[Aligned] = []
    located: list[Floats] = []
    seen = 0
    for batch in batches(frames, BATCH):
        items = [align(image, **settings.model_dump()) for image in batch]
        kept = [place for place, item in enumerate(items) if item is not None]
        if kept:
            located.append(locate([seen + n for n in kept], [batch[n] for n in kept]))
            aligned += [item for item in items if item is not None]
        seen += len(batch)
    if not aligned:
        raise UserError(
            f"{name}: {seen} frames, and none shows a person: pixels of 255 that sum to more than "
            f"{settings.min_mass} are needed; look at the masks, or make them another way"
        )
    keypoints = normalise(
        np.concatenate(located),
        top=np.array([item.top for item in aligned], dtype=np.float32),
        height=np.array([item.height for item in aligned], dtype=np.float32),
        centre=np.array([item.centre for item in aligned], dtype=np.float32),
    )
    return Prepared(np.stack([item.image for item in aligned]), keypoints, seen - len(aligned))


def batches(frames: Iterable[Image], size: int) -> Iterator[list[Image]]:
    """Yields up to `size` neighbouring frames of one shape."""
    batch: list[Image] = []
    for image in frames:
        if batch and (len(batch) == size or batch[0].shape != image.shape):
            yield batch
            batch = []
        batch.append(image)
    if batch:
        yield batch


def masks_of(silhouettes: npt.NDArray[np.generic]) -> Image:
    """Returns `[s, rows, columns]` uint8 of 0 and 255.

    Args:
        silhouettes: bool, or uint8 where more than 127 is the person, as in files.

    Raises:
        UserError: another shape or dtype, or masks of 0 and 1.
    """
    if silhouettes.ndim != 3 or silhouettes.dtype not in (np.uint8, np.bool_):
        raise UserError(
            "silhouettes: a uint8 array [frames, rows, columns] of 0 and 255 is needed, found "
            f"{silhouettes.dtype} {list(silhouettes.shape)}"
        )
    if silhouettes.dtype == np.uint8 and silhouettes.size and silhouettes.max() == 1:
        raise UserError(
            "silhouettes: 0 and 255 are needed, found 0 and 1; give silhouettes > 0 or 255 * them"
        )
    person = silhouettes if silhouettes.dtype == np.bool_ else silhouettes.astype(np.uint8) > 127
    return np.where(person, 255, 0).astype(np.uint8)


def given(keypoints: npt.NDArray[np.floating], frames: int) -> Locate:
    """Returns what looks keypoints up.

    Args:
        keypoints: `[frames, 17, 3]`: x and y in pixels of the full frame, confidence in 0…1.
        frames: of the silhouettes.

    Raises:
        UserError: another shape, or a number that is not finite.
    """
    if keypoints.shape != (frames, len(NAMES), 3) or not np.isfinite(keypoints).all():
        raise UserError(
            f"keypoints: finite numbers [{frames}, {len(NAMES)}, 3] are needed, a row for each "
            f"silhouette, found {list(keypoints.shape)}"
        )
    rows = keypoints.astype(np.float32)
    return lambda numbers, _: rows[numbers]


def none(numbers: list[int], _: list[Image]) -> Floats:
    """Returns zeros, for a network that does not look at keypoints."""
    return np.zeros((len(numbers), len(NAMES), 3), dtype=np.float32)


def by_student(student: KeypointRCNN, settings: PredictStage, rejects: list[Reject]) -> Locate:
    """Returns what asks the student, as the predict stage does.

    Args:
        student: on its device, in evaluation mode.
        settings: where keypoints are looked for.
        rejects: gets the frames in which it detected nobody.
    """
    walk = Sequence("", "", 0, 0, 0, Path(), None)

    def locate(numbers: list[int], images: list[Image]) -> Floats:
        shown = [
            Frame(0, number, image, figure)
            for number, image in zip(numbers, images, strict=True)
            if (figure := box(image)) is not None  # aligned, so somebody is there
        ]
        return predict_batch(student, shown, settings, rejects, [walk])

    return locate
