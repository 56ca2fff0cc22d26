"""Masks from a static camera, by background subtraction.

The background is the median of frames without people, or of the sequence itself if the person
crosses the picture: each pixel then shows the background most of the time. If the person stays in
one place (towards the camera, on a treadmill), no frame shows the background behind them, and the
sequence is refused. OpenCV's mixture of Gaussians (MOG2) has the same limit, and is less accurate.

Each frame is first balanced: the camera's automatic exposure changes with the person's clothes.
Pixels of a cast shadow are removed: they have the background's colour, only darker. This is done in
the lowest quarter of the figure, where shadows meet the feet, because grey clothes look like a
shadow too. Without colour, nothing tells dark shoes from a shadow.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.io.frames import frame_files, read_colour
from gaittake.sequence import Reject
from gaittake.silhouette import Image, figure

STAGE = "background"
MEDIAN_FRAMES = 50
# Multiple of the median difference, which is the sensor's noise: most pixels show background. Of
# the factors 3 to 8 and several filters, this choice gave the masks closest to the true outlines
# of 24 rendered sequences.
NOISE_FACTOR = 5.0
LEAST_DIFFERENCE = 15.0  # grey levels: compressed video has regions without noise
# A person who crosses the picture covers hardly any pixel in this share of the frames.
OFTEN = 0.4
# Brightness of a shadow / that of the background; and its distance from the background's colour,
# share of the threshold. A darker limit takes dark clothes for shadows.
SHADOW = (0.5, 1.0)
SHADOW_COLOUR = 0.3
BLACK = 16  # grey levels: below them the ratio of two frames is noise
SHADOW_ROWS = 0.25  # lowest share of the figure's rows
MOST_OFTEN = 0.6  # limit for the number of pixels covered that often, share of the figure's area


def background_masks(
    source: Path, *, empty_scene: Path | None, rejects: list[Reject]
) -> Iterator[tuple[int, Image]]:
    """Yields number and mask `[rows, columns]` uint8 of each frame, 0 or 255.

    Args:
        source: colour frames of a sequence, from a static camera: folder or video.
        empty_scene: the same view without people; None: computed from the sequence.
        rejects: unreadable frames and frames of another size are appended.

    Raises:
        UserError: no frame is readable, the empty scene has another size, or the person stays in
            one place and there is no empty scene.
    """
    sample = _sample(source)
    scene = median_of(sample if empty_scene is None else _sample(empty_scene))
    if scene.shape != sample[0].shape:
        raise UserError(
            f"{empty_scene}: {scene.shape[1]} × {scene.shape[0]} pixels, but {source} has "
            f"{sample[0].shape[1]} × {sample[0].shape[0]}; both must have the same size"
        )
    threshold = _threshold(sample, scene)
    if empty_scene is None:
        _require_crossing([mask_of(frame, scene, threshold) for frame in sample], source)
    for number, frame in read_colour(source, stage=STAGE, rejects=rejects):
        if frame.shape == scene.shape:
            yield number, mask_of(frame, scene, threshold)
        else:
            rejects.append(Reject(STAGE, str(source), "frame of another size"))


def median_of(frames: list[Image]) -> Float32s:
    """Returns the median `[rows, columns, 3]` of frames of the same size."""
    return np.asarray(np.median(np.stack(frames), axis=0), dtype=np.float32)


def mask_of(frame: Image, scene: Float32s, threshold: float) -> Image:
    """Returns the mask `[rows, columns]` of a frame, 0 or 255, without specks and cast shadows."""
    balanced = _balanced(frame, scene)
    different = _difference(balanced, scene) > threshold
    whole = _smooth(different)
    rows = np.flatnonzero(whole.any(axis=1))
    if not len(rows):
        return whole
    floor = int(rows[-1] + 1 - SHADOW_ROWS * (rows[-1] + 1 - rows[0]))
    shadow = _shadow(balanced[floor:], scene[floor:], threshold)
    different[floor:] &= ~shadow
    return _smooth(different)


def _shadow(frame: Float32s, scene: Float32s, threshold: float) -> npt.NDArray[np.bool_]:
    """Returns which pixels `[rows, columns]` show the background, only darker."""
    brightness = (frame * scene).sum(axis=2) / np.maximum((scene**2).sum(axis=2), 1)
    colour = _difference(frame, brightness[..., None] * scene)
    dark = (brightness > SHADOW[0]) & (brightness < SHADOW[1])
    found = (dark & (colour < SHADOW_COLOUR * threshold)).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0)


def _balanced(frame: Image, scene: Float32s) -> Float32s:
    """Returns a frame `[rows, columns, 3]` with the exposure and white balance of the scene."""
    lit = (frame.min(axis=2) > BLACK) & (scene.min(axis=2) > BLACK)
    gain = np.median(scene[lit] / frame[lit], axis=0) if lit.any() else 1.0
    return np.asarray(frame * gain, dtype=np.float32)


def _smooth(different: npt.NDArray[np.bool_]) -> Image:
    """Returns a mask, 0 or 255, without specks and small holes."""
    mask = np.where(different, 255, 0).astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    closed = cv2.morphologyEx(cv2.medianBlur(mask, 3), cv2.MORPH_CLOSE, cross)
    return figure(np.asarray(closed, dtype=np.uint8))


def _difference(frame: Float32s, scene: Float32s) -> Float32s:
    """Returns the Euclidean distance of the colours `[rows, columns]`, in grey levels."""
    difference = frame - scene
    return np.asarray(np.sqrt((difference**2).sum(axis=2)), dtype=np.float32)


def _threshold(frames: list[Image], scene: Float32s) -> float:
    differences = [_difference(_balanced(frame, scene), scene) for frame in frames]
    noise = float(np.median([np.median(difference) for difference in differences]))
    return max(LEAST_DIFFERENCE, NOISE_FACTOR * noise)


def _sample(source: Path) -> list[Image]:
    """Returns up to `MEDIAN_FRAMES` frames of the same size, evenly spaced."""
    numbers = [number for number, _ in frame_files(source)]
    places = np.linspace(0, len(numbers) - 1, min(len(numbers), MEDIAN_FRAMES)).astype(int)
    chosen = {numbers[place] for place in places}
    frames = [image for _, image in read_colour(source, stage=STAGE, rejects=[], numbers=chosen)]
    if not frames:
        raise UserError(
            f"{source}: no readable frame; a colour video or numbered images are required"
        )
    return [frame for frame in frames if frame.shape == frames[0].shape]


def _require_crossing(masks: list[Image], source: Path) -> None:
    covered = np.stack(masks) > 0
    area = covered.sum(axis=(1, 2)).mean()
    often = (covered.mean(axis=0) > OFTEN).sum()
    if often > MOST_OFTEN * area:
        raise UserError(
            f"{source}: the person stays in one place, so no frame shows the background behind "
            "them; set --empty-scene to a video or folder of the same view without people"
        )
