"""GaitPart: motion features of each body part (Fan et al., CVPR 2020, figures 2 and 4)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, leaky_relu, max_pool2d

from gaittake.models.blocks import SLOPE, ConvPair, xavier
from gaittake.models.frames import fold_frames, frame_mask, max_over_frames, zero_padding
from gaittake.models.pooling import SeparateHeads, mean_and_max


class MicroMotion(nn.Module):
    """Short-term motion of each part: mean plus maximum of a few frames, times a gate.

    Args:
        parts: number of parts, each with its own weights.
        channels: of a part's features.
        squeeze: factor by which the gate reduces the channels.
        window: frames of a mean and a maximum.
        kernel: frames of the gate's second convolution.
    """

    def __init__(
        self, parts: int, channels: int, *, squeeze: int, window: int, kernel: int
    ) -> None:
        super().__init__()
        wide, narrow = parts * channels, parts * (channels // squeeze)
        self.window = window
        self.one = nn.Conv1d(wide, narrow, 3, padding=1, groups=parts, bias=False)
        self.two = nn.Conv1d(narrow, wide, kernel, padding=kernel // 2, groups=parts, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, p * c, s]` of `x` `[n, p * c, s]`, padded frames zero in both."""
        gate = zero_padding(leaky_relu(self.one(x), SLOPE), mask)
        gate = self.two(gate).sigmoid()
        # In 2D: an exported pool in 1D would take one number of frames only.
        near = ((self.window, 1), 1, (self.window // 2, 0))  # frames, stride, padding
        highest = x if mask is None else x.masked_fill(~mask[:, None], -torch.inf)
        motion = (avg_pool2d(x[..., None], *near) + max_pool2d(highest[..., None], *near))[..., 0]
        if mask is not None:  # windows that are all padding have no maximum
            motion = motion.masked_fill(~mask[:, None], 0.0)
        weighted: Tensor = gate * motion
        return weighted


class GaitPart(nn.Module):
    """Focal convolutions of frames, then micro-motion features of each horizontal part.

    Args:
        height: rows of a silhouette.
        width: columns of a silhouette; any value works.
        channels: of each block; the map is halved after the first and after the second.
        strips: of each block; must divide the rows of its map.
        parts: horizontal bins; must divide the rows of the last map.
        squeeze: factor by which the gates reduce the channels.
        shrink: side of the average pool on the input.
        embedding: numbers of each embedding, d.

    Raises:
        ValueError: another number of strips than of blocks, or too large a `squeeze`.
    """

    def __init__(
        self,
        *,
        height: int = 64,
        width: int = 44,
        channels: Sequence[int] = (32, 64, 128),
        strips: Sequence[int] = (1, 4, 8),
        parts: int = 16,
        squeeze: int = 4,
        shrink: int = 1,
        embedding: int = 128,
    ) -> None:
        super().__init__()
        if len(strips) != len(channels):
            raise ValueError(f"strips of {len(channels)} blocks are required, found {strips}")
        if squeeze > channels[-1]:
            raise ValueError(f"squeeze {squeeze} leaves none of the last {channels[-1]} channels")
        self.shrink, self.parts = shrink, parts
        before, first = (1, *channels[:-1]), (5, *[3] * len(channels[1:]))
        self.blocks = nn.ModuleList(
            ConvPair(start, end, first=kernel, strips=p)
            for start, end, kernel, p in zip(before, channels, first, strips, strict=True)
        )
        self.short = MicroMotion(parts, channels[-1], squeeze=squeeze, window=3, kernel=1)
        self.long = MicroMotion(parts, channels[-1], squeeze=squeeze, window=5, kernel=3)
        self.heads = SeparateHeads(parts, channels[-1], embedding)
        xavier(self)

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns the embeddings `[n, p, d]`; see `GaitTake.forward`. Keypoints are not used."""
        n, s = silhouettes.shape[:2]
        mask = frame_mask(counts, s)
        x = fold_frames(silhouettes, self.shrink)
        for position, block in enumerate(self.blocks):
            x = block(max_pool2d(x, 2) if position in (1, 2) else x)
        x = mean_and_max(x, self.parts)  # [n * s, c, p]
        x = x.reshape(n, s, -1, self.parts).permute(0, 3, 2, 1).flatten(1, 2)  # [n, p * c, s]
        x = zero_padding(x, mask)
        motion = self.short(x, mask) + self.long(x, mask)
        template = max_over_frames(motion.transpose(1, 2), mask)  # [n, p * c]
        template = template.reshape(n, self.parts, -1).transpose(1, 2)  # [n, c, p]
        embeddings: Tensor = self.heads(template)
        return embeddings
