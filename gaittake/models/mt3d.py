"""MT3D: 3D convolutions at two temporal scales (Lin et al., ACM MM 2020).

The authors published no code. From the paper: a stem that halves the frames, a small and a large
temporal scale, basic blocks of a 3x3x3, a 1x3x3 and a 3x1x1 convolution, features of the small
scale added to the large one, strips pooled by maximum and mean. ASSUME, chosen to match the
published weights (3.19 M) and multiply-accumulates (18.3 G): a block sums its three convolutions
and then activates; the large branch and the transforms begin with convolutions of three frames,
stride three, with LeakyReLU; transforms follow the first and the last block; rows are not merged
before the 2 x 32 heads; each head is a linear layer from 128 to 128.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, cat, nn
from torch.nn.functional import leaky_relu

from gaittake.models.blocks import SLOPE, SameConv3d, Stem, conv3, halve, thinning, xavier
from gaittake.models.frames import frame_mask, max_over_frames, shrunk, thin_frames, zero_padding
from gaittake.models.pooling import SeparateHeads, mean_and_max


class BasicBlock(nn.Module):
    """The sum of three convolutions: over space and time, over space, over time."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.both = conv3(channels_in, channels_out)
        self.space = SameConv3d(channels_in, channels_out, (1, 3, 3))
        self.time = SameConv3d(channels_in, channels_out, (3, 1, 1))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, channels_out, s, h, w]`, padded frames zero."""
        x = leaky_relu(self.both(x) + self.space(x) + self.time(x), SLOPE)
        return zero_padding(x, mask)


class Mt3d(nn.Module):
    """Two temporal scales: one half and one sixth of the frames.

    Args:
        height: rows of a silhouette.
        width: columns of a silhouette; any value works.
        channels: of the stem, then of each block.
        shrink: side of the average pool on the input.
        embedding: numbers of each embedding, d.
    """

    def __init__(
        self,
        *,
        height: int = 64,
        width: int = 44,
        channels: Sequence[int] = (32, 64, 128, 128),
        shrink: int = 1,
        embedding: int = 128,
    ) -> None:
        super().__init__()
        self.shrink = shrink
        first, last = channels[1], channels[-1]
        pairs = list(pairwise(channels))
        self.stem = Stem(1, channels[0], stride=2)
        self.thin = thinning(channels[0])
        self.small = nn.ModuleList(BasicBlock(*pair) for pair in pairs)
        self.large = nn.ModuleList(BasicBlock(*pair) for pair in pairs)
        self.transforms = nn.ModuleList([thinning(first), thinning(last)])
        self.rows = height // shrink // 2
        self.heads = SeparateHeads(2 * self.rows, last, embedding)
        xavier(self)

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns the embeddings `[n, p, d]`; see `GaitTake.forward`. Keypoints are not used."""
        images = shrunk(silhouettes, self.shrink)[:, None]
        counts = None if counts is None else (counts + 1) // 2
        small = leaky_relu(self.stem(images), SLOPE)
        halves = frame_mask(counts, small.shape[2])
        small = zero_padding(small, halves)
        large, counts = thin_frames(self.thin, small, counts)
        sixths = frame_mask(counts, large.shape[2])
        large = zero_padding(leaky_relu(large, SLOPE), sixths)
        small = halve(self.small[0](small, halves))
        large = halve(self.large[0](large, sixths))
        large = large + self._transformed(0, small, sixths)
        for below, above in zip(self.small[1:], self.large[1:], strict=True):
            small, large = below(small, halves), above(large, sixths)
        large = large + self._transformed(1, small, sixths)
        scales = [self._strips(small, halves), self._strips(large, sixths)]
        embeddings: Tensor = self.heads(cat(scales, dim=2))
        return embeddings

    def _transformed(self, position: int, small: Tensor, sixths: Tensor | None) -> Tensor:
        """Returns features of the small scale at the frames of the large one."""
        x, _ = thin_frames(self.transforms[position], small, None)  # type: ignore[arg-type]
        return zero_padding(leaky_relu(x, SLOPE), sixths)

    def _strips(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, c, rows]` of `x` `[n, c, s, h, w]`."""
        return mean_and_max(max_over_frames(x.transpose(1, 2), mask), self.rows)
