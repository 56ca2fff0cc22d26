"""GaitTAKE: temporal attention over global and local features, guided by keypoints (PAPER 3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, leaky_relu, max_pool3d

from gaittake.models.attention import FrameMean, TemporalAttention, weighted_sum
from gaittake.models.frames import frame_mask, zero_padding
from gaittake.models.glconv import SLOPE, GLConv, conv3
from gaittake.models.pooling import GeM, SeparateHeads

KEYPOINT_NUMBERS = 51


class Backbone(nn.Module):
    """Frame features of silhouettes: stem, GLConvA ..., GLConvB (PAPER 3.1, eq. 1-5).

    Args:
        channels: of the stem, then of each GLConv; the last is GLConvB, the others GLConvA.
        strips: m of eq. 2.
        shrink: side of the average pool on the input; 1 for none.
        lta: GaitGL's local temporal aggregation after the stem; frames become a third.
    """

    def __init__(self, channels: Sequence[int], *, strips: int, shrink: int, lta: bool) -> None:
        super().__init__()
        self.shrink = shrink
        self.stem = conv3(1, channels[0])
        self.lta = (
            nn.Conv3d(channels[0], channels[0], (3, 1, 1), stride=(3, 1, 1), bias=False)
            if lta
            else None
        )
        joins = ["add"] * (len(channels) - 2) + ["rows"]
        self.layers = nn.ModuleList(
            GLConv(before, after, strips=strips, join=join)
            for before, after, join in zip(channels[:-1], channels[1:], joins, strict=True)
        )

    def forward(self, silhouettes: Tensor, counts: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Returns features `[n, c, s, h, w]` and the real frames `[n]` that they have.

        Args:
            silhouettes: `[n, s, rows, columns]` in 0…1, padded frames zero.
            counts: `[n]` real frames, or None where all are.
        """
        if self.shrink > 1:
            silhouettes = avg_pool2d(silhouettes, self.shrink)
        mask = frame_mask(counts, silhouettes.shape[1])
        x = zero_padding(leaky_relu(self.stem(silhouettes[:, None]), SLOPE), mask)
        if self.lta is not None:
            counts = None if counts is None else counts // 3
            x = leaky_relu(self.lta(x), SLOPE)
            mask = frame_mask(counts, x.shape[2])
            x = zero_padding(x, mask)
        for position, layer in enumerate(self.layers):
            x = zero_padding(layer(x), mask)
            if position == 0:
                x = max_pool3d(x, (1, 2, 2))  # ASSUME: after the first GLConv, as in GaitGL v1
        return x, counts


class GaitTake(nn.Module):
    """The network of figure 1.

    Args:
        height: rows of a silhouette.
        width: columns of a silhouette.
        channels: stem, then each GLConv.
        strips: m of eq. 2; at least 1.
        shrink: side of the average pool on the input.
        lta: GaitGL's local temporal aggregation.
        clip_length: L of eq. 6.
        temporal: `attention`, or `max` or `mean` in its place.
        attention_input: `flat` (the literal eq. 5) or `strips` (columns averaged first).
        attention_width: channels of δ1.
        pose_attention_width: channels of the pose branch's δ1.
        silhouettes: use the silhouettes' branch.
        keypoints: use the keypoints' branch.
        gem_power: initial p of eq. 10.
        embedding: numbers of each of the C embeddings, d.
    """

    def __init__(
        self,
        *,
        height: int = 64,
        width: int = 44,
        channels: Sequence[int] = (32, 64, 128, 128),
        strips: int = 8,
        shrink: int = 1,
        lta: bool = False,
        clip_length: int = 10,
        temporal: str = "attention",
        attention_input: str = "flat",
        attention_width: int = 256,
        pose_attention_width: int = 64,
        silhouettes: bool = True,
        keypoints: bool = True,
        gem_power: float = 6.5,
        embedding: int = 128,
    ) -> None:
        super().__init__()
        if not (silhouettes or keypoints):
            raise ValueError("silhouettes or keypoints: at least one of them must be used")
        self.temporal = temporal
        self.attention_input = attention_input
        parts, features = 1, 0
        if silhouettes:
            self.backbone = Backbone(channels, strips=strips, shrink=shrink, lta=lta)
            parts, columns = height // shrink, width // shrink // 2
            features = channels[-1]
            seen = features * parts * (columns if attention_input == "flat" else 1)
            self.attention = self._shares(seen, attention_width, clip_length)
            self.gem = GeM(gem_power)
        if keypoints:
            self.pose_attention = self._shares(KEYPOINT_NUMBERS, pose_attention_width, clip_length)
            features += KEYPOINT_NUMBERS
        self.heads = SeparateHeads(parts, features, embedding)
        self.parts = parts

    def _shares(self, features: int, width: int, clip_length: int) -> nn.Module:
        if self.temporal == "attention":
            return TemporalAttention(features, width, clip_length=clip_length)
        return FrameMean(clip_length=clip_length)

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns the embeddings `[n, p, d]`.

        Args:
            silhouettes: `[n, s, rows, columns]` float in 0…1; padded frames are zero.
            keypoints: `[n, s, 17, 3]` float, normalised; padded frames are zero.
            counts: `[n]` real frames of each sequence, or None where all are real.
        """
        features = []
        if hasattr(self, "backbone"):
            features.append(self._appearance(silhouettes, counts))  # [n, c, p]
        if hasattr(self, "pose_attention"):
            pose = self._pose(keypoints, counts)  # [n, 51]
            # PAPER 3.2: concatenation. ASSUME: to each strip, so that each head sees both.
            # GeM of a single value is that value: the pose half passes eq. 10 unchanged.
            features.append(pose[:, :, None].expand(-1, -1, self.parts))
        embeddings: Tensor = self.heads(torch.cat(features, dim=1))  # PAPER 3.3
        return embeddings

    def _appearance(self, silhouettes: Tensor, counts: Tensor | None) -> Tensor:
        """Returns `[n, c, p]`: eq. 1-9, then eq. 10 over columns."""
        x, counts = self.backbone(silhouettes, counts)
        frames = x.transpose(1, 2)  # [n, s, c, h, w]
        if self.temporal == "max":
            mask = frame_mask(counts, frames.shape[1])
            if mask is not None:
                frames = frames.masked_fill(~mask[:, :, None, None, None], -torch.inf)
            return self.gem(frames.amax(dim=1))  # type: ignore[no-any-return]
        counts = full_counts(frames) if counts is None else counts
        seen = frames if self.attention_input == "flat" else frames.mean(dim=4, keepdim=True)
        shares = self.attention(seen.flatten(2), counts)
        return self.gem(weighted_sum(frames, shares))  # type: ignore[no-any-return]

    def _pose(self, keypoints: Tensor, counts: Tensor | None) -> Tensor:
        """Returns `[n, 51]`: the temporal aggregated human pose feature (PAPER 3.2)."""
        numbers = keypoints.flatten(2)  # [n, s, 51]
        if self.temporal == "max":
            mask = frame_mask(counts, numbers.shape[1])
            if mask is not None:
                numbers = numbers.masked_fill(~mask[:, :, None], -torch.inf)
            return numbers.amax(dim=1)
        counts = full_counts(numbers) if counts is None else counts
        return weighted_sum(numbers, self.pose_attention(numbers, counts))


def full_counts(x: Tensor) -> Tensor:
    """Returns `[n]`: every frame of `x` `[n, s, ...]` is real."""
    return torch.full((x.shape[0],), x.shape[1], device=x.device)
