"""Which frames of a padded batch are real."""

import torch
from torch import Tensor


def frame_mask(counts: Tensor | None, frames: int) -> Tensor | None:
    """Returns `[n, s]` bool, True where a frame is real; None (all are) for counts of None."""
    if counts is None:
        return None
    return torch.arange(frames, device=counts.device) < counts[:, None]


def zero_padding(x: Tensor, mask: Tensor | None) -> Tensor:
    """Returns `x` `[n, c, s, h, w]` with padded frames set to zero.

    A convolution over time looks one frame ahead. Zeros there are what it finds behind the last
    frame of a sequence that is alone, so a padded sequence gets the embedding that it gets alone.
    """
    return x if mask is None else x * mask[:, None, :, None, None].to(x.dtype)
