"""BlazePose, the person detector and landmark network of MediaPipe: from frames to masks.

Two networks, run by LiteRT. The detector finds a person in the whole frame, by two points: the
middle of the hips, and a point whose distance from it is the radius of a circle around the body.
The landmark network sees the square around this circle, turned upright, and returns a mask of the
person and the same two points, which give the square for the next frame. Source: Bazarevsky et al.,
BlazePose: On-device Real-time Body Pose Tracking, arXiv 2006.10204.
"""

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.silhouette import Image

EXTRA = "pip install '.[people]'"
DETECTOR_SIZE, LANDMARK_SIZE = 224, 256  # pixels of the networks' square inputs
# The detector's grids: stride in pixels, boxes per cell. Boxes are relative to the cell's middle.
GRIDS = ((8, 2), (16, 2), (32, 6))
HIPS, RADIUS = slice(4, 6), slice(6, 8)  # of a box: its middle, its size, then four points x, y
LANDMARK_VALUES = 5  # x, y, z, visibility, presence
LANDMARK_HIPS, LANDMARK_RADIUS = 33, 34  # of 39 points; the first 33 are landmarks of the body
MIN_SCORE = 0.5  # MediaPipe's default, of both networks
MARGIN = 1.25  # MediaPipe's, side of the square / diameter of the circle


class Region(NamedTuple):
    """A square around a person, turned so that the body is upright in it.

    Attributes:
        x: of its middle, pixels of the frame.
        y: of its middle.
        side: pixels.
        angle: radians that the body leans clockwise.
    """

    x: float
    y: float
    side: float
    angle: float


class Person(NamedTuple):
    """A person in a frame.

    Attributes:
        mask: `[rows, columns]` float32, probability of each pixel, 0…1.
        score: probability that the region shows a person.
        region: for the next frame.
    """

    mask: Float32s
    score: float
    region: Region


class BlazePose:
    """The two networks, each on one thread of the CPU.

    Args:
        detector: file of the person detector, .tflite.
        landmarks: file of the landmark network, .tflite.

    Raises:
        UserError: LiteRT is not installed.
    """

    def __init__(self, detector: Path, landmarks: Path) -> None:
        self._detector, self._landmarks = _interpreter(detector), _interpreter(landmarks)
        self._anchors = anchors()

    def detect(self, frame: Image) -> Region | None:
        """Returns the region of the person with the highest score in an RGB frame, or None."""
        to_input = letterbox(frame.shape[0], frame.shape[1])
        pixels = np.asarray(_warp(frame, to_input, DETECTOR_SIZE) / 127.5 - 1, dtype=np.float32)
        boxes, scores = (out[0] for out in _run(self._detector, pixels)[:2])
        best = int(scores[:, 0].argmax())
        if sigmoid(scores[best, 0]) < MIN_SCORE:
            return None
        return detected_region(
            boxes[best], self._anchors[best], cv2.invertAffineTransform(to_input)
        )

    def look(self, frame: Image, region: Region) -> Person:
        """Returns the person in a region of an RGB frame `[rows, columns, 3]`."""
        to_input = crop_matrix(region, LANDMARK_SIZE)
        pixels = np.asarray(_warp(frame, to_input, LANDMARK_SIZE) / 255, dtype=np.float32)
        points, score, mask = _run(self._landmarks, pixels)[:3]
        rows = points.reshape(-1, LANDMARK_VALUES)[[LANDMARK_HIPS, LANDMARK_RADIUS], :2]
        to_frame = cv2.invertAffineTransform(to_input)
        hips, radius = rows @ to_frame[:, :2].T + to_frame[:, 2]
        return Person(
            mask_in_frame(sigmoid(mask[0, :, :, 0]), to_frame, frame.shape[0], frame.shape[1]),
            float(score.reshape(-1)[0]),
            region_around(hips, radius),
        )


def anchors() -> Float32s:
    """Returns the middles `[2254, 2]` of the detector's cells, x and y in pixels of its input."""
    found = []
    for stride, count in GRIDS:
        places = (np.arange(DETECTOR_SIZE // stride, dtype=np.float32) + 0.5) * stride
        y, x = np.meshgrid(places, places, indexing="ij")
        found.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), count, axis=0))
    return np.concatenate(found)


def detected_region(box: Float32s, anchor: Float32s, to_frame: npt.NDArray[Any]) -> Region:
    """Returns the region of one of the detector's boxes.

    Args:
        box: `[12]`, middle, size and four points, pixels relative to the anchor.
        anchor: `[2]`, pixels of the detector's input.
        to_frame: `[2, 3]`, from the detector's input to the frame.
    """
    points = np.stack([box[HIPS], box[RADIUS]]) + anchor
    hips, radius = points @ to_frame[:, :2].T + to_frame[:, 2]
    return region_around(hips, radius)


def region_around(hips: npt.NDArray[Any], radius: npt.NDArray[Any]) -> Region:
    """Returns the square around the circle about `hips` through `radius`, with a margin.

    Args:
        hips: `[2]` x and y, pixels of the frame.
        radius: `[2]` x and y of the point above the head on the circle.
    """
    x, y = radius - hips
    side = 2 * MARGIN * float(np.hypot(x, y))
    return Region(float(hips[0]), float(hips[1]), side, float(np.arctan2(x, -y)))


def crop_matrix(region: Region, size: int) -> npt.NDArray[np.float64]:
    """Returns the affine map `[2, 3]` from the frame to a square of `size` pixels."""
    scale = size / max(region.side, 1e-3)
    cosine, sine = scale * np.cos(region.angle), scale * np.sin(region.angle)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    shift = size / 2 - turn @ np.array([region.x, region.y])
    return np.column_stack([turn, shift])


def letterbox(rows: int, columns: int) -> npt.NDArray[np.float64]:
    """Returns the affine map `[2, 3]` that fits a frame, centred, into the detector's input."""
    return crop_matrix(Region(columns / 2, rows / 2, max(rows, columns), 0.0), DETECTOR_SIZE)


def mask_in_frame(mask: Float32s, to_frame: npt.NDArray[Any], rows: int, columns: int) -> Float32s:
    """Returns a mask of a region as a mask `[rows, columns]` of the frame; 0 outside the region."""
    warped = cv2.warpAffine(mask, _for_pixels(to_frame), (columns, rows), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, dtype=np.float32)


def sigmoid(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns the logistic function of values."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -80, 80))))


def _warp(frame: Image, matrix: npt.NDArray[Any], size: int) -> Float32s:
    """Returns the part of a frame that a map shows, float32; outside the frame: black."""
    shrink = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    if shrink < 0.5:  # bilinear sampling would skip pixels
        small = cv2.resize(frame, None, fx=2 * shrink, fy=2 * shrink, interpolation=cv2.INTER_AREA)
        across = small.shape[1] / frame.shape[1], small.shape[0] / frame.shape[0]
        matrix = np.column_stack([matrix[:, :2] / np.array(across), matrix[:, 2]])
        frame = np.asarray(small, dtype=np.uint8)
    warped = cv2.warpAffine(frame, _for_pixels(matrix), (size, size), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, dtype=np.float32)


def _for_pixels(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns a map of points as one of pixel indices: a pixel's middle lies half a pixel on."""
    half = matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return np.column_stack([matrix[:, :2], matrix[:, 2] + half])


def _interpreter(path: Path) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise UserError(
            f"--silhouettes people: LiteRT is not installed ({error}); install it with `{EXTRA}`, "
            "or use --silhouettes background or maskrcnn"
        ) from error
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter: Any, pixels: Float32s) -> list[npt.NDArray[Any]]:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[None])
    interpreter.invoke()
    return [interpreter.get_tensor(out["index"]) for out in interpreter.get_output_details()]
