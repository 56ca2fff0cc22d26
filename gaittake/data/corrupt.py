"""Silhouettes spoiled as those of real recordings are: ragged, holed, cut off, with shadows.

Works on aligned silhouettes, so that each step of a training spoils them anew. Faults that change
the figure's outer rows (a shadow below the feet, feet cut off) also change how it was aligned, so
figures are scaled and shifted too. Keypoints stay where they are. The generator draws on the CPU;
all else is computed on the device of the silhouettes.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate

from gaittake.arrays import Float64s
from gaittake.data.store import to_device

# Shares of the spoiled clips that have each fault.
COARSE, HOLED, TORN, SHADOWED, MISALIGNED = 0.3, 0.35, 0.15, 0.35, 0.6
EDGE = (0.1, 1.3)  # trembling of the edges, in units of the soft edge
LEVEL = (0.32, 0.68)  # of the soft edge: below a half the figure grows, above it shrinks
SCALES = (0.88, 1.12)
SHIFT = 0.06  # of the frame
JITTER = 0.012
SPARE = 192
STAYS = 6  # frames


def corrupted(silhouettes: Tensor, generator: np.random.Generator, *, share: float) -> Tensor:
    """Returns silhouettes `[n, s, rows, columns]` in 0…1, some clips of them spoiled.

    Args:
        silhouettes: clips in 0…1.
        generator: of the step.
        share: of the clips that are spoiled, in 0…1.
    """
    which = np.flatnonzero(generator.random(len(silhouettes)) < share)
    if not len(which):
        return silhouettes
    chosen = to_device(torch.from_numpy(which), silhouettes.device)
    clips = silhouettes.index_select(0, chosen)
    clips = _misaligned(clips, generator)
    clips = _coarsened(clips, generator)
    clips = _shadowed(clips, generator)
    clips = _torn(clips, generator)
    clips = _ragged(clips, generator)
    return silhouettes.index_copy(0, chosen, clips)


def _misaligned(clips: Tensor, generator: np.random.Generator) -> Tensor:
    """Returns clips scaled and shifted, with a tremble from frame to frame."""
    n, s, rows, columns = clips.shape
    which = np.flatnonzero(generator.random(n) < MISALIGNED)
    if not len(which):
        return clips
    n, chosen = len(which), to_device(torch.from_numpy(which), clips.device)
    scale = generator.uniform(*SCALES, n)[:, None] * (1 + JITTER * generator.normal(size=(n, s)))
    across = generator.uniform(-SHIFT, SHIFT, n)[:, None] + JITTER * generator.normal(size=(n, s))
    # The head's top stays in the first row, or feet in the last: what an alignment would do.
    anchor = np.where(generator.random(n) < 0.5, -1.0, 1.0)[:, None]
    down = anchor * (1 - 1 / scale)
    zero, inverse = np.zeros((n, s)), 1 / scale
    matrix = np.stack([inverse, zero, across, zero, inverse, down], axis=-1)
    theta = _like(clips, matrix.reshape(n * s, 2, 3)).to(clips.dtype)
    grid = affine_grid(theta, [n * s, 1, rows, columns], align_corners=False)
    before = clips.index_select(0, chosen).flatten(0, 1)[:, None]
    moved = grid_sample(before, grid, align_corners=False)
    return clips.index_copy(0, chosen, moved.reshape(n, s, rows, columns))


def _coarsened(clips: Tensor, generator: np.random.Generator) -> Tensor:
    """Returns clips of which some were seen with fewer pixels."""
    n, _, rows, columns = clips.shape
    which = np.flatnonzero(generator.random(n) < COARSE)
    if not len(which):
        return clips
    chosen = to_device(torch.from_numpy(which), clips.device)
    size = int(generator.integers(rows // 3, rows))
    before = clips.index_select(0, chosen)
    small = interpolate(before, size=(size, max(8, size * columns // rows)), mode="area")
    coarse = interpolate((small > 0.5).to(clips.dtype), size=(rows, columns), mode="bilinear")
    return clips.index_copy(0, chosen, coarse)


def _shadowed(clips: Tensor, generator: np.random.Generator) -> Tensor:
    """Returns clips of which some have a wedge of shadow at the feet."""
    n, s, rows, columns = clips.shape
    height = np.where(generator.random(n) < SHADOWED, generator.uniform(0.02, 0.14, n), 0.0)
    length = generator.uniform(0.15, 0.9, n)
    side = np.where(generator.random(n) < 0.5, 1.0, -1.0)
    start = generator.uniform(-0.2, 0.1, n)
    tremble = np.maximum(0.0, 1 + 0.25 * generator.normal(size=(n, s)))
    y = (torch.arange(rows, device=clips.device) + 0.5) / rows
    x = (torch.arange(columns, device=clips.device) + 0.5) / columns - 0.5
    sides, starts, lengths, heights = (
        values[:, None] for values in _like(clips, np.stack([side, start, length, height]))
    )
    along = (sides * x - starts) / lengths
    inside = (along >= 0) & (along <= 1)
    thick = heights * (1 - along).clamp(min=0) * inside  # [n, columns]
    thick = thick[:, None] * _like(clips, tremble)[:, :, None]  # [n, s, columns]
    wedge = (1 - y)[None, None, :, None] < thick[:, :, None]
    return torch.maximum(clips, wedge.to(clips.dtype))


def _torn(clips: Tensor, generator: np.random.Generator) -> Tensor:
    """Returns clips of which some lack a piece of the trunk or a limb, in some of the frames."""
    n, s, rows, columns = clips.shape
    which = generator.random(n) < TORN
    top, left = generator.uniform(0.1, 0.75, n), generator.uniform(0.2, 0.6, n)
    high, wide = generator.uniform(0.05, 0.25, n), generator.uniform(0.1, 0.4, n)
    there = which[:, None] & (generator.random((n, s)) < 0.7)
    shown = to_device(torch.from_numpy(there), clips.device)
    y = torch.arange(rows, dtype=torch.float64, device=clips.device)[None] / rows
    x = torch.arange(columns, dtype=torch.float64, device=clips.device)[None] / columns
    ellipses = np.stack([top + high / 2, left + wide / 2, high / 2, wide / 2])
    centre_y, centre_x, half_y, half_x = (values[:, None] for values in _like(clips, ellipses))
    ring = ((y - centre_y) / half_y).square()[:, :, None] + ((x - centre_x) / half_x).square()[
        :, None
    ]
    hole = (ring < 1)[:, None] & shown[:, :, None, None]
    return clips.masked_fill(hole, 0.0)


def _ragged(clips: Tensor, generator: np.random.Generator) -> Tensor:
    """Returns clips with other edges: grown or shrunk, trembling, some with holes."""
    n, s = clips.shape[:2]
    fine, coarse = _tiles(clips.device)

    def of_each(values: Float64s) -> Tensor:
        return _like(clips, values).to(clips.dtype)[:, None, None, None]

    edge, level = (of_each(generator.uniform(*limits, n)) for limits in (EDGE, LEVEL))
    limit = of_each(np.where(generator.random(n) < HOLED, generator.uniform(1.2, 2.5, n), np.inf))
    soft = avg_pool2d(clips, 3, stride=1, padding=1, count_include_pad=False)
    tremble = _cut(fine, clips, generator.integers(0, SPARE, (2, n * s)))
    # Cloth of the background's colour: holes that stay for some frames, as the background does.
    stays = generator.integers(0, SPARE, (2, n, (s + STAYS - 1) // STAYS))
    field = _cut(coarse, clips, stays.repeat(STAYS, axis=2)[:, :, :s].reshape(2, n * s))
    soft = soft + edge * soft * (1 - soft) * tremble  # at the edges alone
    return ((soft - level - (field > limit).to(clips.dtype)) * 4 + 0.5).clamp_(0, 1)


def _cut(tile: Tensor, clips: Tensor, places: npt.NDArray[np.int64]) -> Tensor:
    """Returns pieces of a tile of noise, one for each frame of clips."""
    rows, columns = clips.shape[2:]
    top, left = to_device(torch.from_numpy(places), tile.device)
    pieces: Tensor = tile.unfold(0, rows, 1).unfold(1, columns, 1)[top, left]
    return pieces.reshape(clips.shape)


def _like(clips: Tensor, values: Float64s) -> Tensor:
    """Returns the values as they are on the device of clips, without waiting for a GPU."""
    return to_device(torch.from_numpy(values), clips.device)


@cache
def _tiles(device: torch.device) -> tuple[Tensor, Tensor]:
    """Returns fine and coarse noise of deviation 1, larger than a silhouette by `SPARE`."""
    generator = torch.Generator().manual_seed(0)
    tiles = []
    for grain in (2, 5):
        side = (SPARE + 256) // grain
        noise = torch.randn(1, 1, side, side, generator=generator)
        tile = interpolate(noise, scale_factor=grain, mode="bicubic")[0, 0]
        tiles.append(to_device(tile / tile.std(), device))
    return tiles[0], tiles[1]
