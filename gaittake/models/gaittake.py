"""GaitTAKE: temporal attention over global and local features, guided by keypoints (PAPER 3)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gaittake.models.frames import frame_mask, shrunk
from gaittake.models.maps import skeleton_maps
from gaittake.models.pooling import PartScale, SeparateHeads


class GaitTake(nn.Module):
    """The network of figure 1; `gaittake.models.build.build_gaittake` makes its parts.

    Args:
        branches: modules by name, `appearance` first, then `pose`; ablations have one of them.
            Each returns features `[n, c, p]` or, the same for all parts, `[n, c, 1]`.
        heads: returns the embeddings `[n, p, d]` of the list of features.
    """

    def __init__(self, branches: Mapping[str, nn.Module], heads: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(branches)
        self.heads = heads

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns the embeddings `[n, p, d]`.

        Args:
            silhouettes: `[n, s, rows, columns]` float in 0…1; padded frames are zero.
            keypoints: `[n, s, 17, 3]` float, normalised; padded frames are zero.
            counts: `[n]` real frames of each sequence, or None if all are real.
        """
        features = [
            branch(silhouettes, keypoints, counts) for branch in self.branches.values()
        ]  # PAPER 3.1, 3.2
        embeddings: Tensor = self.heads(features)  # PAPER 3.3
        return embeddings


class AppearanceBranch(nn.Module):
    """The feature of the silhouettes (PAPER 3.1).

    Args:
        images: makes the input of the backbone.
        backbone: GLConv layers (eq. 1-4).
        pool: over frames (eq. 5-9).
        gem: over columns (eq. 10).
    """

    def __init__(
        self, *, images: nn.Module, backbone: nn.Module, pool: nn.Module, gem: nn.Module
    ) -> None:
        super().__init__()
        self.images, self.backbone, self.pool, self.gem = images, backbone, pool, gem

    def forward(self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None) -> Tensor:
        """Returns `[n, c, p]`; see `GaitTake.forward`."""
        images = self.images(silhouettes, keypoints)  # [n, planes, s, h, w]
        x, counts = self.backbone(images, counts)
        maps = self.pool(x.transpose(1, 2), counts)  # [n, c, h, w]
        rows: Tensor = self.gem(maps)
        return rows


class PoseBranch(nn.Module):
    """The temporal aggregated human pose feature (PAPER 3.2).

    Args:
        encoder: features of each frame.
        pool: over frames.
    """

    def __init__(self, *, encoder: nn.Module, pool: nn.Module) -> None:
        super().__init__()
        self.encoder, self.pool = encoder, pool

    def forward(self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None) -> Tensor:
        """Returns `[n, c, 1]`; see `GaitTake.forward`. Silhouettes are not used."""
        features = self.encoder(keypoints, frame_mask(counts, keypoints.shape[1]))  # [n, s, c]
        pose: Tensor = self.pool(features, counts)
        # GeM of a single value is that value: the pose feature passes eq. 10 unchanged.
        return pose[:, :, None]


class Images(nn.Module):
    """Silhouettes, skeleton maps, or both as planes of one image.

    Args:
        shrink: side of the average pool on the silhouettes; 1 for none.
        silhouettes: use the silhouettes.
        skeleton: use the keypoints, drawn as two images.
        deviation: of the Gaussians that draw them, as a share of the height.
    """

    def __init__(
        self, *, shrink: int, silhouettes: bool, skeleton: bool, deviation: float = 1 / 32
    ) -> None:
        super().__init__()
        self.shrink, self.silhouettes, self.skeleton = shrink, silhouettes, skeleton
        self.deviation = deviation

    def forward(self, silhouettes: Tensor, keypoints: Tensor) -> Tensor:
        """Returns `[n, planes, s, h, w]`; see `GaitTake.forward`."""
        images = shrunk(silhouettes, self.shrink)[:, None]
        if not self.skeleton:
            return images
        rows, columns = images.shape[3:]
        maps = skeleton_maps(keypoints, rows=rows, columns=columns, deviation=self.deviation)
        return torch.cat([images, maps], dim=1) if self.silhouettes else maps


class JoinedHeads(nn.Module):
    """A head for each part, on the features of all branches (PAPER 3.2-3.3).

    ASSUME: the pose feature is appended to the feature of each part, so that each head uses both.

    Args:
        parts: p.
        features: c, of all branches together.
        embedding: d.
    """

    def __init__(self, parts: int, features: int, embedding: int) -> None:
        super().__init__()
        self.parts = parts
        self.joined = SeparateHeads(parts, features, embedding)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Returns `[n, p, d]` of features `[n, c, p]` or `[n, c, 1]`."""
        each = [feature.expand(-1, -1, self.parts) for feature in features]
        embeddings: Tensor = self.joined(torch.cat(each, dim=1))
        return embeddings


class ApartHeads(nn.Module):
    """Heads for the parts, then half as many for the pose feature; all have the same weight.

    Args:
        parts: p of the appearance.
        appearance: c of the appearance feature.
        pose: c of the pose feature.
        embedding: d.
    """

    def __init__(self, parts: int, *, appearance: int, pose: int, embedding: int) -> None:
        super().__init__()
        self.pose = SeparateHeads(parts // 2, pose, embedding)
        self.scale = PartScale(parts + parts // 2)
        self.appearance = SeparateHeads(parts, appearance, embedding)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Returns `[n, p + p / 2, d]` of features `[n, c, p]` and `[n, c, 1]`."""
        appearance, pose = features
        apart = self.pose(pose.expand(-1, -1, len(self.pose.weight)))
        embeddings: Tensor = self.scale(torch.cat([self.appearance(appearance), apart], dim=1))
        return embeddings
