"""In which precision a network computes: bfloat16 where the device multiplies in it."""

import torch


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Returns the precision to compute in: bfloat16 where the device has it, unless told otherwise.

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
