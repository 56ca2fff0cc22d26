"""The device of a computation: whether it works, its precision, its errors, its memory."""

import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from gaittake.cards import VISIBLE, device_nodes, hidden
from gaittake.errors import UserError
from gaittake.machine import machine_name

# Constants of glibc's malloc.h: the number of a parameter, and its value.
MALLOC = {"M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_MMAP_MAX": (-4, 0)}
# Compute capability from which NVIDIA GPUs multiply in the type at full speed.
BFLOAT16_FROM, FLOAT16_FROM = (8, 0), (7, 0)
GIB = 2**30
DRIVER = Path("/proc/driver/nvidia/version")


def why_no_gpu() -> str:
    """Returns why PyTorch finds no GPU, and what to do; an empty text if it finds one."""
    if torch.cuda.is_available():
        return ""
    build = f"PyTorch {torch.__version__}"
    if not (torch.version.cuda or torch.version.hip):
        return f"{build} is a build for CPUs; install one for this GPU (docs/install.md)"
    if hidden():
        return f"{VISIBLE}={os.environ[VISIBLE]!r} hides the GPUs"
    nodes = device_nodes()
    if not nodes:
        return f"{machine_name()} has no GPU, or gives this job none"
    if torch.version.hip:
        return (
            f"{build} is a build for AMD's ROCm {torch.version.hip}, which finds no GPU of its kind"
        )
    if [node.name for node in nodes] == ["kfd"]:
        return f"{build} is a build for NVIDIA's CUDA, and the GPU is of AMD; install that for ROCm"
    found = re.search(r"\d+(?:\.\d+)+", DRIVER.read_text()) if DRIVER.exists() else None
    return (
        f"the NVIDIA driver{f' {found[0]}' if found else ''} is probably too old for CUDA "
        f"{torch.version.cuda} of {build}; update it, or install a build for an older CUDA "
        "(docs/install.md)"
    )


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


def require_gpu(device: torch.device) -> None:
    """Checks that PyTorch can compute on a GPU.

    Raises:
        UserError: there is none, it has another number, or as `check_card`.
    """
    if fault := why_no_gpu():
        raise UserError(
            f"device '{device}': PyTorch finds no GPU: {fault}. To compute on the CPU: device='cpu'"
        )
    if (device.index or 0) >= (found := torch.cuda.device_count()):
        raise UserError(f"device '{device}': PyTorch finds {found} GPUs, counted from 0")
    check_card(device)


def _version(architecture: str) -> tuple[int, int]:
    """Returns (12, 0) of `sm_120` and (9, 0) of `sm_90a`."""
    return divmod(int(re.sub(r"\D", "", architecture)), 10)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Returns the context in which a network computes, in `layer_dtype`."""
    return autocast_to(device.type, layer_dtype(device, precision))


def autocast_to(kind: str, dtype: torch.dtype) -> torch.autocast:
    """Returns the context in which a network computes in a type.

    Args:
        kind: of the device, `cpu` or `cuda`.
        dtype: of the layers; float32 means no autocast.
    """
    mixed = dtype is not torch.float32
    return torch.autocast(kind, dtype=dtype if mixed else torch.bfloat16, enabled=mixed)


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


@contextmanager
def without_tf32() -> Iterator[None]:
    """Computes in exact float32 within the block; afterwards the program's settings hold again."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    forbid_tf32(convolutions=True)
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def is_out_of_memory(error: Exception) -> bool:
    """Returns whether a GPU has too little memory.

    It is no `OutOfMemoryError` if the memory is missing before PyTorch's allocator starts, or in a
    library.
    """
    said = ("CUDA error: out of memory", "HIP error: out of memory", "_STATUS_ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in said)
    )


def out_of_memory(error: Exception) -> str:
    """Returns one line for an out-of-memory error of a GPU: the card, its memory, what to set."""
    found = re.search(r"GPU (\d+)", str(error))
    tried = re.search(r"Tried to allocate ([\d.]+ \w+)", str(error))
    return (
        f"out of GPU memory: {_memory(int(found[1]) if found else None)}, "
        f"{tried[1] if tried else 'more'} needed. Stop other programs on the GPU, or lower a "
        "setting: train.subjects_per_batch, train.sequences_per_subject or train.frames for "
        "training; pose.batch, pose.finetune.batch or pose.detector.max_size for keypoints."
    )


def _memory(card: int | None) -> str:
    """Returns the free memory of a GPU, or that it is unknown: the GPU may answer no more."""
    try:
        card = torch.cuda.current_device() if card is None else card
        free, total = torch.cuda.mem_get_info(card)
        name = torch.cuda.get_device_name(card)
    except (RuntimeError, AssertionError):  # AssertionError: a PyTorch without CUDA
        return "the free memory is unknown"
    return f"{name} has {free / GIB:.1f} of {total / GIB:.1f} GiB free"


def keep_freed_memory() -> bool:
    """Makes this process reuse freed memory; returns whether its C library supports that.

    Each training step frees hundreds of megabytes and allocates them again. If they were returned
    to the system, each page would be zeroed again (measured by benchmarks/embed.py and step.py).
    """
    if os.name != "posix":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*setting) for setting in MALLOC.values())
