"""What makes many steps of one shape faster, and changes what is learnt by rounding at most."""

import importlib.util
import logging

import torch
from torch import nn

from gaittake.device import keep_freed_memory

logger = logging.getLogger(__name__)
# Compiling takes a minute or two; a step becomes faster by a part of itself.
COMPILED_FROM = 5000


def speed_up(network: nn.Module, device: torch.device, *, steps: int) -> None:
    """Readies the process and the network for a training.

    Args:
        network: what is trained; its weights keep their names.
        device: where it is trained.
        steps: of the training.
    """
    if device.type == "cpu":
        keep_freed_memory()
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # tries all ways of each convolution once
        if steps >= COMPILED_FROM:
            compile_network(network)


def compile_network(network: nn.Module) -> None:
    """Makes the network compile itself when first called; what cannot be compiled runs as it is."""
    if importlib.util.find_spec("triton") is None:
        logger.info("no compiler for this GPU (triton): the network runs as it is")
        return
    torch._dynamo.config.suppress_errors = True
    network.compile()
