"""Gait energy image (Han & Bhanu 2006): the mean silhouette of a sequence. Nothing is learnt."""

from typing import Any

from torch import Tensor, nn


class Gei(nn.Module):
    """The floor of every comparison: the mean silhouette, to be compared by nearest neighbour."""

    def __init__(self, **_numbers: Any) -> None:
        super().__init__()

    def forward(
        self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Returns `[n, 1, d]`, d = rows x columns; the keypoints are not used."""
        total = silhouettes.sum(dim=1).flatten(1)
        frames = silhouettes.shape[1] if counts is None else counts[:, None]
        return (total / frames)[:, None]
