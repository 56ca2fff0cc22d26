"""Adds the errors of background subtraction to silhouettes: ragged edges, holes, specks."""

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.arrays import Uint8s

Fields = tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]

SPARE = 224  # pixels by which the fields are larger than a frame
EDGE_LEVELS = 38.0
HOLE_LEVELS = 240.0
HOLE_QUANTILE, SPECK_QUANTILE = 0.992, 0.9999


def draw_fields(width: int, height: int, rng: np.random.Generator) -> Fields:
    """Returns two fields, larger than a frame: jitter of the edges, and pixels to remove or add.

    Positive values of the second remove pixels (cloth of the wall's colour), negative ones add.
    """
    size = (height + SPARE, width + SPARE)
    fine = cv2.GaussianBlur(rng.normal(size=size), (0, 0), 1.2)
    coarse = cv2.GaussianBlur(rng.normal(size=size), (0, 0), 2.0)
    fine, coarse = fine / fine.std(), coarse / coarse.std()
    won, lost = np.quantile(coarse, [1 - SPECK_QUANTILE, HOLE_QUANTILE])
    holes = HOLE_LEVELS * (np.maximum(coarse - lost, 0) - np.maximum(won - coarse, 0))
    return np.rint(EDGE_LEVELS * fine).astype(np.int16), np.rint(holes).astype(np.int16)


def subtract(
    masks: Uint8s,
    fields: Fields,
    strength: float,
    rng: np.random.Generator,
) -> Uint8s:
    """Returns silhouettes `[frames, height, width]` of 0 and 255 with errors of subtraction.

    Edges change in each frame; holes stay for some frames, as the wall does not move.

    Args:
        masks: clean silhouettes of 0 and 255.
        fields: from `draw_fields`.
        strength: 0 (clean) to 1.
        rng: the generator of this sequence and view.
    """
    if strength == 0:
        return masks.copy()
    height, width = masks.shape[1:]
    edges, holes = ((field * strength).astype(np.int16) for field in fields)
    jumps = rng.integers(0, SPARE + 1, size=(len(masks), 2))
    stays = int(rng.integers(4, 9))
    result = np.empty_like(masks)
    for index, mask in enumerate(masks):
        top, left = jumps[index]
        soft = cv2.blur(mask, (5, 5)).astype(np.int16)
        cv2.add(soft, edges[top : top + height, left : left + width], soft)
        top, left = jumps[index // stays]
        cv2.subtract(soft, holes[top : top + height, left : left + width], soft)
        result[index] = np.where(soft > 127, 255, 0)
    return result
