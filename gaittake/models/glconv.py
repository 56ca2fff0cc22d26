"""Global and local 3D convolutions (PAPER eq. 1-5) of GaitGL and GaitTAKE."""

from collections.abc import Sequence
from functools import partial

from torch import Tensor, cat, nn
from torch.nn.functional import leaky_relu

from gaittake.models.blocks import SLOPE, Stem, activated, by_strips, conv3, halve, thinning
from gaittake.models.frames import frame_mask, thin_frames, zero_padding


class GLConv(nn.Module):
    """One convolution of the whole map and one of its horizontal strips, shared by all strips.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the result.
        strips: m of eq. 2; must divide the rows of the input.
        join: `add` is GLConvA (eq. 3), `rows` is GLConvB (eq. 4), which doubles the rows.

    Raises:
        ValueError: an unknown `join`.
    """

    def __init__(self, channels_in: int, channels_out: int, *, strips: int, join: str) -> None:
        super().__init__()
        if join not in ("add", "rows"):
            raise ValueError(f"join must be 'add' or 'rows', not {join!r}")
        self.whole = conv3(channels_in, channels_out)
        self.local = conv3(channels_in, channels_out)
        self.strips = strips
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        """Returns `[n, c, s, h, w]`, or `[n, c, s, 2h, w]` if joined on rows."""
        # ASSUME: the activation comes before the sum of eq. 3, as in GaitGL v1.
        whole = activated(self.whole, x)  # PAPER eq. 1
        local = by_strips(partial(activated, self.local), x, self.strips)  # PAPER eq. 2
        if self.join == "rows":
            return cat([whole, local], dim=3)  # PAPER eq. 4
        return whole + local  # PAPER eq. 3


class Backbone(nn.Module):
    """Frame features: stem, GLConvA layers, GLConvB (PAPER 3.1, eq. 1-5).

    Args:
        channels: of the stem, then of each GLConv; the last is GLConvB, the others GLConvA.
        strips: m of eq. 2.
        lta: use GaitGL's local temporal aggregation after the stem: one frame of three.
        planes: channels of the input.
    """

    def __init__(self, channels: Sequence[int], *, strips: int, lta: bool, planes: int = 1) -> None:
        super().__init__()
        self.stem = Stem(planes, channels[0])
        self.lta = thinning(channels[0]) if lta else None
        joins = ["add"] * (len(channels) - 2) + ["rows"]
        self.layers = nn.ModuleList(
            GLConv(before, after, strips=strips, join=join)
            for before, after, join in zip(channels[:-1], channels[1:], joins, strict=True)
        )

    def forward(self, x: Tensor, counts: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Returns features `[n, c, s, h, w]` and their real frames `[n]`.

        Args:
            x: `[n, planes, s, rows, columns]` in 0…1, padded frames zero.
            counts: `[n]` real frames, or None if all are real.
        """
        mask = frame_mask(counts, x.shape[2])
        x = zero_padding(activated(self.stem, x), mask)
        if self.lta is not None:
            x, counts = thin_frames(self.lta, x, counts)
            mask = frame_mask(counts, x.shape[2])
            x = zero_padding(leaky_relu(x, SLOPE), mask)
        for position, layer in enumerate(self.layers):
            x = zero_padding(layer(x), mask)
            if position == 0:
                x = halve(x)  # ASSUME: after the first GLConv, as in GaitGL v1
        return x, counts
