"""Versions of cuDNN whose 3D convolutions in 16 bits are wrong, or avoided by PyTorch and slow.

Sources: PyTorch's issues 163539 (wrong results in bfloat16, seen with cuDNN 9.8 and 9.10), 166122
and 166643 (four times slower, more memory with PyTorch 2.9), its changes 163581 and 166480, which
avoid cuDNN 9.8 to 9.14 for them. Not tried by this project, which was never run on a GPU.
"""

import logging
import re
from typing import Literal

import torch
from torch import nn

from gaittake.errors import UserError

logger = logging.getLogger(__name__)
AFFECTED = range(90_800, 91_500)  # as `torch.backends.cudnn.version()` counts: 9.8.0 to 9.14
AVOIDED_FROM = (2, 9)  # PyTorch


def conv3d_fault(pytorch: str, cudnn: int | None) -> Literal["", "slow", "wrong"]:
    """Returns what is wrong with 3D convolutions in bfloat16 and float16 on an NVIDIA GPU.

    Args:
        pytorch: version, for example `2.9.1+cu128`.
        cudnn: version, for example 91002 for 9.10.2; None without cuDNN.

    Returns:
        `wrong`: results may be wrong, without an error; `slow`: PyTorch computes them without
        cuDNN; otherwise an empty text.
    """
    if cudnn not in AFFECTED:
        return ""
    major, minor = (int(number) for number in re.findall(r"\d+", pytorch)[:2])
    return "slow" if (major, minor) >= AVOIDED_FROM else "wrong"


def check_convolutions(network: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    """Checks the installed cuDNN before a training; logs a warning if it makes training slow.

    Args:
        network: only 3D convolutions are affected.
        device: of the training.
        dtype: in which its layers compute.

    Raises:
        UserError: results may be wrong; the message says what to install.
    """
    convolves = any(isinstance(layer, nn.Conv3d) for layer in network.modules())
    if device.type != "cuda" or torch.version.hip or dtype is torch.float32 or not convolves:
        return
    found = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    fault = conv3d_fault(torch.__version__, found)
    if not fault or found is None:
        return
    kind = str(dtype).removeprefix("torch.")
    name = f"cuDNN {found // 10_000}.{found // 100 % 100} with PyTorch {torch.__version__}"
    fix = "install cuDNN 9.15 or newer (pip install -U nvidia-cudnn-cu12, or -cu13 for CUDA 13)"
    if fault == "wrong":
        raise UserError(
            f"{name} may compute wrong 3D convolutions in {kind}, without an error: {fix} and "
            "PyTorch 2.11 or newer, or set train.precision: float32"
        )
    logger.warning("%s computes 3D convolutions in %s slowly: %s", name, kind, fix)
