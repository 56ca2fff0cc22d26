"""GaitGL: global and local 3D convolutions (Lin et al., arXiv 2011.01461 v1, and ICCV 2021)."""

from collections.abc import Sequence

from torch import Tensor, nn

from gaittake.models.blocks import xavier
from gaittake.models.frames import frame_mask, max_over_frames, shrunk
from gaittake.models.glconv import Backbone, even_rows
from gaittake.models.pooling import GeM, PartNeck, SeparateHeads


class GaitGl(nn.Module):
    """The network that GaitTAKE extends: a maximum over time, no attention, no keypoints.

    Args:
        height: rows of a silhouette; an even number after `shrink`.
        width: columns of a silhouette; any value works.
        channels: of the stem, then of each GLConv.
        strips: of the local convolutions; must divide the rows of their maps.
        shrink: side of the average pool on the input.
        gem_power: initial power of the generalised mean.
        embedding: numbers of each embedding, d.
        head: `v1`; `iccv`: batch normalisation, shared by the parts, after the heads; `bnneck`:
            in evaluation, the BNNeck after them. (The cross-entropy of the last two is the setting
            `train.cross_entropy`.)
        stem_repeats: convolutions of the stem.
        repeats: GLConvs for each number of `channels`.

    Raises:
        ValueError: an unknown `head`, or an odd number of rows.
    """

    def __init__(
        self,
        *,
        height: int = 64,
        width: int = 44,
        channels: Sequence[int] = (32, 64, 128, 128),
        strips: int = 8,
        shrink: int = 1,
        gem_power: float = 6.5,
        embedding: int = 128,
        head: str = "v1",
        stem_repeats: int = 1,
        repeats: int = 1,
    ) -> None:
        super().__init__()
        if head not in ("v1", "iccv", "bnneck"):
            raise ValueError(f"head must be 'v1', 'iccv' or 'bnneck', not {head!r}")
        parts = even_rows(height, shrink)
        self.shrink = shrink
        self.backbone = Backbone(
            channels, strips=strips, lta=True, stem_repeats=stem_repeats, repeats=repeats
        )
        self.gem = GeM(gem_power)
        self.heads = SeparateHeads(parts, channels[-1], embedding)
        self.norm = nn.BatchNorm1d(embedding) if head == "iccv" else None
        self.neck = PartNeck(parts, embedding) if head == "bnneck" else None
        xavier(self)

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns the embeddings `[n, p, d]`; see `GaitTake.forward`. Keypoints are not used."""
        images = shrunk(silhouettes, self.shrink)[:, None]
        x, counts = self.backbone(images, counts)  # [n, c, s, h, w]
        x = x.transpose(1, 2)
        x = max_over_frames(x, frame_mask(counts, x.shape[1]))  # [n, c, h, w]
        embeddings: Tensor = self.heads(self.gem(x))
        if self.norm is not None:
            embeddings = self.norm(embeddings.transpose(1, 2)).transpose(1, 2)
        return embeddings if self.neck is None else self.neck(embeddings)
