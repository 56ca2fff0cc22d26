"""Networks: silhouettes and keypoints of whole sequences in, embeddings `[n, p, d]` out."""

from collections.abc import Callable
from typing import Any

from torch import nn

from gaittake.models.gaitgl import GaitGl
from gaittake.models.gaitpart import GaitPart
from gaittake.models.gaitset import GaitSet
from gaittake.models.gaittake import GaitTake
from gaittake.models.gei import Gei
from gaittake.models.mt3d import Mt3d

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "gei": Gei,
    "gaitset": GaitSet,
    "gaitpart": GaitPart,
    "mt3d": Mt3d,
    "gaitgl": GaitGl,
    "gaittake": GaitTake,
}


def build_network(network: str, **numbers: Any) -> nn.Module:
    """Returns a network by its name in the settings.

    Args:
        network: a key of NETWORKS.
        numbers: what the network's class takes.
    """
    return NETWORKS[network](**numbers)
