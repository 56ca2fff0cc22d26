"""Frames cropped to a figure whose box is known: fewer pixels and, if scaled, a larger figure."""

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float32s
from gaittake.settings import Detector
from gaittake.silhouette import Box, Image

if TYPE_CHECKING:  # torch: a model run by ONNX Runtime crops without it
    from gaittake.pose.augment import Sample, Samples
    from gaittake.pose.locate import Detections

# Share of the crop that the figure's box fills; the detection's box or a coat may be larger.
FILLED = 0.8
# Pixels of a window on each side of the box: features at the box's border depend on them.
MARGIN = 32
# The sides of a window are multiples of this, to which torchvision pads images.
STEP = 32


class Crop(NamedTuple):
    """A part of a frame.

    Attributes:
        image: `[rows, columns, …]` uint8.
        scale: pixels of the crop per pixel of the frame.
        origin: `[2]` x and y of the frame's corner in the crop, pixels.
    """

    image: Image
    scale: float
    origin: Float32s

    def to_crop(self, points: Float32s) -> Float32s:
        """Returns x and y `[…, 2]` in the crop of points in the frame."""
        return np.asarray(points * self.scale + self.origin, dtype=np.float32)

    def box_to_crop(self, box: Box | Float32s) -> Float32s:
        """Returns `[4]` x1, y1, x2, y2 in the crop of a box in the frame."""
        corners = np.asarray(box, dtype=np.float32).reshape(2, 2)
        return self.to_crop(corners).reshape(4)

    def to_frame(self, points: Float32s) -> Float32s:
        """Returns x and y `[…, 2]` in the frame of points in the crop."""
        return np.asarray((points - self.origin) / self.scale, dtype=np.float32)


def crop_size(detector: Detector) -> tuple[int, int]:
    """Returns rows and columns of a crop: the detector's input size, upright."""
    return detector.max_size, detector.min_size


def crop_to_box(image: Image, box: Box | Float32s, size: tuple[int, int], *, smooth: bool) -> Crop:
    """Returns the frame scaled and moved so that the box fills most of the crop.

    Args:
        image: `[rows, columns]` or `[rows, columns, 3]` uint8.
        box: x1, y1, x2, y2 in pixels.
        size: rows and columns of the crop.
        smooth: for RGB: repeat the frame's border outside of it; otherwise the outside is black.
    """
    rows, columns = size
    x1, y1, x2, y2 = (float(value) for value in box)
    scale = FILLED * min(rows / max(y2 - y1, 1.0), columns / max(x2 - x1, 1.0))
    middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    origin = np.array([columns / 2, rows / 2]) - scale * middle
    return _moved(image, scale, origin, size, smooth=smooth)


def windows(images: list[Image], boxes: list[Box], scale: float) -> list[Crop]:
    """Returns the part of each silhouette's frame around its box, all of the smallest common size.

    Figures keep their size in the whole frame, as a detector trained on whole frames needs. A
    window lies within its frame if the frame is large enough.

    Args:
        images: `[rows, columns]` uint8 each, of one size.
        boxes: x1, y1, x2, y2 in pixels of each.
        scale: pixels of a window per pixel of a frame.
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
    image: Image,
    scale: float,
    origin: npt.NDArray[np.float64],
    size: tuple[int, int],
    *,
    smooth: bool,
) -> Crop:
    # Pixel i covers i…i+1, so its centre is at i + 0.5 in coordinates.
    matrix = np.array([[scale, 0, 0], [0, scale, 0]], dtype=np.float64)
    matrix[:, 2] = origin + 0.5 * scale - 0.5
    moved = cv2.warpAffine(
        image,
        matrix,
        size[::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if smooth else cv2.BORDER_CONSTANT,
    )
    return Crop(np.asarray(moved, dtype=np.uint8), scale, origin.astype(np.float32))


def whole(image: Image) -> Crop:
    """Returns the whole frame as a crop."""
    return Crop(image, 1.0, np.zeros(2, dtype=np.float32))


def to_frame(crop: Crop, detections: "Detections") -> "Detections":
    """Returns detections of a crop in pixels of its frame."""
    import torch

    boxes = crop.to_frame(detections.boxes.numpy().reshape(-1, 2, 2)).reshape(-1, 4)
    keypoints = detections.keypoints.numpy().copy()
    keypoints[..., :2] = crop.to_frame(keypoints[..., :2])
    return detections._replace(boxes=torch.from_numpy(boxes), keypoints=torch.from_numpy(keypoints))


class CroppedSamples:
    """Samples, each cropped to its person.

    Args:
        samples: whole frames.
        detector: its input size is the size of the crops.
        smooth: the frames are RGB, not silhouettes.
    """

    def __init__(self, samples: "Samples", detector: Detector, *, smooth: bool) -> None:
        self.samples = samples
        self.size = crop_size(detector)
        self.smooth = smooth

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> "Sample":
        sample = self.samples[index]
        crop = crop_to_box(sample.image, sample.box, self.size, smooth=self.smooth)
        keypoints = sample.keypoints.copy()
        keypoints[:, :2] = crop.to_crop(keypoints[:, :2])
        return sample._replace(
            image=crop.image, box=crop.box_to_crop(sample.box), keypoints=keypoints
        )
