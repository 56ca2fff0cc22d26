"""Memory that is freed and soon asked for again."""

import ctypes

# Of glibc's malloc.h: the number of a setting, and its value.
MALLOC = {"M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_MMAP_MAX": (-4, 0)}


def keep_freed_memory() -> bool:
    """Makes this process keep what it frees, and returns whether its C library can.

    A network frees hundreds of megabytes at each step and asks for them again; handed back in
    between, every page comes from the system anew, and zeroed (benchmarks/embed.py, step.py).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*setting) for setting in MALLOC.values())
