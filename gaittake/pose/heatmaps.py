"""Heatmaps of keypoints: where the keypoints may be, and how probable that is."""

from typing import NamedTuple

import torch
from torch import Tensor

from gaittake.pose.follow import FOLLOWED

# ASSUME: the confidence of a keypoint, which the paper does not define, is the probability that it
# is within this share of the box's sides from its position; see `read_heatmaps`. The heatmaps are
# 56 bins wide: 4 bins.
REACH = 1 / 14


def read_heatmaps(heatmaps: Tensor, boxes: Tensor) -> Tensor:
    """Returns where the heatmaps' keypoints may be, between the bins, and how probable that is.

    The network is trained with a softmax over the bins, so the softmax of its logits is the
    probability that the keypoint is in each bin. The keypoint is taken to be in the window that is
    most probable; its position is the mean over this window, its confidence the window's
    probability. A heatmap with two equal peaks, as of left and right, gives half.

    torchvision takes the highest bin, and its logit as score. That logit says little: a constant
    added to all logits changes nothing in training.

    The pairs that `gaittake.pose.follow` tells apart have two more candidates, which both keypoints
    of a pair share: the most probable window of their two heatmaps together, and the next one
    without the first.

    Args:
        heatmaps: `[n, 17, side, side]` logits.
        boxes: `[n, 4]` x1, y1, x2, y2.

    Returns:
        `[n, 17, 3, 3]`: candidates, each of x and y in the boxes' pixels and of the probability of
        this keypoint in 0…1. The first one is the keypoint itself; the others are zero for
        keypoints without a pair.
    """
    bins = heatmaps.float().flatten(2).softmax(dim=2).reshape(heatmaps.shape)
    sums = _window_sums(bins)
    own = _largest(sums)
    candidates = bins.new_zeros(*bins.shape[:2], 3, 3)
    candidates[:, :, 0] = _read(_cut(bins, own), own)
    index = [[pair[one] for pair in FOLLOWED] for one in (0, 1)]
    sides = [bins[:, those] for those in index]
    together = sides[0] + sides[1]
    window = _largest(sums[:, index[0]] + sums[:, index[1]])
    for place in (1, 2):
        if place == 2:
            window = _largest(_window_sums(_without(together, window)))
        inside = [_cut(side, window) for side in sides]
        shared = _read(inside[0] + inside[1], window)
        for one in (0, 1):
            candidates[:, index[one], place, :2] = shared[..., :2]
            candidates[:, index[one], place, 2] = inside[one].sum(dim=(2, 3))
    corner = boxes[:, None, None, :2]
    extent = (boxes[:, None, None, 2:] - corner).clamp(min=1)
    scaled = corner + candidates[..., :2] / heatmaps.shape[3] * extent
    return torch.cat([scaled, candidates[..., 2:].clamp(max=1)], dim=3)


class _Window(NamedTuple):
    """The most probable window of each heatmap: its middle bin.

    Attributes:
        row: `[n, k]`.
        column: `[n, k]`.
    """

    row: Tensor
    column: Tensor


def _reach(side: int) -> int:
    """Returns how many bins a window of a heatmap extends from its middle."""
    return max(1, round(REACH * side))


def _window_sums(bins: Tensor) -> Tensor:
    """Returns the probability of the window around each bin of heatmaps `[n, k, side, side]`."""
    side = bins.shape[3]
    index = torch.arange(side, device=bins.device)
    band = ((index[:, None] - index).abs() <= _reach(side)).to(bins.dtype)
    # On a CPU many times as fast as a pooling of this size, and twice as fast as written in one
    # expression, `band @ bins @ band`.
    across = (bins.reshape(-1, side) @ band).view(-1, side, side)
    return torch.bmm(band.expand(len(across), -1, -1), across).view(bins.shape)


def _largest(sums: Tensor) -> _Window:
    """Returns the window with the largest sum `[n, k, side, side]`, the first one of equal ones."""
    side = sums.shape[3]
    flat = sums.flatten(2)
    # On a CPU, NumPy takes a tenth of PyTorch's time.
    cpu = flat.device.type == "cpu"
    place = torch.from_numpy(flat.numpy().argmax(axis=2)) if cpu else flat.argmax(dim=2)
    return _Window(place // side, place % side)


def _cut(bins: Tensor, window: _Window) -> Tensor:
    """Returns the bins `[n, k, w, w]` in the windows; those outside the heatmap are zero."""
    side, reach = bins.shape[3], _reach(bins.shape[3])
    span = torch.arange(-reach, reach + 1, device=bins.device)
    rows, columns = (middle[..., None] + span for middle in window)
    n, k = (torch.arange(size, device=bins.device) for size in bins.shape[:2])
    cut = bins[
        n[:, None, None, None],
        k[:, None, None],
        rows.clamp(0, side - 1)[..., None],
        columns.clamp(0, side - 1)[..., None, :],
    ]
    within = [(at >= 0) & (at < side) for at in (rows, columns)]
    return cut * (within[0][..., None] & within[1][..., None, :])


def _read(inside: Tensor, window: _Window) -> Tensor:
    """Returns `[n, k, 3]`: the mean x and y in the windows, in bins, and their probability."""
    reach = inside.shape[3] // 2
    offset = torch.arange(-reach, reach + 1, device=inside.device) + 0.5
    mass = inside.sum(dim=(2, 3))
    known = mass.clamp(min=1e-9)
    x = window.column + (inside.sum(dim=2) * offset).sum(dim=2) / known
    y = window.row + (inside.sum(dim=3) * offset).sum(dim=2) / known
    return torch.stack([x, y, mass], dim=2)


def _without(bins: Tensor, window: _Window) -> Tensor:
    """Returns the heatmaps with zero in the windows."""
    side = bins.shape[3]
    index = torch.arange(side, device=bins.device)
    rows, columns = (
        (index - middle[..., None]).abs() <= _reach(side) for middle in (window.row, window.column)
    )
    return bins.masked_fill(rows[..., None] & columns[..., None, :], 0)
