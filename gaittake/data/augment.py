"""Clips changed at random, silhouettes and keypoints together: mirrored, turned, partly erased.

What is drawn depends on the step's generator alone, so a training that continues draws the same.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from gaittake.data.store import Batch
from gaittake.keypoints import MIRROR

MIRROR_SHARE = 0.5
LARGEST_TURN = 10.0  # degrees; DeepGaitV2 (Fan et al. 2023)
ERASED_HEIGHT = (0.1, 0.4)  # of the silhouette
ERASED_WIDTH = (0.2, 0.6)
Floats = npt.NDArray[np.float64]


def augment(
    batch: Batch, generator: np.random.Generator, *, mirror: bool, rotate: float, erase: float
) -> Batch:
    """Returns the batch with some of its clips changed, each as a whole.

    Args:
        batch: clips without padding.
        generator: of the step.
        mirror: whether half of the clips exchange left and right.
        rotate: share of the clips that are turned, in 0…1.
        erase: share of the clips whose silhouettes lose a rectangle, in 0…1.
    """
    n = len(batch.silhouettes)
    if mirror:
        batch = mirrored(batch, generator.random(n) < MIRROR_SHARE)
    if rotate:
        angles = generator.uniform(-LARGEST_TURN, LARGEST_TURN, n)
        batch = rotated(batch, np.where(generator.random(n) < rotate, angles, 0.0))
    if erase:
        batch = erased(batch, _rectangles(n, generator), generator.random(n) < erase)
    return batch


def mirrored(batch: Batch, which: npt.NDArray[np.bool_]) -> Batch:
    """Returns the batch with the clips of `which` `[n]` left to right.

    A person seen at 30 degrees becomes one seen at 150. A left wrist becomes a right one.
    """
    chosen = _on(batch, which)
    x, y, confidence = batch.keypoints[:, :, _on(batch, np.array(MIRROR))].unbind(dim=3)
    keypoints = torch.stack([1 - x, y, confidence], dim=3)
    return batch._replace(
        silhouettes=torch.where(
            chosen[:, None, None, None], batch.silhouettes.flip(3), batch.silhouettes
        ),
        keypoints=torch.where(chosen[:, None, None, None], keypoints, batch.keypoints),
    )


def rotated(batch: Batch, degrees: Floats) -> Batch:
    """Returns the batch with each clip turned about the middle of its frames, clockwise as seen."""
    radians = _on(batch, np.deg2rad(degrees)).float()
    cos, sin = radians.cos(), radians.sin()
    n, s, rows, columns = batch.silhouettes.shape
    zero = torch.zeros_like(cos)
    # Where each pixel of the result comes from: turned back, in units of half a side.
    back = [cos, sin * rows / columns, zero, -sin * columns / rows, cos, zero]
    matrices = torch.stack(back, dim=1).reshape(n, 2, 3)
    grid = affine_grid(matrices, [n, s, rows, columns], align_corners=False)
    silhouettes = grid_sample(batch.silhouettes, grid, align_corners=False)
    x, y, confidence = batch.keypoints.unbind(dim=3)
    x, y = x - 0.5, y - 0.5
    cos, sin = cos[:, None, None], sin[:, None, None]
    # At the border a joint stays there, as `gaittake.keypoints.normalise` leaves it.
    turned = [(cos * x - sin * y + 0.5).clamp(0, 1), (sin * x + cos * y + 0.5).clamp(0, 1)]
    keypoints = torch.stack([*turned, confidence], dim=3)
    return batch._replace(silhouettes=silhouettes, keypoints=keypoints)


def erased(batch: Batch, rectangles: Floats, which: npt.NDArray[np.bool_]) -> Batch:
    """Returns the batch with a rectangle of the silhouettes of `which` `[n]` black, in all frames.

    Keypoints stay: what a bag or a coat hides is still there (random erasing, Zhong et al. 2020).

    Args:
        batch: clips.
        rectangles: `[n, 4]` top, bottom, left, right as shares of the frame.
        which: clips that lose it.
    """
    rows, columns = batch.silhouettes.shape[2:]
    top, bottom, left, right = _on(batch, rectangles).unbind(dim=1)
    down = (torch.arange(rows, device=top.device) + 0.5) / rows
    across = (torch.arange(columns, device=top.device) + 0.5) / columns
    inside_rows = (down >= top[:, None]) & (down < bottom[:, None])
    inside_columns = (across >= left[:, None]) & (across < right[:, None])
    hidden = inside_rows[:, :, None] & inside_columns[:, None] & _on(batch, which)[:, None, None]
    return batch._replace(silhouettes=batch.silhouettes.masked_fill(hidden[:, None], 0.0))


def _rectangles(n: int, generator: np.random.Generator) -> Floats:
    height, width = generator.uniform(*ERASED_HEIGHT, n), generator.uniform(*ERASED_WIDTH, n)
    top, left = generator.random(n) * (1 - height), generator.random(n) * (1 - width)
    return np.stack([top, top + height, left, left + width], axis=1)


def _on(batch: Batch, values: npt.NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(values).to(batch.silhouettes.device, non_blocking=True)
