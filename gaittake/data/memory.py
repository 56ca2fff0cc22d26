"""How much memory is free, and where the frames of some sequences find room."""

import logging
import os
from pathlib import Path
from typing import Literal, NamedTuple

import torch

logger = logging.getLogger(__name__)
Place = Literal["device", "host", "cache"]

# A network's own needs are not known beforehand. On a GPU the maps of a batch take most of the
# memory; beside them the sets of the field (2 GB of CASIA-B, 10 GB of OU-MVLP) are small.
GPU_SHARE = 0.25
HOST_SHARE = 0.5
GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
MEMORY = Path("/proc/meminfo")


class Room(NamedTuple):
    """A place, its name for people, its free bytes, and how many of them frames may take."""

    place: Place
    name: str
    free: int
    allowed: int


def choose_place(needed: int, device: torch.device) -> Place:
    """Returns the fastest place that has room for the frames; the log says why.

    `device`: the memory of the device that computes. `host`: the machine's memory, where that is
    another. `cache`: the frames stay in the file and are streamed.

    Args:
        needed: bytes of the frames.
        device: what computes.
    """
    rooms = _rooms(device)
    fitting = [room for room in rooms if needed <= room.allowed]
    logger.info(
        "frames take %.2f GB: %s (%s)",
        needed / 1e9,
        f"held in {fitting[0].name}" if fitting else "streamed from the cache",
        ", ".join(
            f"{room.name}: {room.free / 1e9:.2f} GB free, {room.allowed / 1e9:.2f} may be taken"
            for room in rooms
        ),
    )
    return fitting[0].place if fitting else "cache"


def _rooms(device: torch.device) -> list[Room]:
    """Returns the places in memory, the fastest first."""
    # The processes that `torchrun` starts on a machine share its memory.
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
    """Returns the bytes that this process may still take: of the machine, and of its job's share.

    Schedulers and containers bound a job by control groups, of version 1 or 2 of their interface.
    """
    left = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
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
    """Returns what a control group, and each around it, has left; cached files give way.

    Args:
        root: where the groups are mounted.
        group: path of this one; in a container it may not be found, but the root is.
        names: the file of the limit, that of the use, and what `memory.stat` calls cached files.
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
    """Returns the number behind each name of a file of the system."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines}
