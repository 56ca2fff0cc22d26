"""GaitTAKE: temporal attention over global and local features, guided by keypoints (PAPER 3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gaittake.models.attention import FrameMean, TemporalAttention, weighted_sum
from gaittake.models.frames import (
    column_means,
    frame_mask,
    full_counts,
    max_over_frames,
    shrunk,
)
from gaittake.models.glconv import Backbone
from gaittake.models.pooling import GeM, PartSpread, SeparateHeads
from gaittake.models.pose import PoseEncoder, skeleton_maps

KEYPOINT_NUMBERS = 51


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
        silhouettes: use the silhouettes.
        keypoints: use the keypoints' branch.
        fusion: `appended` to the feature of each strip, or embedded `apart`: half as many
            embeddings more, of the keypoints alone, each part with equal say.
        gem_power: initial p of eq. 10.
        embedding: numbers of each of the C embeddings, d.
        pose_channels: of a learned encoder of the keypoints; 0 for none.
        skeleton_maps: the keypoints drawn as two images beside the silhouettes, or in their place.
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
        fusion: str = "appended",
        gem_power: float = 6.5,
        embedding: int = 128,
        pose_channels: int = 0,
        skeleton_maps: bool = False,
    ) -> None:
        super().__init__()
        if not (silhouettes or keypoints or skeleton_maps):
            raise ValueError("silhouettes or keypoints: at least one of them must be used")
        self.shrink, self.temporal, self.attention_input = shrink, temporal, attention_input
        self.silhouettes, self.skeleton_maps = silhouettes, skeleton_maps
        self.parts, features = 1, 0
        self.backbone = self.pose_attention = self.pose_encoder = self.pose_heads = None
        planes = int(silhouettes) + 2 * int(skeleton_maps)
        if planes:
            self.backbone = Backbone(channels, strips=strips, lta=lta, planes=planes)
            self.parts, columns = height // shrink, width // shrink // 2
            features = channels[-1]
            seen = features * self.parts * (columns if attention_input == "flat" else 1)
            self.attention = self._shares(seen, attention_width, clip_length)
            self.gem = GeM(gem_power)
        if keypoints:
            self.pose_encoder = PoseEncoder(pose_channels) if pose_channels else None
            numbers = pose_channels or KEYPOINT_NUMBERS
            self.pose_attention = self._shares(numbers, pose_attention_width, clip_length)
            if planes and fusion == "apart":
                self.pose_heads = SeparateHeads(self.parts // 2, numbers, embedding)
                self.spread = PartSpread(self.parts + self.parts // 2)
            else:
                features += numbers
        self.heads = SeparateHeads(self.parts, features, embedding)

    def _shares(self, features: int, width: int, clip_length: int) -> nn.Module:
        if self.temporal == "attention":
            return TemporalAttention(features, width, clip_length=clip_length)
        return FrameMean(clip_length=clip_length)

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns the embeddings `[n, p, d]`; where keypoints are embedded apart, theirs come last.

        Args:
            silhouettes: `[n, s, rows, columns]` float in 0…1; padded frames are zero.
            keypoints: `[n, s, 17, 3]` float, normalised; padded frames are zero.
            counts: `[n]` real frames of each sequence, or None where all are real.
        """
        features, pose = [], None
        if self.backbone is not None:
            images = self._images(silhouettes, keypoints)
            features.append(self._appearance(self.backbone, images, counts))  # [n, c, p]
        if self.pose_attention is not None:
            pose = self._pose(self.pose_attention, keypoints, counts)[:, :, None]  # [n, 51, 1]
        if pose is not None and self.pose_heads is None:
            # PAPER 3.2: concatenation. ASSUME: to each strip, so that each head sees both.
            # GeM of a single value is that value: the pose half passes eq. 10 unchanged.
            features.append(pose.expand(-1, -1, self.parts))
        embeddings: Tensor = self.heads(torch.cat(features, dim=1))  # PAPER 3.3
        if pose is None or self.pose_heads is None:
            return embeddings
        apart = self.pose_heads(pose.expand(-1, -1, self.parts // 2))
        return self.spread(torch.cat([embeddings, apart], dim=1))  # type: ignore[no-any-return]

    def _images(self, silhouettes: Tensor, keypoints: Tensor) -> Tensor:
        """Returns `[n, planes, s, h, w]`: what the backbone sees."""
        images = shrunk(silhouettes, self.shrink)[:, None]
        if not self.skeleton_maps:
            return images
        maps = skeleton_maps(keypoints, rows=images.shape[3], columns=images.shape[4])
        return torch.cat([images, maps], dim=1) if self.silhouettes else maps

    def _appearance(self, backbone: nn.Module, images: Tensor, counts: Tensor | None) -> Tensor:
        """Returns `[n, c, p]`: eq. 1-9, then eq. 10 over columns."""
        x, counts = backbone(images, counts)
        frames = x.transpose(1, 2)  # [n, s, c, h, w]
        if self.temporal == "max":
            highest = max_over_frames(frames, frame_mask(counts, frames.shape[1]))
            return self.gem(highest)  # type: ignore[no-any-return]
        counts = full_counts(frames) if counts is None else counts
        seen = frames if self.attention_input == "flat" else column_means(frames)
        shares = self.attention(seen.flatten(2), counts)
        return self.gem(weighted_sum(frames, shares))  # type: ignore[no-any-return]

    def _pose(self, attention: nn.Module, keypoints: Tensor, counts: Tensor | None) -> Tensor:
        """Returns `[n, 51]`: the temporal aggregated human pose feature (PAPER 3.2)."""
        mask = frame_mask(counts, keypoints.shape[1])
        numbers = keypoints.flatten(2)  # [n, s, 51]
        if self.pose_encoder is not None:
            numbers = self.pose_encoder(keypoints, mask)
        if self.temporal == "max":
            return max_over_frames(numbers, mask)
        counts = full_counts(numbers) if counts is None else counts
        return weighted_sum(numbers, attention(numbers, counts))
