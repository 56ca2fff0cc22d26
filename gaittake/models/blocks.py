"""Convolutions that several networks share: without bias, followed by LeakyReLU 0.01."""

import math
from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu, max_pool2d, pad

SLOPE = 0.01


def activated(conv: nn.Module, x: Tensor) -> Tensor:
    """Returns the convolution of `x`, activated in place."""
    return leaky_relu(conv(x), SLOPE, inplace=True)


class SameConv3d(nn.Conv3d):
    """A 3D convolution that keeps frames and, unless strided, rows and columns; without bias.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the result.
        kernel: frames, rows and columns; odd numbers.
        stride: over rows and columns.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: tuple[int, int, int], *, stride: int = 1
    ) -> None:
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        steps = (1, stride, stride)
        super().__init__(channels_in, channels_out, kernel, steps, padding, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `[n, channels_out, s, h / stride, w / stride]` of `[n, channels_in, s, h, w]`."""
        frames = x.shape[2]
        if frames not in (1, 2):
            return super().forward(x)
        # With two frames, PyTorch on a CPU computes wrong weight gradients in bfloat16 (observed:
        # 1e15 in place of 1), and with one frame now and then a result of NaN, from memory that it
        # has not written. Three frames, with zeros, avoid this and change nothing else.
        return super().forward(pad(x, (0, 0, 0, 0, 0, 3 - frames)))[:, :, :frames]


class Stem(nn.Conv3d):
    """A 3x3x3 convolution of few planes, without bias, computed as a 2D convolution.

    The previous and the next frame become channels. This is faster than a 3D convolution with one
    channel, and its result is channels-last in memory, as the next layers need it.

    Args:
        planes: channels of the input.
        channels: channels of the result.
        stride: over frames.
    """

    def __init__(self, planes: int, channels: int, *, stride: int = 1) -> None:
        super().__init__(planes, channels, 3, stride=(stride, 1, 1), padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `[n, channels, s / stride, h, w]` of `[n, planes, s, h, w]`."""
        around = pad(x, (0, 0, 0, 0, 1, 1)).unfold(2, 3, self.stride[0])  # [n, c, s, h, w, 3]
        last = around.permute(0, 2, 3, 4, 1, 5).flatten(4)  # [n, s, h, w, c * 3]
        frames = last.flatten(0, 1).contiguous().movedim(3, 1)
        y = conv2d(frames, self.weight.flatten(1, 2), padding=1)  # [n * s, channels, h, w]
        return y.reshape(x.shape[0], -1, *y.shape[1:]).transpose(1, 2)


def conv3(channels_in: int, channels_out: int) -> SameConv3d:
    """Returns a 3x3x3 convolution that keeps frames, rows and columns, without bias."""
    return SameConv3d(channels_in, channels_out, (3, 3, 3))


def thinning(channels: int) -> nn.Conv3d:
    """Returns a convolution over time that makes one frame of three, without bias."""
    return nn.Conv3d(channels, channels, (3, 1, 1), stride=(3, 1, 1), bias=False)


def xavier(network: nn.Module) -> None:
    """Initialises all convolutions as GaitSet's authors do (Glorot & Bengio 2010)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            channels = (layer.in_channels + layer.out_channels) / layer.groups
            bound = math.sqrt(6 / (channels * math.prod(layer.kernel_size)))
            nn.init.uniform_(layer.weight, -bound, bound)


def by_strips(conv: Callable[[Tensor], Tensor], x: Tensor, strips: int) -> Tensor:
    """Returns `conv` applied to each horizontal strip separately, joined on rows.

    Args:
        conv: keeps rows and columns.
        x: `[n, c, ..., h, w]`.
        strips: number of strips; must divide h.

    Raises:
        ValueError: if it does not divide h.
    """
    if x.shape[-2] % strips:
        raise ValueError(f"{strips} strips must divide the {x.shape[-2]} rows of the map")
    if strips == 1:
        return conv(x)
    # Channels-last memory: whole rows are copied, and nothing for a single frame.
    last = x.movedim(1, -1)  # [n, ..., h, w, c]
    cut = last.reshape(*last.shape[:-3], strips, -1, *last.shape[-2:]).movedim(-4, 1)
    y = conv(cut.flatten(0, 1).contiguous().movedim(-1, 1))  # [n * strips, c, ..., h / strips, w]
    last = y.movedim(1, -1)
    joined = last.reshape(-1, strips, *last.shape[1:]).movedim(1, -4)
    return joined.flatten(-4, -3).movedim(-1, 1)


def halve(x: Tensor) -> Tensor:
    """Returns the maxima of 2x2 squares in each frame of `x` `[n, c, s, h, w]`."""
    # Same result as max_pool3d, which is not vectorised on a CPU.
    frames = x.transpose(1, 2).flatten(0, 1)
    halves = max_pool2d(frames, 2)
    return halves.reshape(x.shape[0], -1, *halves.shape[1:]).transpose(1, 2)


class ConvPair(nn.Module):
    """Two 2D convolutions of single frames, applied to each horizontal strip separately.

    With several strips they are GaitPart's focal convolutions.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the result.
        first: side of the first kernel; the second's is 3.
        strips: number of strips; must divide the rows of the input.
    """

    def __init__(
        self, channels_in: int, channels_out: int, *, first: int = 3, strips: int = 1
    ) -> None:
        super().__init__()
        self.strips = strips
        self.one = nn.Conv2d(channels_in, channels_out, first, padding=first // 2, bias=False)
        self.two = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `[n * s, channels_out, h, w]` of `[n * s, channels_in, h, w]`."""
        x = by_strips(partial(activated, self.one), x, self.strips)
        return by_strips(partial(activated, self.two), x, self.strips)
