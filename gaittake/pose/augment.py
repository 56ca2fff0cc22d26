"""One training frame with its person, moved, scaled and re-lit at random."""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

SCALE = 0.15  # the person grows or shrinks by up to this share
SHIFT = 0.1  # and moves by up to this share of the frame's sides
GAIN = 0.3
OFFSET = 20.0


class Sample(NamedTuple):
    """A frame and the one person labelled in it.

    Attributes:
        image: `[rows, columns, 3]` uint8.
        box: `[4]` x1, y1, x2, y2 in pixels.
        keypoints: `[17, 3]`: x, y in pixels, 0 where it is not to be learnt from.
    """

    image: Image
    box: Floats
    keypoints: Floats


def move(sample: Sample, scale: float, shift: tuple[float, float], *, smooth: bool) -> Sample:
    """Returns the frame scaled about the person and shifted, the person's box kept inside it.

    Args:
        sample: the frame.
        scale: factor; a person that would leave the frame gets the largest that fits.
        shift: of the box's centre, pixels.
        smooth: interpolate (colours); a silhouette keeps its two values.
    """
    rows, columns = sample.image.shape[:2]
    low, high = sample.box[:2], sample.box[2:]
    frame = np.array([columns, rows], dtype=np.float32)
    scale = float(min(scale, *(frame / (high - low))))
    centre = (low + high) / 2
    half = scale * (high - low) / 2
    target = np.clip(centre + np.array(shift, dtype=np.float32), half, frame - half)
    origin = target - scale * centre
    # Pixel i covers i…i+1: its centre moves with the coordinates, not its index.
    matrix = np.array([[scale, 0, 0], [0, scale, 0]], dtype=np.float64)
    matrix[:, 2] = origin + 0.5 * scale - 0.5
    image = cv2.warpAffine(
        sample.image,
        matrix,
        (columns, rows),
        flags=cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE if smooth else cv2.BORDER_CONSTANT,
    )
    keypoints = sample.keypoints.copy()
    keypoints[:, :2] = keypoints[:, :2] * scale + origin
    box = np.concatenate([low * scale + origin, high * scale + origin]).astype(np.float32)
    return Sample(np.asarray(image, dtype=np.uint8), box, keypoints)


def augment(sample: Sample, random: np.random.Generator, *, colour: bool) -> Sample:
    """Returns the frame changed at random: moved and scaled; colours re-lit.

    Never mirrored here: the side that a view shows tells left from right. `gaittake.pose.mirror`
    has the mirror images, where the settings ask for them.
    """
    rows, columns = sample.image.shape[:2]
    shift = random.uniform(-SHIFT, SHIFT, size=2) * (columns, rows)
    scale = 1 + random.uniform(-SCALE, SCALE)
    sample = move(sample, scale, (float(shift[0]), float(shift[1])), smooth=colour)
    if colour:
        gain, offset = 1 + random.uniform(-GAIN, GAIN), random.uniform(-OFFSET, OFFSET)
        image = cv2.convertScaleAbs(sample.image, alpha=gain, beta=offset)
        sample = sample._replace(image=np.asarray(image, dtype=np.uint8))
    return sample
