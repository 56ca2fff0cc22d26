"""Training samples of the detector, and random changes to them."""

from typing import NamedTuple, Protocol

import cv2
import numpy as np

from gaittake.arrays import Float32s
from gaittake.keypoints import MIRROR
from gaittake.silhouette import Image

SCALE = 0.15  # largest relative change of the person's size
SHIFT = 0.1  # largest shift, as a share of the frame's sides
GAIN = 0.3  # largest relative change of the contrast
OFFSET = 20.0  # largest change of the brightness, of 255


class Sample(NamedTuple):
    """A frame and the labelled person in it.

    Attributes:
        image: `[rows, columns, 3]` uint8.
        box: `[4]` x1, y1, x2, y2 in pixels.
        keypoints: `[17, 3]`: x, y in pixels; third number 0 for a keypoint without a label.
    """

    image: Image
    box: Float32s
    keypoints: Float32s


class Samples(Protocol):
    """Training samples, each read on access."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


class Mirrored:
    """Samples, followed by their mirror images: twice as many.

    A dataset filmed from 0° to 180° has no views from 180° to 360°. A detector that infers left and
    right from the direction of walking would exchange them there. The mirror image of the view v°
    is the view 360° − v°.
    """

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return 2 * len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        if index < len(self.samples):
            return self.samples[index]
        return mirror(self.samples[index - len(self.samples)])


def mirror(sample: Sample) -> Sample:
    """Returns the mirror image of a sample, its left and right keypoints exchanged."""
    columns = sample.image.shape[1]
    left, top, right, bottom = sample.box
    keypoints = sample.keypoints[list(MIRROR)]
    keypoints[:, 0] = columns - keypoints[:, 0]
    return Sample(
        np.ascontiguousarray(sample.image[:, ::-1]),
        np.array([columns - right, top, columns - left, bottom], dtype=np.float32),
        keypoints,
    )


def augment(sample: Sample, random: np.random.Generator, *, colour: bool) -> Sample:
    """Returns the sample at random position and size and, if RGB, random brightness and contrast.

    Never mirrors: see `Mirrored`.
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


def move(sample: Sample, scale: float, shift: tuple[float, float], *, smooth: bool) -> Sample:
    """Returns the sample scaled about the box's centre and shifted; its box stays in the frame.

    Args:
        sample: the sample.
        scale: factor; reduced if the box would not fit into the frame.
        shift: of the box's centre, pixels; reduced if the box would leave the frame.
        smooth: interpolate, as for RGB; otherwise the two values of a silhouette are kept.
    """
    rows, columns = sample.image.shape[:2]
    low, high = sample.box[:2], sample.box[2:]
    frame = np.array([columns, rows], dtype=np.float32)
    scale = float(min(scale, *(frame / (high - low))))
    centre = (low + high) / 2
    half = scale * (high - low) / 2
    target = np.clip(centre + np.array(shift, dtype=np.float32), half, frame - half)
    origin = target - scale * centre
    # Pixel i covers i…i+1, so its centre is at i + 0.5 in coordinates.
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
