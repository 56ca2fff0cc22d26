"""Attention fusion: a learned choice between two inputs (SkeletonGait++, Fan et al., AAAI 2024)."""

from torch import Tensor, cat, nn

from gaittake.models.residual import ConvNorm


class AttentionFusion(nn.Module):
    """The weighted sum of two features; the weights differ by channel, pixel and frame.

    Args:
        channels: of each of the two.
        squeeze: factor by which the layers between reduce the channels.
    """

    def __init__(self, channels: int, *, squeeze: int = 16) -> None:
        super().__init__()
        narrow = max(1, channels // squeeze)
        self.reduce = ConvNorm(2 * channels, narrow, (1, 1, 1))
        self.mix = ConvNorm(narrow, narrow, (1, 3, 3))
        self.score = nn.Conv3d(narrow, 2 * channels, 1, bias=False)

    def forward(self, one: Tensor, other: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, c, s, h, w]` of two features `[n, c, s, h, w]`."""
        x = self.reduce(cat([one, other], dim=1), mask).relu_()
        x = self.mix(x, mask).relu_()
        scores = self.score(x).unflatten(1, (2, -1))  # [n, 2, c, s, h, w]
        # The softmax over two scores is the sigmoid of their difference.
        share = (scores[:, 0] - scores[:, 1]).sigmoid()
        fused: Tensor = other + share * (one - other)
        return fused
