"""Frames of a padded batch: which are real, and what steps over time make of them.

A padded sequence must get the embedding that it gets alone. So frames behind its end are zero
before a convolution over time, which finds zeros there when the sequence is alone, and are left
out of a maximum over time.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad


def frame_mask(counts: Tensor | None, frames: int) -> Tensor | None:
    """Returns `[n, s]` bool, True where a frame is real; None (all are) for counts of None."""
    if counts is None:
        return None
    return torch.arange(frames, device=counts.device) < counts[:, None]


def full_counts(x: Tensor) -> Tensor:
    """Returns `[n]`: every frame of `x` `[n, s, ...]` is real."""
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
    """Returns `[n * s, 1, h, w]` of `[n, s, rows, columns]`: frames for 2D convolutions.

    The only channel is the last dimension in memory, so that convolutions leave theirs there.

    Args:
        silhouettes: frames.
        shrink: side of the average pool on them; 1 for none.
    """
    return shrunk(silhouettes, shrink).flatten(0, 1)[..., None].movedim(3, 1)


def shrunk(silhouettes: Tensor, shrink: int) -> Tensor:
    """Returns `[n, s, h, w]`: averages over squares of `shrink` pixels; 1 changes nothing."""
    return silhouettes if shrink == 1 else avg_pool2d(silhouettes, shrink)


def column_means(x: Tensor) -> Tensor:
    """Returns `[n, s, c, h, 1]` of `x` `[n, s, c, h, w]`, channels last in memory."""
    # A product, because the gradient of a mean lies in memory in another order than `x`.
    total = x.new_ones(1, x.shape[4]) @ x.movedim(2, -1)
    return (total / x.shape[4]).movedim(-1, 2)


def thin_frames(conv: nn.Conv3d, x: Tensor, counts: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Returns what a convolution of three frames, stride three, makes of `x`, and its counts.

    ASSUME: frames that fill no third are dropped, as by an unpadded convolution; a sequence of one
    or two frames is filled up with zeros to three.

    Args:
        conv: kernel and stride 3 over time.
        x: `[n, c, s, h, w]`, padded frames zero.
        counts: `[n]` real frames, or None where all are.
    """
    missing = max(0, 3 - x.shape[2])
    thinned = conv(pad(x, (0, 0, 0, 0, 0, missing)) if missing else x)
    return thinned, None if counts is None else (counts // 3).clamp(min=1)
