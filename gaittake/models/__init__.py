"""Networks: silhouettes and keypoints of whole sequences in, embeddings `[n, p, d]` out."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

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


def trained_network(network: str, weights: Mapping[str, Tensor], **numbers: Any) -> nn.Module:
    """Returns a network with its trained weights, in evaluation mode.

    Args:
        network: a key of NETWORKS.
        weights: its state dict.
        numbers: arguments of the network's class or builder.

    Raises:
        RuntimeError: weights are missing, unexpected or of another shape.
    """
    built = build_network(network, **numbers)
    built.load_state_dict(weights)
    return built.eval()
