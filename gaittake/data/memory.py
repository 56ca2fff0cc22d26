"""Free memory, and the place where the frames of a dataset fit."""

import logging
import os
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from gaittake.machine import physical_memory

logger = logging.getLogger(__name__)
Place = Literal["device", "host", "cache"]

# The network's memory is not known in advance. On a GPU the feature maps of a batch take most of
# it; the frames of the common datasets (CASIA-B 2 GB, OU-MVLP 10 GB) take little.
GPU_SHARE = 0.25
HOST_SHARE = 0.5
GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
MEMORY = Path("/proc/meminfo")


class Room(NamedTuple):
    """Memory that may hold frames.

    Attributes:
        place: see `choose_place`.
        name: for messages.
        free: bytes.
        allowed: bytes that frames may take.
    """

    place: Place
    name: str
    free: int
    allowed: int


def choose_place(needed: int, device: torch.device) -> Place:
    """Returns the fastest place that has room for the frames, and logs the decision.

    Args:
        needed: bytes of the frames.
        device: where the network computes.

    Returns:
        `device`: the memory of the device. `host`: the machine's memory, if the device is a GPU.
        `cache`: nothing fits, so the frames are streamed from the file.
    """
    rooms = _rooms(device)
    fitting = [room for room in rooms if needed <= room.allowed]
    logger.info(
        "frames take %.2f GB: %s (%s)",
        needed / 1e9,
        f"held in {fitting[0].name}" if fitting else "streamed from the cache",
        ", ".join(
            f"{room.name}: {room.free / 1e9:.2f} GB free, limit {room.allowed / 1e9:.2f}"
            for room in rooms
        ),
    )
    return fitting[0].place if fitting else "cache"


def _rooms(device: torch.device) -> list[Room]:
    """Returns the memories, fastest first."""
    # Processes that `torchrun` starts on one machine share its memory.
    free = free_memory() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    allowed = int(HOST_SHARE * free)
    if device.type != "cuda":
        return [Room("device", "memory", free, allowed)]
    on_gpu = torch.cuda.mem_get_info(device)[0]
    return [
        Room("device", "the GPU's memory", on_gpu, int(GPU_SHARE * on_gpu)),
        Room("host", "memory", free, allowed),
    ]


def free_memory() -> int:
    """Returns the bytes that this process can still allocate: of the machine and of its job.

    Schedulers and containers limit a job by Linux control groups, version 1 or 2.
    """
    left = [physical_memory()]
    if MEMORY.exists():
        left.append(1024 * _numbers(MEMORY)["MemAvailable:"])
    for line in OWN_GROUPS.read_text().splitlines() if OWN_GROUPS.exists() else []:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            left += _left(GROUPS, group, ("memory.max", "memory.current", "file"))
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")
            left += _left(GROUPS / "memory", group, names)
    return max(min(left), 0)


def _left(root: Path, group: str, names: tuple[str, str, str]) -> list[int]:
    """Returns the bytes left in a control group and in its parents; cached files count as free.

    Args:
        root: mount point of the groups.
        group: path of the group; a container may show only the root.
        names: file of the limit, file of the usage, and the key of cached files in `memory.stat`.
    """
    limit, usage, cached = names
    inner = root / group.strip("/")
    left = []
    for folder in (inner, *inner.parents):
        if folder.is_relative_to(root) and (folder / limit).exists():
            bound = (folder / limit).read_text().strip()
            if bound != "max":
                used = int((folder / usage).read_text())
                left.append(int(bound) - used + _numbers(folder / "memory.stat")[cached])
    return left


def _numbers(path: Path) -> dict[str, int]:
    """Returns the number after each name in a file of /proc or /sys."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines}
