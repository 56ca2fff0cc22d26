"""Padded batches: masks of the real frames, and operations over time that respect them.

A padded sequence must get the same embedding as without padding. So padded frames are set to zero
before a convolution over time, which pads with zeros itself, and are excluded from a maximum.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad


def frame_mask(counts: Tensor | None, frames: int) -> Tensor | None:
    """Returns `[n, s]` bool, True for real frames; None for counts of None: all are real."""
    if counts is None:
        return None
    return torch.arange(frames, device=counts.device) < counts[:, None]


def full_counts(x: Tensor) -> Tensor:
    """Returns counts `[n]` of a batch `x` `[n, s, ...]` without padding."""
    return torch.full((x.shape[0],), x.shape[1], device=x.device)


def zero_padding(x: Tensor, mask: Tensor | None) -> Tensor:
    """Returns `x` `[n, c, s, ...]` with padded frames set to zero."""
    if mask is None:
        return x
    return x * mask.reshape(mask.shape[0], 1, mask.shape[1], *[1] * (x.dim() - 3)).to(x.dtype)


def max_over_frames(x: Tensor, mask: Tensor | None) -> Tensor:
    """Returns `[n, ...]`: the maximum over the real frames of `x` `[n, s, ...]`."""
    if mask is not None:
        padded = ~mask.reshape(*mask.shape, *[1] * (x.dim() - 2))
        x = x.masked_fill(padded, -torch.inf)
    return x.amax(dim=1)


def fold_frames(silhouettes: Tensor, shrink: int) -> Tensor:
    """Returns `[n * s, 1, h, w]` of `[n, s, rows, columns]`, for 2D convolutions.

    Memory is channels-last, so that the convolutions return channels-last maps.

    Args:
        silhouettes: frames.
        shrink: side of the average pool on them; 1 for none.
    """
    return shrunk(silhouettes, shrink).flatten(0, 1)[..., None].movedim(3, 1)


def shrunk(silhouettes: Tensor, shrink: int) -> Tensor:
    """Returns `[n, s, h, w]`: means of squares with sides of `shrink` pixels."""
    return silhouettes if shrink == 1 else avg_pool2d(silhouettes, shrink)


def column_means(x: Tensor) -> Tensor:
    """Returns `[n, s, c, h, 1]` of `x` `[n, s, c, h, w]`, channels last in memory."""
    # A matrix product: the gradient of `mean` has another memory order than `x`.
    total = x.new_ones(1, x.shape[4]) @ x.movedim(2, -1)
    return (total / x.shape[4]).movedim(-1, 2)


def thin_frames(conv: nn.Conv3d, x: Tensor, counts: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Returns the result of a convolution with stride 3 over time, and its frame counts.

    ASSUME: one or two remaining frames are dropped, as by an unpadded convolution; a sequence of
    one or two frames is padded with zeros to three.

    Args:
        conv: kernel and stride 3 over time.
        x: `[n, c, s, h, w]`, padded frames zero.
        counts: `[n]` real frames, or None if all are real.
    """
    missing = max(0, 3 - x.shape[2])
    thinned = conv(pad(x, (0, 0, 0, 0, 0, missing)) if missing else x)
    return thinned, None if counts is None else (counts // 3).clamp(min=1)
