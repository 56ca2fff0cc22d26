"""EnergyNet: a small 2D network on four energy images of a sequence, in place of its frames.

A gait energy image (Han & Bhanu 2006; as a network's input: GEINet, Shiraga et al. 2016) says how
often each pixel belongs to the figure. Here are four: the mean, the deviation over time, and the
means over the moments of open and of closed legs. They are computed once for a sequence, whatever
its length and frame rate, so that a step of training costs as much as one of a few frames.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gaittake.models.frames import frame_mask
from gaittake.models.pooling import PartScale, SeparateHeads

PLANES = 4
LEGS = 0.75  # of the rows are above the lower legs
SHARPNESS = 1.5  # of the choice of moments, in deviations of the legs' width
LEAST_WIDTH = 0.3  # pixels of deviation, below it the legs do not move
FREQUENCIES = 128  # of each part, in place of its numbers where distances saturate
GEI_STRIPS = 8
GEI_WEIGHT = 1.5  # of a strip, against a part of the network


class Energies(NamedTuple):
    """Energy images `[n, rows, columns]` each, see `energies`."""

    mean: Tensor
    deviation: Tensor
    open_legs: Tensor
    closed_legs: Tensor


def energies(silhouettes: Tensor, mask: Tensor | None = None) -> Energies:
    """Returns the energy images of sequences.

    Args:
        silhouettes: `[n, s, rows, columns]` in 0…1.
        mask: `[n, s]`, True where a frame is real; None: all are.
    """
    x = silhouettes.float()
    real = x.new_ones(x.shape[:2]) if mask is None else mask.to(x.dtype)
    share = real / real.sum(dim=1, keepdim=True)
    mean = _weighted(x, share)
    square = _weighted(x.square(), share)
    deviation = (square - mean.square()).clamp(min=1e-6).sqrt()
    width = _legs_width(x)
    middle = (share * width).sum(dim=1, keepdim=True)
    spread = (share * (width - middle).square()).sum(dim=1, keepdim=True).sqrt()
    openness = SHARPNESS * (width - middle) / (spread + LEAST_WIDTH)
    padded = real == 0
    moments = [(sign * openness).masked_fill(padded, -torch.inf).softmax(1) for sign in (1, -1)]
    return Energies(mean, deviation, *(_weighted(x, moment) for moment in moments))


def _weighted(x: Tensor, share: Tensor) -> Tensor:
    return torch.einsum("nshw,ns->nhw", x, share)


def _legs_width(x: Tensor) -> Tensor:
    """Returns `[n, s]`: the deviation of the columns of the lower legs' pixels."""
    columns = torch.arange(x.shape[3], dtype=x.dtype, device=x.device)
    profile = x[:, :, int(x.shape[2] * LEGS) :].sum(dim=2)
    total = profile.sum(dim=2) + 1e-3
    centre = (profile * columns).sum(dim=2) / total
    square = (profile * (columns - centre[..., None]).square()).sum(dim=2) / total
    return (square + 1e-3).sqrt()


def _block(before: int, after: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, side, stride=stride, padding=side // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.LeakyReLU(0.1),
    )


def _kernel_features(angles: Tensor) -> Tensor:
    """Returns random Fourier features of a Gaussian kernel (Rahimi & Recht 2007).

    If the angles are `x · waves / scale` with standard normal waves, the Euclidean distance of two
    results is about `sqrt(2 - 2 exp(-(distance / scale)² / 2))`: proportional at first, and at most
    1.41.
    """
    features: Tensor = torch.cat([angles.cos(), angles.sin()], dim=-1) / angles.shape[-1] ** 0.5
    return features


class SaturatedParts(nn.Module):
    """Limits how much a part adds to a distance: clothes that change move some parts far apart.

    Outside of training, `_kernel_features` take the place of each part's numbers.

    Args:
        parts: number of parts, p.
        embedding: numbers of each part, d.
        scale: of the kernel, in units of the embeddings' spread in training.
    """

    waves: Tensor

    def __init__(self, parts: int, embedding: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        generator = torch.Generator().manual_seed(0)
        waves = torch.randn(parts, embedding, FREQUENCIES, generator=generator)
        self.register_buffer("waves", waves)
        self.training_spread = PartScale(parts)  # training updates it

    def forward(self, x: Tensor) -> Tensor:
        """Returns `x` `[n, p, d]` in training, otherwise `[n, p, 2 * FREQUENCIES]`."""
        if self.training:
            return x
        # One scale for all parts: a part in which everybody differs little counts little.
        width = self.scale * self.training_spread.spread.square().mean().sqrt()
        angles = torch.einsum("npd,pdf->npf", x.float() / width, self.waves)
        return _kernel_features(angles)


class GeiStrips(nn.Module):
    """Strips of the gait energy image itself, which say that clothes have stayed the same.

    The network learns to ignore clothes. Two recordings in the same clothes have nearly equal
    energy images, so a strip counts if it is much alike, and is ignored otherwise: its distance
    saturates.

    Args:
        rows: of the image, a multiple of `GEI_STRIPS`.
        columns: of the image.
        scale: root mean square difference at which a strip's distance saturates, in 0…1.
    """

    waves: Tensor

    def __init__(self, rows: int, columns: int, scale: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        pixels = rows // GEI_STRIPS * columns
        waves = torch.randn(pixels, FREQUENCIES, generator=generator) / (scale * pixels**0.5)
        self.register_buffer("waves", waves)

    def forward(self, mean: Tensor) -> Tensor:
        """Returns `[n, GEI_STRIPS, 2 * FREQUENCIES]` of energy images `[n, rows, columns]`."""
        return GEI_WEIGHT * _kernel_features(mean.reshape(len(mean), GEI_STRIPS, -1) @ self.waves)


class EnergyNet(nn.Module):
    """Convolutions on the energy images, then one embedding for each strip.

    Args:
        height: rows of a silhouette; a multiple of 4.
        width: columns of a silhouette.
        channels: of the first half of the layers; the second half has twice as many.
        embedding: numbers of each embedding, d.
        saturation: scale of `SaturatedParts`; 0: distances do not saturate.
        gei_scale: scale of `GeiStrips`, which are added to the embeddings outside of training; 0:
            none. Needs saturation.
    """

    def __init__(
        self,
        *,
        height: int = 64,
        width: int = 44,
        channels: int = 32,
        embedding: int = 64,
        saturation: float = 0.0,
        gei_scale: float = 0.0,
    ) -> None:
        super().__init__()
        multiple = GEI_STRIPS if gei_scale else 4
        if height % multiple or width < 4:
            raise ValueError(
                f"a height that {multiple} divides is required, found {height} x {width}"
            )
        if gei_scale and not saturation:
            raise ValueError("gei_scale needs saturation")
        wide = 2 * channels
        self.layers = nn.Sequential(
            _block(PLANES, channels, side=5, stride=2),
            _block(channels, channels),
            nn.MaxPool2d(2),
            _block(channels, wide),
            _block(wide, wide),
        )
        self.heads = SeparateHeads(height // 4, 2 * wide, embedding)
        self.saturated = SaturatedParts(height // 4, embedding, saturation) if saturation else None
        self.gei = GeiStrips(height, width, gei_scale) if gei_scale else None

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns the embeddings `[n, p, d]`; see `GaitTake.forward`. Keypoints are not used."""
        found = energies(silhouettes, frame_mask(counts, silhouettes.shape[1]))
        x = self.layers(torch.stack(found, dim=1))  # [n, c, h, w]
        strips = torch.cat([x.mean(dim=3), x.amax(dim=3)], dim=1)  # [n, 2c, h]
        embeddings: Tensor = self.heads(strips)
        if self.saturated is None:
            return embeddings
        parts: Tensor = self.saturated(embeddings)
        if self.gei is None or self.training:
            return parts
        return torch.cat([parts, self.gei(found.mean)], dim=1)
