"""Global and local 3D convolutions (PAPER eq. 1-4)."""

from torch import Tensor, cat, nn
from torch.nn.functional import leaky_relu

SLOPE = 0.01


def conv3(channels_in: int, channels_out: int) -> nn.Conv3d:
    """Returns a 3x3x3 convolution that keeps frames, rows and columns; no bias."""
    return nn.Conv3d(channels_in, channels_out, kernel_size=3, padding=1, bias=False)


class GLConv(nn.Module):
    """One convolution of the whole map and one, shared, of its horizontal strips.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the result.
        strips: m of eq. 2; must divide the rows of the input.
        join: `add` is GLConvA (eq. 3), `rows` is GLConvB (eq. 4), which doubles the rows.
    """

    def __init__(self, channels_in: int, channels_out: int, *, strips: int, join: str) -> None:
        super().__init__()
        self.whole = conv3(channels_in, channels_out)
        self.local = conv3(channels_in, channels_out)
        self.strips = strips
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        """Returns `[n, c, s, h, w]`, or `[n, c, s, 2h, w]` where the two are joined on rows."""
        whole = self.whole(x)  # PAPER eq. 1
        local = self._local(x)  # PAPER eq. 2
        if self.join == "rows":
            return leaky_relu(cat([whole, local], dim=3), SLOPE)  # PAPER eq. 4
        # ASSUME: the activation comes before the sum, as in GaitGL v1. PAPER eq. 3
        return leaky_relu(whole, SLOPE) + leaky_relu(local, SLOPE)

    def _local(self, x: Tensor) -> Tensor:
        n, c, s, h, w = x.shape
        if h % self.strips:
            raise ValueError(f"{self.strips} strips must divide the {h} rows of the map")
        rows = h // self.strips
        strips = x.reshape(n, c, s, self.strips, rows, w).permute(0, 3, 1, 2, 4, 5)
        y: Tensor = self.local(strips.reshape(n * self.strips, c, s, rows, w))
        y = y.reshape(n, self.strips, -1, s, rows, w).permute(0, 2, 3, 1, 4, 5)
        return y.reshape(n, -1, s, h, w)
