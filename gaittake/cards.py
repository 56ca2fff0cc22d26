"""Finds this machine's GPUs without PyTorch, and reserves one for each process.

Four processes that each ask PyTorch for a GPU get the same one. Here a process locks one that no
other has, and hides the others from itself. The system releases the lock when the process ends.
"""

import itertools
import logging
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from gaittake.machine import lock_byte, unlock_byte, user_number

logger = logging.getLogger(__name__)
VISIBLE = "CUDA_VISIBLE_DEVICES"
# A batch system has given this process its GPUs, or none.
BATCH_JOB = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")
# Device nodes of NVIDIA, of AMD, and of any GPU in Windows' WSL2.
NODES = ("nvidia[0-9]*", "kfd", "dxg")
QUERY = ("nvidia-smi", "--query-gpu=uuid,memory.total,mig.mode.current", "--format=csv,noheader")
# Of the largest GPU's memory. One with less is for the display, as a rule.
ENOUGH = 0.5
GROUP = 2**32
# Their locks are released when they are closed.
_held: list[IO[str]] = []


def device_nodes(folder: Path = Path("/dev")) -> list[Path]:
    """Returns the device nodes of GPUs, whether or not PyTorch can use them."""
    return sorted(node for pattern in NODES for node in folder.glob(pattern))


def hidden() -> bool:
    """Returns whether the environment hides all GPUs."""
    return os.environ.get(VISIBLE) in ("", "-1")


def take_card(processes: int) -> str | None:
    """Locks a GPU for this process and hides the others; must come before PyTorch is imported.

    If all are locked, it takes the one that the fewest processes share. It does not wait:
    Snakemake starts as many jobs as its resource `gpu` allows, a command by hand must not hang
    behind a training of days, and two trainings that each hold a part of the GPUs would wait for
    ever.

    Args:
        processes: started together by `torchrun`; each gets another GPU.

    Returns:
        The GPU's UUID, or its entry in CUDA_VISIBLE_DEVICES. None where nothing is to choose: one
        GPU or too few, no NVIDIA GPU, or a batch system that gave the job its GPUs.
    """
    visible = os.environ.get(VISIBLE)
    if visible is None:
        cards = [] if any(name in os.environ for name in BATCH_JOB) else listed_cards()
    else:
        cards = visible.split(",") if processes == 1 else []
    if len(cards) < max(2, processes):
        return None
    try:
        card, others = _lock_one(cards, os.getppid() if processes > 1 else None)
    except OSError as error:
        logger.warning("no lock on a GPU (%s): set %s if it is in use", error, VISIBLE)
        return None
    if others:
        logger.info("all %d GPUs are in use by gaittake; sharing %s", len(cards), card)
    os.environ[VISIBLE] = card
    return card


def listed_cards() -> list[str]:
    """Returns the UUIDs of NVIDIA's GPUs, those with most memory first.

    GPUs with less than half of the largest one's memory are omitted. None are returned if one of
    them is divided (MIG): then the user has to choose the part.
    """
    try:
        asked = subprocess.run(QUERY, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.split(", ") for line in asked.stdout.splitlines() if line.count(", ") == 2]
    if any(mode == "Enabled" for _, _, mode in rows):
        return []
    memory = {uuid: _megabytes(text) for uuid, text, _ in rows}
    needed = ENOUGH * max(memory.values(), default=0)
    return sorted((u for u in memory if memory[u] >= needed), key=lambda u: -memory[u])


def _megabytes(text: str) -> int:
    """Returns 24564 of `24564 MiB`; 0 of `[N/A]`, where GPU and CPU share the memory."""
    number = text.partition(" ")[0]
    return int(number) if number.isdecimal() else 0


def _lock_one(cards: Sequence[str], group: int | None) -> tuple[str, int]:
    """Returns the card that the fewest others use, now locked, and how many others use it.

    The n-th process on a card holds the n-th byte of its lock file. Processes of one group also
    hold the byte of the group, so that no two of them get the same card.

    Raises:
        OSError: the folder cannot be written, or its file system has no locks.
    """
    folder = _folder()
    files = {card: (folder / f"{_name(card)}.lock").open("a") for card in cards}
    try:
        for others in itertools.count():
            for card, file in files.items():
                if not _lock(file, others):
                    continue
                if group is None or _lock(file, GROUP + group):
                    _held.append(files.pop(card))
                    return card, others
                unlock_byte(file, others)
    finally:
        for file in files.values():
            file.close()
    raise AssertionError


def _lock(file: IO[str], byte: int) -> bool:
    try:
        lock_byte(file, byte)
    except (BlockingIOError, PermissionError):  # POSIX allows both for a lock of another process
        return False
    return True


def _name(card: str) -> str:
    """Returns the name of a card's lock; entries such as `0` are numbers of one Slurm job."""
    job = os.environ.get("SLURM_JOB_ID", "")
    return f"{job}-{card}".replace("/", "_") if job else card.replace("/", "_")


def _folder() -> Path:
    """Returns the folder of the locks, the user's own, on this machine."""
    parent = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(parent) / f"gaittake-{user_number()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
