"""Draws figures: colour frames with shading, background and sensor noise, and silhouettes."""

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float64s, Uint8s
from gaittake.sources.walkers.clothing import Colour
from gaittake.sources.walkers.outline import Outlines, polygons

NoiseTile = npt.NDArray[np.int16]

SHIFT = 4  # sub-pixel bits of OpenCV's drawing functions
SPARE = 128  # pixels by which the noise tile is larger than a frame
LIT, SHADED = 1.08, 0.80


def draw_background(width: int, height: int, rng: np.random.Generator) -> Uint8s:
    """Returns a wall and a floor `[height, width, 3]` with blurred blotches and upright edges."""
    coarse = rng.normal(size=(6, 8, 3))
    blotches = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    blotches = 5 * blotches + 6 * blotches.mean(axis=-1, keepdims=True)
    grain = cv2.GaussianBlur(rng.normal(size=(height, width)), (3, 3), 0.8)[..., None] * 9
    wall, floor = (
        rng.uniform(*levels) * rng.uniform(0.85, 1.12, size=3) for levels in ((100, 190), (80, 150))
    )
    image = np.empty((height, width, 3))
    skirting = int(height * rng.uniform(0.60, 0.76))
    image[:skirting], image[skirting:] = wall, floor
    for _ in range(int(rng.integers(1, 5))):
        left, wide = int(rng.integers(0, width)), int(rng.integers(4, max(5, width // 5)))
        top = int(rng.integers(0, skirting // 2))
        image[top:skirting, left : left + wide] = rng.uniform(60, 210) * rng.uniform(
            0.8, 1.15, size=3
        )
    blurred = cv2.GaussianBlur(image + blotches + grain, (3, 3), 0.7)
    result: Uint8s = np.clip(blurred, 0, 255).astype(np.uint8)
    return result


def draw_noise_tile(width: int, height: int, rng: np.random.Generator) -> NoiseTile:
    """Returns sensor noise `[> height, > width, 3]` in grey levels, to crop anywhere."""
    size = (height + SPARE, width + SPARE, 3)
    return np.rint(rng.normal(scale=4.0, size=size)).astype(np.int16)


def paint(seen: Outlines, colours: list[Colour], background: Uint8s) -> tuple[Uint8s, Uint8s]:
    """Returns colour frames `[frames, height, width, 3]` (BGR), and clean masks of 0 and 255.

    Args:
        seen: the outlines of the parts in the image.
        colours: one for each part.
        background: `[height, width, 3]`.
    """
    height, width = background.shape[:2]
    bodies = _fixed_point(polygons(seen))
    faces = _fixed_point(polygons(seen, shrink=0.58, shift=(-0.16, -0.12)))
    dark = [(*(SHADED * v for v in colour), 255.0) for colour in colours]
    light = [(*(min(255.0, LIT * v) for v in colour), 255.0) for colour in colours]
    canvas = np.concatenate([background, np.zeros((height, width, 1), np.uint8)], axis=-1)
    frames = np.empty((len(bodies), height, width, 3), np.uint8)
    masks = np.empty((len(bodies), height, width), np.uint8)
    for index, order in enumerate(seen.order):
        image = canvas.copy()
        for part in order:
            cv2.fillConvexPoly(image, bodies[index, part], dark[part], cv2.LINE_AA, SHIFT)
            cv2.fillConvexPoly(image, faces[index, part], light[part], cv2.LINE_AA, SHIFT)
        cv2.cvtColor(image, cv2.COLOR_BGRA2BGR, dst=frames[index])
        cv2.threshold(cv2.extractChannel(image, 3), 127, 255, cv2.THRESH_BINARY, dst=masks[index])
    return frames, masks


def _fixed_point(points: Float64s) -> npt.NDArray[np.int32]:
    return np.rint(points * (1 << SHIFT)).astype(np.int32)


def add_sensor_noise(frames: Uint8s, tile: NoiseTile, rng: np.random.Generator) -> Uint8s:
    """Returns frames `[frames, height, width, 3]` with different noise in each frame."""
    height, width = frames.shape[1:3]
    result = np.empty_like(frames)
    places = rng.integers(
        0, [tile.shape[0] - height + 1, tile.shape[1] - width + 1], (len(frames), 2)
    )
    for frame, out, (top, left) in zip(frames, result, places, strict=True):
        cv2.add(frame, tile[top : top + height, left : left + width], out, dtype=cv2.CV_8U)
    return result


def boxes_of(masks: Uint8s) -> npt.NDArray[np.float32]:
    """Returns boxes `[frames, 4]` (x1, y1, x2, y2; pixels, both ends inside) of masks."""
    columns: npt.NDArray[np.bool_] = np.any(masks, axis=1)
    rows: npt.NDArray[np.bool_] = np.any(masks, axis=2)
    height, width = masks.shape[1:]
    return np.stack(
        [
            columns.argmax(axis=1),
            rows.argmax(axis=1),
            width - 1 - columns[:, ::-1].argmax(axis=1),
            height - 1 - rows[:, ::-1].argmax(axis=1),
        ],
        axis=-1,
    ).astype(np.float32)
