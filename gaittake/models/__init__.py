"""Networks: silhouettes and keypoints of whole sequences in, embeddings `[n, p, d]` out."""

from collections.abc import Callable
from typing import Any

from torch import nn

from gaittake.models.gaittake import GaitTake
from gaittake.models.gei import Gei

NETWORKS: dict[str, Callable[..., nn.Module]] = {"gaittake": GaitTake, "gei": Gei}


def build_network(network: str, **numbers: Any) -> nn.Module:
    """Returns a network by its name in the settings.

    Args:
        network: `gaittake` or `gei`.
        numbers: what the network's class takes.
    """
    return NETWORKS[network](**numbers)
