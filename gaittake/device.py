"""The device a network computes on: its precision, and the process's memory."""

import ctypes

import torch

# Of glibc's malloc.h: the number of a setting, and its value.
MALLOC = {"M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_MMAP_MAX": (-4, 0)}


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Returns the context in which a network computes: bfloat16 where the device supports it.

    Args:
        device: where the network computes.
        precision: `auto` or `float32`.
    """
    able = precision == "auto" and has_bfloat16(device)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=able)


def has_bfloat16(device: torch.device) -> bool:
    """Returns whether the device multiplies in bfloat16 itself, twice as fast as in float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def keep_freed_memory() -> bool:
    """Makes this process reuse the memory it frees; returns whether its C library supports that.

    Each training step frees hundreds of megabytes and allocates them again. Returned to the system
    in between, every page would have to be zeroed anew (measured: benchmarks/embed.py, step.py).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*setting) for setting in MALLOC.values())
