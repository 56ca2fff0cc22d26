"""SkeletonGait++: DeepGaitV2 on silhouettes and skeleton maps (Fan et al., AAAI 2024)."""

from collections.abc import Sequence

from torch import Tensor, nn

from gaittake.models.blocks import xavier
from gaittake.models.frames import frame_mask, shrunk
from gaittake.models.fusion import AttentionFusion
from gaittake.models.maps import skeleton_maps as drawn
from gaittake.models.residual import FirstStage, LaterStages, StripHead


class SkeletonGaitPlus(nn.Module):
    """A first stage for each input, attention fusion of the two, then DeepGaitV2's stages.

    Args:
        height: rows of a silhouette.
        width: columns of a silhouette; any value works.
        channels: of each of the four stages.
        blocks: residual blocks of each stage.
        skeleton_maps: how keypoints are drawn: `centred`, as published, or `aligned` with the
            silhouette; see `gaittake.models.maps.skeleton_maps`.
        map_deviation: of the Gaussians of a map, as a share of its height.
        parts: horizontal bins; must divide the rows of the last map.
        shrink: side of the average pool on the silhouettes; maps are drawn at the smaller size.
        embedding: numbers of each embedding, d.
        neck: embeddings for tests are those behind the BNNeck.

    Raises:
        ValueError: an unknown `skeleton_maps`.
    """

    def __init__(
        self,
        *,
        height: int = 64,
        width: int = 44,
        channels: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (1, 1, 1, 1),
        skeleton_maps: str = "centred",
        map_deviation: float = 1 / 16,
        parts: int = 16,
        shrink: int = 1,
        embedding: int = 256,
        neck: bool = False,
    ) -> None:
        super().__init__()
        if skeleton_maps not in ("centred", "aligned"):
            raise ValueError(f"skeleton_maps must be 'centred' or 'aligned', not {skeleton_maps!r}")
        self.shrink, self.deviation = shrink, map_deviation
        self.centred = skeleton_maps == "centred"
        self.silhouettes = FirstStage(1, channels[0], blocks[0])
        self.maps = FirstStage(2, channels[0], blocks[0])
        self.fusion = AttentionFusion(channels[0])
        self.later = LaterStages(channels, blocks[1:], "p3d")
        self.head = StripHead(parts, channels[-1], embedding, neck=neck)
        xavier(self)  # ASSUME: the initialisation, OpenGait's

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns the embeddings `[n, p, d]`; see `GaitTake.forward`."""
        mask = frame_mask(counts, silhouettes.shape[1])
        images = shrunk(silhouettes, self.shrink)[:, None]  # [n, 1, s, h, w]
        maps = drawn(
            keypoints,
            rows=images.shape[3],
            columns=images.shape[4],
            deviation=self.deviation,
            centred=self.centred,
        )
        x = self.fusion(self.silhouettes(images, mask), self.maps(maps, mask), mask)
        embeddings: Tensor = self.head(self.later(x, mask), counts)
        return embeddings
