"""Silhouettes from a static camera: what differs from the empty scene.

The empty scene is the median of frames without a walker, or of the walk itself where the walker
crosses the picture: then each pixel shows the background most of the time. Where the walker stays
in one place (towards the camera, on a treadmill) no frame shows what is behind, and that is
refused. OpenCV's mixture of Gaussians (MOG2) is no way around that, and where the median works it
was no better: on rendered walks its masks had a mean IoU of 0.46 to 0.89, these 0.87 to 0.90.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.errors import UserError
from gaittake.io.frames import frame_files, read_colour
from gaittake.sequence import Reject
from gaittake.silhouette import Image, figure

STAGE = "background"
Floats = npt.NDArray[np.float32]
MEDIAN_FRAMES = 50
# Of the median difference, which is the sensor's noise: most pixels show no walker. Of 3 to 8 and
# of several filters this one's masks were nearest to the outlines of 24 rendered walks.
NOISE_FACTOR = 5.0
LEAST_DIFFERENCE = 15.0  # levels: compressed video has places without any noise
# Were a walker to cross the picture, hardly a pixel would be covered in so many of the frames.
OFTEN = 0.4
MOST_OFTEN = 0.6  # such pixels, share of the figure's mean area


def background_masks(
    source: Path, *, empty_scene: Path | None, rejects: list[Reject]
) -> Iterator[Image]:
    """Yields the mask `[rows, columns]` of each frame, 0 or 255.

    Args:
        source: colour frames of a walk: folder or video; the camera does not move.
        empty_scene: the same view without anybody; None: taken from the walk.
        rejects: gets frames that cannot be read.

    Raises:
        UserError: nothing can be read, sizes differ, or the walk does not show the empty scene.
    """
    sample = _sample(source)
    scene = median_of(sample if empty_scene is None else _sample(empty_scene))
    if scene.shape != sample[0].shape:
        raise UserError(
            f"{empty_scene}: frames of {sample[0].shape[1]} × {sample[0].shape[0]} pixels, as in "
            f"{source}, are needed, found {scene.shape[1]} × {scene.shape[0]}"
        )
    threshold = _threshold(sample, scene)
    if empty_scene is None:
        _require_crossing([mask_of(frame, scene, threshold) for frame in sample], source)
    for _, frame in read_colour(source, stage=STAGE, rejects=rejects):
        if frame.shape == scene.shape:
            yield mask_of(frame, scene, threshold)
        else:
            rejects.append(Reject(STAGE, str(source), "frame of another size"))


def median_of(frames: list[Image]) -> Floats:
    """Returns the median `[rows, columns, 3]` of frames of one size."""
    return np.asarray(np.median(np.stack(frames), axis=0), dtype=np.float32)


def mask_of(frame: Image, scene: Floats, threshold: float) -> Image:
    """Returns the figure in a frame, 0 or 255, without specks and small holes."""
    different = np.where(_difference(frame, scene) > threshold, 255, 0).astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    closed = cv2.morphologyEx(cv2.medianBlur(different, 3), cv2.MORPH_CLOSE, cross)
    return figure(np.asarray(closed, dtype=np.uint8))


def _difference(frame: Image, scene: Floats) -> Floats:
    """Returns `[rows, columns]`: the Euclidean distance of the colours, levels."""
    difference = frame.astype(np.float32) - scene
    return np.asarray(np.sqrt((difference**2).sum(axis=2)), dtype=np.float32)


def _threshold(frames: list[Image], scene: Floats) -> float:
    noise = float(np.median([np.median(_difference(frame, scene)) for frame in frames]))
    return max(LEAST_DIFFERENCE, NOISE_FACTOR * noise)


def _sample(source: Path) -> list[Image]:
    """Returns frames of one size, spread over the whole source."""
    numbers = [number for number, _ in frame_files(source)]
    places = np.linspace(0, len(numbers) - 1, min(len(numbers), MEDIAN_FRAMES)).astype(int)
    chosen = {numbers[place] for place in places}
    frames = [image for _, image in read_colour(source, stage=STAGE, rejects=[], numbers=chosen)]
    if not frames:
        raise UserError(f"{source}: colour frames are needed (a video, or numbered images)")
    return [frame for frame in frames if frame.shape == frames[0].shape]


def _require_crossing(masks: list[Image], source: Path) -> None:
    covered = np.stack(masks) > 0
    area = covered.sum(axis=(1, 2)).mean()
    often = (covered.mean(axis=0) > OFTEN).sum()
    if often > MOST_OFTEN * area:
        raise UserError(
            f"{source}: the walker stays in one place, so that what is behind is never seen; give "
            "--empty-scene, a video or folder of frames of the same view without anybody"
        )
