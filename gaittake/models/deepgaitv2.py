"""DeepGaitV2: a deeper residual network, with convolutions over time (Fan et al. 2023)."""

from collections.abc import Sequence

from torch import Tensor, nn

from gaittake.models.blocks import xavier
from gaittake.models.frames import frame_mask, shrunk
from gaittake.models.residual import FirstStage, LaterStages, StripHead


class DeepGaitV2(nn.Module):
    """One stage of 2D convolutions, three of 2D, 3D or pseudo-3D ones, the maximum, strips.

    Args:
        height: rows of a silhouette.
        width: columns of a silhouette; any value works.
        channels: of each of the four stages.
        blocks: residual blocks of each stage.
        mode: of the last three stages, see `gaittake.models.residual.Residual`.
        parts: horizontal bins; must divide the rows of the last map.
        shrink: side of the average pool on the input.
        embedding: numbers of each embedding, d.
        neck: embeddings for tests are those behind the BNNeck.

    Raises:
        ValueError: an unknown `mode`.
    """

    def __init__(
        self,
        *,
        height: int = 64,
        width: int = 44,
        channels: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (1, 1, 1, 1),
        mode: str = "p3d",
        parts: int = 16,
        shrink: int = 1,
        embedding: int = 256,
        neck: bool = False,
    ) -> None:
        super().__init__()
        self.shrink = shrink
        self.first = FirstStage(1, channels[0], blocks[0])
        self.later = LaterStages(channels, blocks[1:], mode)
        self.head = StripHead(parts, channels[-1], embedding, neck=neck)
        xavier(self)  # ASSUME: the initialisation, OpenGait's

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns the embeddings `[n, p, d]`; see `GaitTake.forward`. Keypoints are not used."""
        mask = frame_mask(counts, silhouettes.shape[1])
        x = self.first(shrunk(silhouettes, self.shrink)[:, None], mask)  # [n, c, s, h, w]
        embeddings: Tensor = self.head(self.later(x, mask), counts)
        return embeddings
