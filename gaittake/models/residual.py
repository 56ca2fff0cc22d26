"""Residual blocks and the head that GaitBase, DeepGaitV2 and SkeletonGait++ share.

Fan et al., CVPR 2023 (GaitBase), and Fan et al. 2023 (DeepGaitV2). Features are
`[n, c, s, h, w]`; layers without a convolution over time treat each frame as an image.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from gaittake.models.blocks import SameConv3d
from gaittake.models.frames import frame_mask, max_over_frames, zero_padding
from gaittake.models.pooling import PartNeck, SeparateHeads, mean_and_max

MODES = ("2d", "3d", "p3d")
STRIDES = (2, 2, 1)  # of the stages after the first, over rows and columns


class ConvNorm(nn.Module):
    """A convolution without bias, then batch normalisation.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the result.
        kernel: frames, rows and columns; odd numbers.
        stride: over rows and columns.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: tuple[int, int, int], *, stride: int = 1
    ) -> None:
        super().__init__()
        frames, side = kernel[0], kernel[1]
        self.conv: nn.Module = (
            SameConv3d(channels_in, channels_out, kernel, stride=stride)
            if frames > 1
            else nn.Conv2d(
                channels_in, channels_out, side, stride=stride, padding=side // 2, bias=False
            )
        )
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, channels_out, s, h / stride, w / stride]` of `[n, channels_in, s, h, w]`."""
        if isinstance(self.conv, nn.Conv2d):
            y = self.conv(_folded(x))
        else:
            y = _folded(self.conv(zero_padding(x, mask)))
        normal: Tensor = self.norm(y).unflatten(0, (x.shape[0], -1)).transpose(1, 2)
        return normal


def _folded(x: Tensor) -> Tensor:
    """Returns `[n * s, c, h, w]` of `[n, c, s, h, w]`; no copy where memory is channels-last."""
    return x.transpose(1, 2).flatten(0, 1)


class Residual(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016).

    Args:
        channels_in: channels of the input.
        channels_out: channels of the result.
        stride: over rows and columns.
        mode: `2d`: 3x3; `3d`: 3x3x3; `p3d`: 3x3, with one over three frames between them, which
            has a shortcut of its own.
    """

    def __init__(
        self, channels_in: int, channels_out: int, *, stride: int = 1, mode: str = "2d"
    ) -> None:
        super().__init__()
        kernel = (3 if mode == "3d" else 1, 3, 3)
        self.one = ConvNorm(channels_in, channels_out, kernel, stride=stride)
        self.time = ConvNorm(channels_out, channels_out, (3, 1, 1)) if mode == "p3d" else None
        self.two = ConvNorm(channels_out, channels_out, kernel)
        same = stride == 1 and channels_in == channels_out
        self.skip = None if same else ConvNorm(channels_in, channels_out, (1, 1, 1), stride=stride)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, channels_out, s, h / stride, w / stride]`."""
        y = self.one(x, mask).relu_()
        if self.time is not None:
            y = (y + self.time(y, mask)).relu_()
        shortcut = x if self.skip is None else self.skip(x, mask)
        out: Tensor = (self.two(y, mask) + shortcut).relu_()
        return out


class FirstStage(nn.Module):
    """A 3x3 convolution of the input, then residual blocks of single frames.

    Args:
        planes: channels of the input.
        channels: of the result.
        blocks: number of residual blocks.
    """

    def __init__(self, planes: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.stem = ConvNorm(planes, channels, (1, 3, 3))
        self.blocks = nn.ModuleList(Residual(channels, channels) for _ in range(blocks))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, channels, s, h, w]` of `[n, planes, s, h, w]`."""
        x = self.stem(x, mask).relu_()
        for block in self.blocks:
            x = block(x, mask)
        return x


class LaterStages(nn.Module):
    """Three stages of residual blocks, which halve rows and columns twice.

    Args:
        channels: of the input, then of each stage.
        blocks: number of residual blocks of each stage.
        mode: see Residual.

    Raises:
        ValueError: an unknown `mode`, or another number of stages.
    """

    def __init__(self, channels: Sequence[int], blocks: Sequence[int], mode: str) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode must be '2d', '3d' or 'p3d', not {mode!r}")
        self.stages = nn.ModuleList()
        widths = list(pairwise(channels))
        for (before, after), count, stride in zip(widths, blocks, STRIDES, strict=True):
            stage = nn.ModuleList([Residual(before, after, stride=stride, mode=mode)])
            stage.extend(Residual(after, after, mode=mode) for _ in range(count - 1))
            self.stages.append(stage)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, c, s, h / 4, w / 4]` of `[n, c, s, h, w]`."""
        for stage in self.stages:
            for block in stage.children():
                x = block(x, mask)
        return x


class StripHead(nn.Module):
    """The maximum over frames, mean and maximum of strips, a linear layer for each strip.

    Args:
        strips: p; must divide the rows of the map.
        features: c of the map.
        embedding: d.
        neck: in evaluation, return the embeddings behind the BNNeck.
    """

    def __init__(self, strips: int, features: int, embedding: int, *, neck: bool) -> None:
        super().__init__()
        self.strips = strips
        self.heads = SeparateHeads(strips, features, embedding)
        self.neck = PartNeck(strips, embedding) if neck else None

    def forward(self, x: Tensor, counts: Tensor | None) -> Tensor:
        """Returns the embeddings `[n, p, d]` of `x` `[n, c, s, h, w]`."""
        highest = max_over_frames(x.transpose(1, 2), frame_mask(counts, x.shape[2]))
        embeddings: Tensor = self.heads(mean_and_max(highest, self.strips))
        return embeddings if self.neck is None else self.neck(embeddings)
