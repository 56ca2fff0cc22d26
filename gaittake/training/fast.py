"""Process settings that make training steps faster and change results only by rounding."""

import torch

from gaittake.device import keep_freed_memory


def speed_up(device: torch.device) -> None:
    """Prepares the process for many training steps with the same shapes.

    The step is not compiled: `torch.compile` may leave the channels-last memory order of 3D
    convolutions, and no measurement on a GPU shows yet that it pays, with CUDA graphs or without.
    `benchmarks/step.py` compares all three.

    Args:
        device: where the network is trained.
    """
    if device.type == "cpu":
        keep_freed_memory()
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # tries all algorithms of each convolution once
