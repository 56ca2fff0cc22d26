"""Frames cut to the figure whose box is known: fewer pixels, and where asked, a larger figure."""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch

from gaittake.pose.augment import Sample
from gaittake.pose.locate import Detections
from gaittake.pose.match import Box
from gaittake.pose.optimise import Samples
from gaittake.settings import Detector

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
# Of the cut that the figure's box fills, where the detection's box and a coat need room too.
FILLED = 0.8
# Pixels of a window on each side of the box: the features at its border see them too.
MARGIN = 32
# A window's sides are multiples of it, as torchvision pads every image.
STEP = 32


class Cut(NamedTuple):
    """A frame cut to a figure.

    Attributes:
        image: `[rows, columns, …]` uint8.
        scale: pixels of the cut for one of the frame.
        origin: `[2]` x and y of the frame's corner in the cut, pixels.
    """

    image: Image
    scale: float
    origin: Floats

    def inward(self, points: Floats) -> Floats:
        """Returns x and y `[…, 2]` of the frame as those of the cut."""
        return np.asarray(points * self.scale + self.origin, dtype=np.float32)

    def box_inward(self, box: Box | Floats) -> Floats:
        """Returns a box of the frame as `[4]` x1, y1, x2, y2 in the cut."""
        corners = np.asarray(box, dtype=np.float32).reshape(2, 2)
        return self.inward(corners).reshape(4)

    def outward(self, points: Floats) -> Floats:
        """Returns x and y `[…, 2]` of the cut as those of the frame."""
        return np.asarray((points - self.origin) / self.scale, dtype=np.float32)


def cut_size(detector: Detector) -> tuple[int, int]:
    """Returns rows and columns of a cut: what the detector looks at, upright."""
    return detector.max_size, detector.min_size


def cut(image: Image, box: Box | Floats, size: tuple[int, int], *, smooth: bool) -> Cut:
    """Returns the frame scaled and moved so that the box fills most of the cut.

    Args:
        image: `[rows, columns]` or `[rows, columns, 3]` uint8.
        box: x1, y1, x2, y2 in pixels.
        size: rows and columns of the cut.
        smooth: colours: the border goes on outside; a silhouette's surroundings are black.
    """
    rows, columns = size
    x1, y1, x2, y2 = (float(value) for value in box)
    scale = FILLED * min(rows / max(y2 - y1, 1.0), columns / max(x2 - x1, 1.0))
    middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    origin = np.array([columns / 2, rows / 2]) - scale * middle
    return _moved(image, scale, origin, size, smooth=smooth)


def windows(images: list[Image], boxes: list[Box], scale: float) -> list[Cut]:
    """Returns the part of each silhouette's frame around its box, of one size, as small as can be.

    The figures keep the size that they have in the whole frame, as a detector that has learnt
    whole frames needs it. A window lies within its frame where the frame is large enough.

    Args:
        images: `[rows, columns]` uint8 each, of one size.
        boxes: x1, y1, x2, y2 in pixels of each.
        scale: pixels of a window for one of a frame.
    """
    frame = scale * np.array(images[0].shape[1::-1])
    corners = scale * np.asarray(boxes, dtype=np.float64).reshape(-1, 2, 2)
    largest = (corners[:, 1] - corners[:, 0]).max(axis=0) + 2 * MARGIN
    needed = STEP * np.ceil(np.minimum(largest, frame) / STEP)
    origins = np.clip(needed / 2 - corners.mean(axis=1), np.minimum(needed - frame, 0), 0).round()
    size = (int(needed[1]), int(needed[0]))
    return [
        _moved(image, scale, origin, size, smooth=False)
        for image, origin in zip(images, origins, strict=True)
    ]


def _moved(
    image: Image, scale: float, origin: Places, size: tuple[int, int], *, smooth: bool
) -> Cut:
    # Pixel i covers i…i+1: its centre moves with the coordinates, not its index.
    matrix = np.array([[scale, 0, 0], [0, scale, 0]], dtype=np.float64)
    matrix[:, 2] = origin + 0.5 * scale - 0.5
    moved = cv2.warpAffine(
        image,
        matrix,
        size[::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if smooth else cv2.BORDER_CONSTANT,
    )
    return Cut(np.asarray(moved, dtype=np.uint8), scale, origin.astype(np.float32))


def whole(image: Image) -> Cut:
    """Returns a frame of which nothing is cut."""
    return Cut(image, 1.0, np.zeros(2, dtype=np.float32))


def in_frame(taken: Cut, found: Detections) -> Detections:
    """Returns what was detected in a cut, in pixels of its frame."""
    boxes = taken.outward(found.boxes.numpy().reshape(-1, 2, 2)).reshape(-1, 4)
    keypoints = found.keypoints.numpy().copy()
    keypoints[..., :2] = taken.outward(keypoints[..., :2])
    return Detections(torch.from_numpy(boxes), found.scores, torch.from_numpy(keypoints))


class CutSamples:
    """Labelled frames, each cut to its person.

    Args:
        samples: labelled frames.
        detector: which says how large the cuts are.
        smooth: they are RGB frames, not silhouettes.
    """

    def __init__(self, samples: Samples, detector: Detector, *, smooth: bool) -> None:
        self.samples = samples
        self.size = cut_size(detector)
        self.smooth = smooth

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        sample = self.samples[index]
        found = cut(sample.image, sample.box, self.size, smooth=self.smooth)
        keypoints = sample.keypoints.copy()
        keypoints[:, :2] = found.inward(keypoints[:, :2])
        return Sample(found.image, found.box_inward(sample.box), keypoints)
