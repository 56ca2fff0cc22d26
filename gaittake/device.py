"""The device of a computation: whether it works, its precision, its errors, its memory."""

import ctypes
import re

import torch

from gaittake.errors import UserError

# Constants of glibc's malloc.h: the number of a parameter, and its value.
MALLOC = {"M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_MMAP_MAX": (-4, 0)}
# Compute capability from which NVIDIA GPUs multiply in the type at full speed.
BFLOAT16_FROM, FLOAT16_FROM = (8, 0), (7, 0)
GIB = 2**30


def check_card(device: torch.device) -> None:
    """Checks that the installed PyTorch has kernels for a GPU.

    Raises:
        UserError: it has none; the message names the build to install.
    """
    built = torch.cuda.get_arch_list() if device.type == "cuda" and not torch.version.hip else []
    supported = [(name.split("_")[0], *_version(name)) for name in built]  # of sm_75: "sm", 7, 5
    major, minor = torch.cuda.get_device_capability(device) if supported else (0, 0)
    # Machine code (sm) runs on GPUs of the same major version, PTX (compute) on all newer ones.
    if not supported or any(
        (kind == "sm" and its_major == major and its_minor <= minor)
        or (kind == "compute" and (its_major, its_minor) <= (major, minor))
        for kind, its_major, its_minor in supported
    ):
        return
    oldest = min((its_major, its_minor) for _, its_major, its_minor in supported)
    wheel = "a wheel for CUDA 12.6 (cu126)" if (major, minor) < oldest else "the newest wheel"
    raise UserError(
        f"{torch.cuda.get_device_name(device)}: PyTorch {torch.__version__} has no kernels for its "
        f"compute capability {major}.{minor}, only for "
        f"{', '.join(f'{its_major}.{its_minor}' for _, its_major, its_minor in supported)}. "
        f"Install {wheel} as pytorch.org/get-started describes, or use --device cpu."
    )


def _version(architecture: str) -> tuple[int, int]:
    """Returns (12, 0) of `sm_120` and (9, 0) of `sm_90a`."""
    return divmod(int(re.sub(r"\D", "", architecture)), 10)


def autocast(device: torch.device, precision: str, *, loss_scaling: bool = False) -> torch.autocast:
    """Returns the context in which a network computes, in `layer_dtype`."""
    dtype = layer_dtype(device, precision, loss_scaling=loss_scaling)
    mixed = dtype is not torch.float32
    return torch.autocast(device.type, dtype=dtype if mixed else torch.bfloat16, enabled=mixed)


def layer_dtype(device: torch.device, precision: str, *, loss_scaling: bool = False) -> torch.dtype:
    """Returns the type in which the layers of a network compute.

    `auto` is bfloat16 on devices that multiply in it. NVIDIA GPUs of compute capability 7.0 to 7.5
    (V100, T4, RTX 20) only emulate bfloat16, slowly. They compute in float16 if the loss is scaled:
    training GaitTAKE at full size takes 15.0 GiB in float32, more than a 16-GB card has free, and
    8.2 GiB in 16 bits (`benchmarks/memory.py`). All other devices compute in float32.

    Args:
        device: of the network.
        precision: `auto` or `float32`.
        loss_scaling: whether gradients are protected from underflow, as float16 needs.

    Raises:
        ValueError: an unknown `precision`.
    """
    if precision not in ("auto", "float32"):
        raise ValueError(f"precision must be 'auto' or 'float32', not {precision!r}")
    if precision == "auto" and has_bfloat16(device):
        return torch.bfloat16
    if precision == "auto" and loss_scaling and device.type == "cuda":
        able = torch.cuda.get_device_capability(device) >= FLOAT16_FROM
        return torch.float16 if able else torch.float32
    return torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Returns whether the device multiplies in bfloat16 in hardware."""
    if device.type == "cuda":
        if torch.version.hip:
            return bool(torch.cuda.is_bf16_supported())
        return torch.cuda.get_device_capability(device) >= BFLOAT16_FROM
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def forbid_tf32(*, convolutions: bool) -> None:
    """Makes a GPU multiply float32 matrices exactly, and convolve so if `convolutions` is set.

    TF32 has 10 bits of mantissa in place of 23. PyTorch uses it for convolutions by default, and
    some containers enable it for matrix products.

    Args:
        convolutions: also for convolutions; for stages with `precision: float32`.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = not convolutions


def out_of_memory(error: torch.OutOfMemoryError) -> str:
    """Returns one line for an out-of-memory error of a GPU: the card, its memory, what to set."""
    found = re.search(r"GPU (\d+)", str(error))
    card = int(found[1]) if found else torch.cuda.current_device()
    tried = re.search(r"Tried to allocate ([\d.]+ \w+)", str(error))
    free, total = torch.cuda.mem_get_info(card)
    return (
        f"out of GPU memory: {torch.cuda.get_device_name(card)} has {free / GIB:.1f} of "
        f"{total / GIB:.1f} GiB free, {tried[1] if tried else 'more'} needed. Stop other programs "
        "on the GPU, or lower a setting: train.subjects_per_batch, train.sequences_per_subject or "
        "train.frames for training; pose.batch, pose.finetune.batch or pose.detector.max_size for "
        "keypoints."
    )


def keep_freed_memory() -> bool:
    """Makes this process reuse freed memory; returns whether its C library supports that.

    Each training step frees hundreds of megabytes and allocates them again. If they were returned
    to the system, each page would be zeroed again (measured by benchmarks/embed.py and step.py).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*setting) for setting in MALLOC.values())
