"""Global and local 3D convolutions (PAPER eq. 1-5) of GaitGL and GaitTAKE."""

from collections.abc import Sequence
from functools import partial

from torch import Tensor, cat, nn
from torch.nn.functional import leaky_relu

from gaittake.models.blocks import SLOPE, Stem, activated, by_strips, conv3, halve, thinning
from gaittake.models.frames import frame_mask, thin_frames, zero_padding
from gaittake.models.fusion import AttentionFusion


def even_rows(height: int, shrink: int) -> int:
    """Returns the rows of a backbone's maps: it halves those of its input, then doubles them.

    Raises:
        ValueError: an odd number.
    """
    rows = height // shrink
    if rows % 2:
        raise ValueError(f"an even number of rows is required, found {rows} ({height} / {shrink})")
    return rows


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
        maps: further channels of the input, skeleton maps; with a stem of their own, and fused
            with the others by attention.
        stem_repeats: convolutions of the stem.
        repeats: GLConvs for each number of `channels`.
    """

    def __init__(
        self,
        channels: Sequence[int],
        *,
        strips: int,
        lta: bool,
        planes: int = 1,
        maps: int = 0,
        stem_repeats: int = 1,
        repeats: int = 1,
    ) -> None:
        super().__init__()
        self.planes, self.repeats = planes, repeats
        self.stem = Stem(planes, channels[0])
        self.map_stem = Stem(maps, channels[0]) if maps else None
        self.fusion = AttentionFusion(channels[0]) if maps else None
        self.stem_layers = nn.ModuleList(
            conv3(channels[0], channels[0]) for _ in range(stem_repeats - 1)
        )
        self.lta = thinning(channels[0]) if lta else None
        widths = [channels[0], *(each for each in channels[1:] for _ in range(repeats))]
        joins = ["add"] * (len(widths) - 2) + ["rows"]
        self.layers = nn.ModuleList(
            GLConv(before, after, strips=strips, join=join)
            for before, after, join in zip(widths[:-1], widths[1:], joins, strict=True)
        )

    def forward(self, x: Tensor, counts: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Returns features `[n, c, s, h, w]` and their real frames `[n]`.

        Args:
            x: `[n, planes + maps, s, rows, columns]` in 0…1, padded frames zero.
            counts: `[n]` real frames, or None if all are real.
        """
        mask = frame_mask(counts, x.shape[2])
        x = zero_padding(self._begun(x, mask), mask)
        for layer in self.stem_layers:
            x = zero_padding(activated(layer, x), mask)
        if self.lta is not None:
            x, counts = thin_frames(self.lta, x, counts)
            mask = frame_mask(counts, x.shape[2])
            x = zero_padding(leaky_relu(x, SLOPE), mask)
        for position, layer in enumerate(self.layers):
            x = zero_padding(layer(x), mask)
            if position == self.repeats - 1:
                x = halve(x)  # ASSUME: after the first GLConv, as in GaitGL v1
        return x, counts

    def _begun(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Returns the features of the stems, fused if there are skeleton maps."""
        begun = activated(self.stem, x[:, : self.planes])
        if self.map_stem is None or self.fusion is None:
            return begun
        fused: Tensor = self.fusion(begun, activated(self.map_stem, x[:, self.planes :]), mask)
        return fused
