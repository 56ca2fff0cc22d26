"""Networks: from silhouettes and keypoints of whole sequences to embeddings `[n, p, d]`."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from gaittake.models.build import build_gaittake
from gaittake.models.deepgaitv2 import DeepGaitV2
from gaittake.models.energynet import EnergyNet
from gaittake.models.gaitbase import build_gaitbase
from gaittake.models.gaitgl import GaitGl
from gaittake.models.gaitpart import GaitPart
from gaittake.models.gaitset import GaitSet
from gaittake.models.gei import Gei
from gaittake.models.mt3d import Mt3d
from gaittake.models.skeletongait_plus import SkeletonGaitPlus

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "gei": Gei,
    "energynet": EnergyNet,
    "gaitset": GaitSet,
    "gaitpart": GaitPart,
    "mt3d": Mt3d,
    "gaitgl": GaitGl,
    "gaitbase": build_gaitbase,
    "deepgaitv2": DeepGaitV2,
    "skeletongait_plus": SkeletonGaitPlus,
    "gaittake": build_gaittake,
}


def build_network(network: str, **numbers: Any) -> nn.Module:
    """Returns a network by its name in the settings, with random weights.

    Args:
        network: a key of NETWORKS.
        numbers: arguments of the network's class or builder.

    Raises:
        ValueError: an unknown name or setting, or sizes that do not fit each other.
    """
    if network not in NETWORKS:
        raise ValueError(f"unknown network {network!r}; required: one of {', '.join(NETWORKS)}")
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
