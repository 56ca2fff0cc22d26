"""Augmentation: clips mirrored, turned, tilted or partly erased, silhouettes and keypoints alike.

One draw for each clip changes both inputs; skeleton maps are drawn from the changed keypoints. All
draws come from the step's generator, so that a continued training repeats them.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from gaittake.arrays import Float64s
from gaittake.data.store import Batch, to_device
from gaittake.keypoints import MIRROR

DEGREES = 10.0  # largest rotation
LEAN = 10 / 64  # largest shift of a corner in a perspective, as a share of the height
AREA = (0.05, 0.2)  # of an erased rectangle, as a share of the image
ASPECT = (0.3, 1 / 0.3)  # its height by its width


def augmented(
    batch: Batch,
    generator: np.random.Generator,
    *,
    mirror: float = 0.0,
    perspective: float = 0.0,
    rotate: float = 0.0,
    erase: float = 0.0,
) -> Batch:
    """Returns the batch with random changes of some clips.

    ASSUME: the sizes of the changes and their order, OpenGait's.

    Args:
        batch: clips without padding.
        generator: of the step.
        mirror: share of the clips that are mirrored.
        perspective: share of the clips seen in another perspective.
        rotate: share of the clips that are rotated.
        erase: share of the clips of which a rectangle is erased.
    """
    n = len(batch.silhouettes)
    if mirror:
        batch = mirrored(batch, generator.random(n) < mirror)
    maps = np.broadcast_to(np.eye(3), (n, 3, 3))
    if perspective:
        tilted = random_perspectives(generator, n)
        maps = _where(generator.random(n) < perspective, tilted @ maps, maps)
    if rotate:
        turned = random_rotations(generator, n)
        maps = _where(generator.random(n) < rotate, turned @ maps, maps)
    if perspective or rotate:
        batch = moved(batch, maps)
    return _erased(batch, generator, erase) if erase else batch


def mirrored(batch: Batch, which: npt.NDArray[np.bool_]) -> Batch:
    """Returns the batch with the clips in `which` `[n]` flipped left to right.

    A person at a view of 30 degrees becomes one at 150; the left wrist becomes the right one.
    """
    chosen = _on_device(batch, which)[:, None, None, None]
    order = _on_device(batch, np.array(MIRROR[: batch.keypoints.shape[2]], dtype=np.int64))
    x, y, confidence = batch.keypoints[:, :, order].unbind(dim=3)
    keypoints = torch.stack([1 - x, y, confidence], dim=3)
    return batch._replace(
        silhouettes=torch.where(chosen, batch.silhouettes.flip(3), batch.silhouettes),
        keypoints=torch.where(chosen, keypoints, batch.keypoints),
    )


def random_rotations(generator: np.random.Generator, n: int) -> Float64s:
    """Returns maps `[n, 3, 3]` that rotate about the middle of the frame."""
    angles = np.deg2rad(generator.uniform(-DEGREES, DEGREES, n))
    maps = np.tile(np.eye(3), (n, 1, 1))
    maps[:, 0, 0] = maps[:, 1, 1] = np.cos(angles)
    maps[:, 0, 1], maps[:, 1, 0] = -np.sin(angles), np.sin(angles)
    middle = np.full(2, 0.5)
    maps[:, :2, 2] = middle - maps[:, :2, :2] @ middle
    return maps


def random_perspectives(generator: np.random.Generator, n: int) -> Float64s:
    """Returns maps `[n, 3, 3]` of a trapezium onto the frame: its corners lie in its upper and
    lower edge, up to `LEAN` from the corners of the frame."""
    shift = generator.uniform(0, LEAN, (n, 4))
    frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
    corners = np.tile(frame, (n, 1, 1))
    corners[:, :, 0] += shift * np.array([1, -1, -1, 1])
    x, y = corners[..., 0], corners[..., 1]
    u, v = np.broadcast_to(frame[:, 0], x.shape), np.broadcast_to(frame[:, 1], x.shape)
    one, zero = np.ones_like(x), np.zeros_like(x)
    # Two equations for each corner and eight unknown numbers; the ninth is 1.
    left = np.concatenate(
        [
            np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=2),
            np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=2),
        ],
        axis=1,
    )
    solved = np.linalg.solve(left, np.concatenate([u, v], axis=1)[..., None])[..., 0]
    return np.concatenate([solved, np.ones((n, 1))], axis=1).reshape(n, 3, 3)


def moved(batch: Batch, maps: Float64s) -> Batch:
    """Returns the batch with each clip moved by its map.

    Args:
        batch: clips without padding.
        maps: `[n, 3, 3]` projective maps of the keypoints' coordinates.
    """
    which = np.flatnonzero(np.abs(maps - np.eye(3)).max(axis=(1, 2)) > 0)
    if not len(which):
        return batch
    chosen = _on_device(batch, which)
    silhouettes, keypoints = batch.silhouettes.clone(), batch.keypoints.clone()
    silhouettes[chosen] = _moved_images(
        silhouettes[chosen], np.linalg.inv(maps[which]).astype(np.float64)
    )
    matrix = _like(keypoints, maps[which])[:, None, None]  # [m, 1, 1, 3, 3]
    points = keypoints[chosen]
    placed = (matrix[..., :2] @ points[..., :2, None])[..., 0] + matrix[..., 2]
    points[..., :2] = (placed[..., :2] / placed[..., 2:]).clamp(0, 1)
    keypoints[chosen] = points
    return batch._replace(silhouettes=silhouettes, keypoints=keypoints)


def _moved_images(images: Tensor, back: Float64s) -> Tensor:
    """Returns images `[m, s, rows, columns]`, of which each pixel comes from where `back` says."""
    rows, columns = images.shape[2:]
    # The keypoints' unit is the height, and the middle column is x = 0.5.
    down = (torch.arange(rows, device=images.device) + 0.5) / rows
    across = (torch.arange(columns, device=images.device) + 0.5 - columns / 2) / rows + 0.5
    y, x = torch.meshgrid(down, across, indexing="ij")
    places = torch.stack([x, y, torch.ones_like(x)], dim=2)  # [rows, columns, 3]
    source = torch.einsum("mij,hwj->mhwi", _like(images, back), places.to(images.dtype))
    source = source[..., :2] / source[..., 2:]
    grid = torch.stack([(source[..., 0] - 0.5) * (2 * rows / columns), 2 * source[..., 1] - 1], 3)
    return grid_sample(images, grid, align_corners=False)


def _erased(batch: Batch, generator: np.random.Generator, share: float) -> Batch:
    """Returns the batch with a rectangle of some clips empty; keypoints there are not certain."""
    n, _, rows, columns = batch.silhouettes.shape
    area = generator.uniform(*AREA, n) * rows * columns
    aspect = generator.uniform(*ASPECT, n)
    high = np.minimum(np.sqrt(area * aspect), rows)
    wide = np.minimum(np.sqrt(area / aspect), columns)
    top, left = generator.uniform(0, rows - high), generator.uniform(0, columns - wide)
    high[generator.random(n) >= share] = 0.0
    edges = np.stack([top, top + high, left, left + wide])
    first_row, last_row, first, last = (
        edge[:, None, None] for edge in _like(batch.silhouettes, edges)
    )
    y = torch.arange(rows, device=batch.silhouettes.device)[:, None] + 0.5
    x = torch.arange(columns, device=batch.silhouettes.device) + 0.5
    hole = (y >= first_row) & (y < last_row) & (x >= first) & (x < last)  # [n, rows, columns]
    row = batch.keypoints[..., 1] * rows
    column = (batch.keypoints[..., 0] - 0.5) * rows + columns / 2
    hidden = (row >= first_row) & (row < last_row) & (column >= first) & (column < last)
    x_y, confidence = batch.keypoints[..., :2], batch.keypoints[..., 2:]
    return batch._replace(
        silhouettes=batch.silhouettes.masked_fill(hole[:, None], 0.0),
        keypoints=torch.cat([x_y, confidence.masked_fill(hidden[..., None], 0.0)], dim=3),
    )


def _where(which: npt.NDArray[np.bool_], one: Float64s, other: Float64s) -> Float64s:
    return np.where(which[:, None, None], one, other)


def _like(tensor: Tensor, values: Float64s) -> Tensor:
    """Returns the values as float32 on a tensor's device."""
    return to_device(torch.from_numpy(values.astype(np.float32)), tensor.device)


def _on_device(batch: Batch, values: npt.NDArray[np.generic]) -> Tensor:
    return to_device(torch.from_numpy(values), batch.silhouettes.device)
