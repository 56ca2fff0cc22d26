"""Pooling over columns and strips, and separate heads for the parts (PAPER 3.2 and 3.3)."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class GeM(nn.Module):
    """Generalised mean over the columns of each row (PAPER eq. 10).

    ASSUME: one learnable power, initially 6.5; values are clamped at 1e-6 (GaitGL v1).

    Args:
        power: initial p of eq. 10.
        floor: smaller values count as this one.
    """

    def __init__(self, power: float = 6.5, *, floor: float = 1e-6) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor([power]))
        self.floor = floor

    def forward(self, x: Tensor) -> Tensor:
        """Returns `[n, c, h]` of `x` `[n, c, h, w]`; computed in float32."""
        # In the log domain, because 1e-6 to the power 6.5 is denormal. Compiled GPU kernels flush
        # it to zero, and the gradient of the root at zero is infinite.
        logarithms = self.power * x.float().clamp(min=self.floor).log()
        mean = logarithms.logsumexp(dim=-1) - math.log(x.shape[-1])
        return (mean / self.power).exp()


def mean_and_max(x: Tensor, bins: int) -> Tensor:
    """Returns `[n, c, bins]`: mean plus maximum of each horizontal bin of `x` `[n, c, h, w]`.

    Raises:
        ValueError: if the number of bins does not divide the rows.
    """
    if x.shape[2] % bins:
        raise ValueError(f"{bins} bins must divide the {x.shape[2]} rows of the map")
    cut = x.reshape(*x.shape[:2], bins, -1)
    return cut.mean(dim=3) + cut.amax(dim=3)


class SeparateHeads(nn.Module):
    """One linear layer for each part, no bias (PAPER 3.3; Xavier: ASSUME, GaitGL v1).

    Args:
        parts: p.
        features: c of the input.
        embedding: d.
    """

    def __init__(self, parts: int, features: int, embedding: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(parts, features, embedding))
        bound = (6.0 / (features + embedding)) ** 0.5
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `[n, p, d]` of `x` `[n, c, p]`."""
        return torch.einsum("ncp,pcd->npd", x, self.weight.to(x.dtype))


class PartNeck(nn.Module):
    """BNNeck (Luo et al. 2019) as the network's last layer; only in evaluation.

    Training uses the embeddings before it for the triplet loss, and `norm` for the classifier.

    Args:
        parts: p.
        embedding: d.

    Attributes:
        norm: batch normalisation of the p * d numbers, part by part.
    """

    def __init__(self, parts: int, embedding: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(parts * embedding)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `[n, p, d]`: `x` in training, else normalised, each part of length 1."""
        if self.training:
            return x
        return normalize(self.norm(x.flatten(1)).reshape(x.shape), dim=2)


class PartScale(nn.Module):
    """Divides the embeddings of each part by their spread, so that parts count equally.

    It does so only in evaluation: in training the loss may give each part a different scale.

    Args:
        parts: p.

    Attributes:
        spread: `[p]`, root mean square distance to the mean of a training batch.
    """

    spread: Tensor

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.register_buffer("spread", torch.ones(parts))

    def forward(self, x: Tensor) -> Tensor:
        """Returns `[n, p, d]`: `x` in training, else `x` with a spread of about 1 in each part."""
        return x if self.training else x / self.spread[:, None].to(x.dtype)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Moves the spread a tenth of the way to that of a training batch `x` `[n, p, d]`."""
        centred = x.float() - x.float().mean(dim=0)
        spread = centred.square().sum(dim=2).mean(dim=0).sqrt()
        self.spread.lerp_(spread.clamp(min=1e-6), 0.1)
