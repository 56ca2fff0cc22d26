"""Clips and temporal attention (PAPER eq. 6-9), for whole and for padded sequences."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


def split_clips(x: Tensor, length: int) -> Tensor:
    """Returns clips `[n, S, L, ...]` of `x` `[n, s, ...]`, S = s // L, the rest dropped (eq. 6).

    Where the frames do not fill one clip, they are padded to one (ASSUME: s < L makes one clip).
    """
    frames = x.shape[1]
    if frames < length:
        x = pad(x, (0, 0) * (x.dim() - 2) + (0, length - frames))
        frames = length
    clips = frames // length
    return x[:, : clips * length].reshape(x.shape[0], clips, length, *x.shape[2:])


def clip_mask(counts: Tensor, *, frames: int, length: int) -> Tensor:
    """Returns `[n, S, L]` bool: the frames that belong to a clip.

    Args:
        counts: `[n]` real frames of each sequence.
        frames: frames of the padded batch, s.
        length: frames of a clip, L.
    """
    used = torch.where(counts < length, counts, counts // length * length)
    positions = torch.arange(max(frames, length), device=counts.device)
    return split_clips(positions < used[:, None], length)


class TemporalAttention(nn.Module):
    """Weights for the frames of each clip: two convolutions over time, then softmax (eq. 8).

    ASSUME: kernels 1 and 3 with a ReLU between, after Gao & Nevatia 2018.

    Args:
        features: numbers that describe a frame, D.
        width: channels of the first convolution.
        clip_length: frames of a clip, L.
    """

    def __init__(self, features: int, width: int, *, clip_length: int) -> None:
        super().__init__()
        self.reduce = nn.Conv1d(features, width, kernel_size=1)  # δ1
        self.score = nn.Conv1d(width, 1, kernel_size=3, padding=1)  # δ2
        self.clip_length = clip_length

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """Returns the share of each frame in the mean over clips (PAPER eq. 8-9).

        Args:
            x: `[n, s, D]`.
            counts: `[n]` real frames.

        Returns:
            `[n, S, L]`, zero for frames of no clip; the sum over a sequence is 1.
        """
        mask = clip_mask(counts, frames=x.shape[1], length=self.clip_length)
        # δ1 looks at one frame at a time, so it is applied before the frames are cut into clips.
        hidden = self.reduce(x.transpose(1, 2)).relu().transpose(1, 2)  # [n, s, width]
        hidden = split_clips(hidden, self.clip_length) * mask[..., None].to(hidden.dtype)
        n, clips, length, width = hidden.shape
        scores = self.score(hidden.reshape(n * clips, length, width).transpose(1, 2))
        scores = scores.reshape(n, clips, length).float()
        weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=2)
        real = mask.any(dim=2, keepdim=True)
        weights = torch.where(real, weights, 0.0)  # clips of padding alone
        return weights / real.sum(dim=1, keepdim=True)


class FrameMean(nn.Module):
    """Equal shares for the frames of the clips: what attention is compared with."""

    def __init__(self, *, clip_length: int) -> None:
        super().__init__()
        self.clip_length = clip_length

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """Returns `[n, S, L]` shares, as TemporalAttention does."""
        mask = clip_mask(counts, frames=x.shape[1], length=self.clip_length).float()
        return mask / mask.sum(dim=(1, 2), keepdim=True)


def weighted_sum(x: Tensor, weights: Tensor) -> Tensor:
    """Returns `[n, ...]`: frames `x` `[n, s, ...]` summed with their shares (PAPER eq. 7, 9).

    Args:
        x: `[n, s, ...]`.
        weights: `[n, S, L]`.
    """
    used = min(x.shape[1], weights.shape[1] * weights.shape[2])
    shares = weights.flatten(1)[:, :used].to(x.dtype)
    last = x[:, :used].movedim(2, -1)  # as convolutions leave it in memory
    total = torch.bmm(shares[:, None], last.flatten(2))
    return total.reshape(-1, *last.shape[2:]).movedim(-1, 1)
