"""GaitSet: a sequence as an unordered set of frames (Chao et al., AAAI 2019, figure 2)."""

from collections.abc import Sequence

from torch import Tensor, cat, nn
from torch.nn.functional import max_pool2d

from gaittake.models.blocks import ConvPair, xavier
from gaittake.models.frames import fold_frames, frame_mask, max_over_frames
from gaittake.models.pooling import SeparateHeads, mean_and_max


class GaitSet(nn.Module):
    """Three blocks of frame convolutions, a branch on set features, a pyramid of strips of both.

    Args:
        height: rows of a silhouette.
        width: columns of a silhouette; any value works.
        channels: of each block.
        bins: strips of each scale of the pyramid; each must divide the rows of the last map.
        shrink: side of the average pool on the input.
        embedding: numbers of each embedding, d.
    """

    def __init__(
        self,
        *,
        height: int = 64,
        width: int = 44,
        channels: Sequence[int] = (32, 64, 128),
        bins: Sequence[int] = (16, 8, 4, 2, 1),
        shrink: int = 1,
        embedding: int = 256,
    ) -> None:
        super().__init__()
        self.shrink, self.bins = shrink, bins
        one, two, three = channels
        self.frames = nn.ModuleList(
            [ConvPair(1, one, first=5), ConvPair(one, two), ConvPair(two, three)]
        )
        self.sets = nn.ModuleList([ConvPair(one, two), ConvPair(two, three)])
        self.heads = SeparateHeads(2 * sum(bins), three, embedding)
        xavier(self)

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns the embeddings `[n, p, d]`; see `GaitTake.forward`. Keypoints are not used."""
        n, s = silhouettes.shape[:2]
        mask = frame_mask(counts, s)

        def pool_set(x: Tensor) -> Tensor:
            return max_over_frames(x.reshape(n, s, *x.shape[1:]), mask)

        x = max_pool2d(self.frames[0](fold_frames(silhouettes, self.shrink)), 2)
        whole = max_pool2d(self.sets[0](pool_set(x)), 2)
        x = max_pool2d(self.frames[1](x), 2)
        whole = self.sets[1](whole + pool_set(x))
        x = self.frames[2](x)
        last = pool_set(x)  # [n, c, h, w]
        maps = (last, whole + last)
        pyramid = [mean_and_max(each, bins) for bins in self.bins for each in maps]
        embeddings: Tensor = self.heads(cat(pyramid, dim=2))
        return embeddings
