"""Clips and temporal pooling (PAPER eq. 6-9), for whole and for padded sequences."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from gaittake.models.frames import column_means, frame_mask, full_counts, max_over_frames


def split_clips(x: Tensor, length: int) -> Tensor:
    """Returns clips `[n, S, L, ...]` of `x` `[n, s, ...]`, S = s // L; other frames are dropped.

    PAPER eq. 6. A sequence shorter than one clip is padded with zeros to one (ASSUME).
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
    """Weights of the frames in each clip: two convolutions over time, then softmax (PAPER eq. 8).

    ASSUME: kernels 1 and 3 with a ReLU between them, after Gao & Nevatia 2018.

    Args:
        features: length of the vector that describes a frame, D.
        width: channels of the first convolution.
        clip_length: frames of a clip, L.
    """

    def __init__(self, features: int, width: int, *, clip_length: int) -> None:
        super().__init__()
        self.reduce = nn.Conv1d(features, width, kernel_size=1)  # δ1
        self.score = nn.Conv1d(width, 1, kernel_size=3, padding=1)  # δ2
        self.clip_length = clip_length

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """Returns the weight of each frame in the mean over clips (PAPER eq. 8-9).

        Args:
            x: `[n, s, D]`.
            counts: `[n]` real frames.

        Returns:
            `[n, S, L]`, zero for frames outside all clips; the weights of a sequence sum to 1.
        """
        mask = clip_mask(counts, frames=x.shape[1], length=self.clip_length)
        # δ1 uses one frame at a time, so it runs before the frames are cut into clips.
        hidden = self.reduce(x.transpose(1, 2)).relu().transpose(1, 2)  # [n, s, width]
        hidden = split_clips(hidden, self.clip_length) * mask[..., None].to(hidden.dtype)
        n, clips, length, width = hidden.shape
        scores = self.score(hidden.reshape(n * clips, length, width).transpose(1, 2))
        scores = scores.reshape(n, clips, length).float()
        weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=2)
        real = mask.any(dim=2, keepdim=True)
        weights = torch.where(real, weights, 0.0)  # clips that are all padding
        return weights / real.sum(dim=1, keepdim=True)


class EqualWeights(nn.Module):
    """The same weight for each frame of the clips: an ablation of the attention.

    Args:
        clip_length: frames of a clip, L.
    """

    def __init__(self, *, clip_length: int) -> None:
        super().__init__()
        self.clip_length = clip_length

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """Returns weights `[n, S, L]`, as TemporalAttention does; of `x` only the shape is used."""
        mask = clip_mask(counts, frames=x.shape[1], length=self.clip_length).float()
        return mask / mask.sum(dim=(1, 2), keepdim=True)


class WeightedMean(nn.Module):
    """The weighted mean of a sequence's frames (PAPER eq. 7-9).

    Args:
        weights: TemporalAttention or EqualWeights.
        by_rows: the attention uses the mean of each row in place of the whole map (eq. 5).
    """

    def __init__(self, weights: nn.Module, *, by_rows: bool = False) -> None:
        super().__init__()
        self.weights = weights
        self.by_rows = by_rows

    def forward(self, x: Tensor, counts: Tensor | None) -> Tensor:
        """Returns `[n, ...]` of `x` `[n, s, ...]`; with `by_rows`, x is `[n, s, c, h, w]`."""
        counts = full_counts(x) if counts is None else counts
        described = column_means(x) if self.by_rows else x
        return weighted_sum(x, self.weights(described.flatten(2), counts))


class Maximum(nn.Module):
    """The maximum over a sequence's frames: an ablation of the attention."""

    def forward(self, x: Tensor, counts: Tensor | None) -> Tensor:
        """Returns `[n, ...]` of `x` `[n, s, ...]`."""
        return max_over_frames(x, frame_mask(counts, x.shape[1]))


def weighted_sum(x: Tensor, weights: Tensor) -> Tensor:
    """Returns `[n, ...]`: the sum of the frames of `x`, each times its weight (PAPER eq. 7, 9).

    Args:
        x: `[n, s, ...]`.
        weights: `[n, S, L]`.
    """
    used = min(x.shape[1], weights.shape[1] * weights.shape[2])
    flat = weights.flatten(1)[:, :used].to(x.dtype)
    last = x[:, :used].movedim(2, -1)  # the memory order that convolutions return
    total = torch.bmm(flat[:, None], last.flatten(2))
    return total.reshape(-1, *last.shape[2:]).movedim(-1, 1)
