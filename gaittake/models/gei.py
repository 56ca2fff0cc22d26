"""Gait energy image (Han & Bhanu 2006): the mean silhouette of a sequence, without training."""

from typing import Any

from torch import Tensor, nn


class Gei(nn.Module):
    """The simplest baseline: the mean silhouette."""

    def __init__(self, **_numbers: Any) -> None:
        super().__init__()

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns `[n, 1, d]`, d = rows x columns; the keypoints are not used."""
        total = silhouettes.sum(dim=1).flatten(1)
        frames = silhouettes.shape[1] if counts is None else counts[:, None]
        return (total / frames)[:, None]
