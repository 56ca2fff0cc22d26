"""Checkpoints: written whole or not at all, by one process, for one training."""

import hashlib
import logging
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any, Self

import numpy as np
import torch

from gaittake.errors import Preempted, UserError
from gaittake.io.torch_file import load_torch, save_torch
from gaittake.machine import lock_file, machine_name

logger = logging.getLogger(__name__)
PREVIOUS = "previous.pt"


def identity_of(*parts: str) -> str:
    """Returns a digest of everything that a training depends on: settings, data, code."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """Returns the first 16 digits of a file's SHA-256."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:16]


class Checkpoints:
    """The checkpoint of a training; locks its folder and handles SIGTERM and Ctrl-C.

    Args:
        folder: of `last.pt`; created if missing.
        identity: digest of settings, data and code. A checkpoint of another identity is not
            continued; the first save keeps it as `previous.pt`.
        leads: whether this process locks the folder and writes; with several processes, one does.
        any_of: returns whether a flag is set in any process; all processes must call it.

    Raises:
        UserError: on entry, if another process trains in this folder.
    """

    def __init__(
        self,
        folder: Path,
        identity: str,
        *,
        leads: bool = True,
        any_of: Callable[[bool], bool] = bool,
    ) -> None:
        self.folder = folder
        self.identity = identity
        self._leads, self._any_of = leads, any_of
        self._signalled: signal.Signals | None = None
        self._stopping = False
        self._lock: IO[str] | None = None
        self._foreign = False  # whether `last.pt` is of another identity
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if self._leads:
            self._take_lock()
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as a shell's background jobs
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def _take_lock(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("a+")
        try:
            lock_file(self._lock)
        except BlockingIOError as error:
            self._lock.seek(0)
            owner = self._lock.read().strip() or "another process"
            self._lock.close()
            raise UserError(
                f"{self.folder}: {owner} trains here already (it may have outlived its "
                "Snakemake). Wait for it, or stop it, then run the same command again."
            ) from error
        except OSError as error:
            logger.warning(
                "%s: this file system has no locks (%s); make sure that nothing else trains here",
                self.folder,
                error.strerror,
            )
        self._lock.truncate(0)
        self._lock.write(f"process {os.getpid()} on {machine_name()}")
        self._lock.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._lock is not None:
            self._lock.close()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._signalled is not None:
            raise KeyboardInterrupt  # the second Ctrl-C does not wait
        self._signalled = signal.Signals(number)
        if self._leads:
            logger.info("stopping: this step is finished, then the progress is saved")

    @property
    def preempted(self) -> bool:
        """Whether any process must stop; all processes must ask at the same steps."""
        # Stored, because `save` must stop in all processes or in none.
        self._stopping = self._any_of(self._signalled is not None)
        return self._stopping

    def load(self) -> dict[str, Any] | None:
        """Returns the saved state, or None if training starts over.

        Raises:
            UserError: the checkpoint is damaged.
        """
        path = self.folder / "last.pt"
        if not path.exists():
            return None
        try:
            saved: dict[str, Any] = load_torch(path)
        except ValueError as error:
            raise UserError(
                f"{path}: the checkpoint cannot be read ({error}). Delete it and run the same "
                "command again: training starts over."
            ) from error
        if saved["identity"] != self.identity:
            self._foreign = True
            logger.warning(
                "%s is of other settings, data or code (%s, needed %s): training starts over, and "
                "keeps it as %s",
                path,
                saved["identity"],
                self.identity,
                PREVIOUS,
            )
            return None
        _set_generators(saved["generators"])
        logger.info("continuing from %s", path)
        state: dict[str, Any] = saved["state"]
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Saves the state and the random generators.

        Raises:
            Preempted: a process received SIGTERM or Ctrl-C before.
        """
        if self._leads:
            saved = {"identity": self.identity, "generators": _generators(), "state": state}
            path = self.folder / "last.pt"
            if self._foreign:  # not before: the other processes read it
                path.replace(self.folder / PREVIOUS)
                self._foreign = False
            save_torch(saved, path)
        if self._stopping:
            self._any_of(True)  # the other processes wait until the file is written
            interrupted = self._signalled is signal.SIGINT
            reason = "interrupted" if interrupted else "SIGTERM"
            raise Preempted(
                f"{reason}: progress is saved in {self.folder}; run the same command again to "
                "continue",
                code=130 if interrupted else 143,
            )


def seed_everything(seed: int) -> None:
    """Seeds Python's, NumPy's and PyTorch's generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _generators() -> dict[str, Any]:
    """Returns the states of the CPU's generators.

    Those of GPUs are not saved: batches are drawn by NumPy, and a checkpoint must not depend on the
    number of GPUs.
    """
    kind, keys, *rest = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": [str(kind), torch.from_numpy(np.array(keys, dtype=np.int64)), *rest],
        "torch": torch.get_rng_state(),
    }


def _set_generators(saved: dict[str, Any]) -> None:
    random.setstate(saved["python"])
    kind, keys, *rest = saved["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(saved["torch"])
