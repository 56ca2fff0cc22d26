"""Trainings that run to the end, and trainings that are interrupted."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from gaittake.io.weights import read_weights
from gaittake.settings import TrainStage
from gaittake.training import engine, step

CPU = torch.device("cpu")


def run(
    where: Path, cache: Path, settings: TrainStage, *, code: str = "code"
) -> dict[str, torch.Tensor]:
    """Trains in a folder; returns the weights."""
    engine.train(
        settings,
        cache=cache,
        checkpoints=where / "checkpoints",
        out=where / "weights.safetensors",
        history=where / "train.csv",
        device=CPU,
        code=code,
    )
    return read_weights(where / "weights.safetensors").state


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Returns whether weights are equal, bit for bit."""
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


@contextmanager
def before_step(number: int, happens: Callable[[], None]) -> Iterator[None]:
    """Calls `happens` before a step of the trainings in the block."""
    real = engine.train_step

    def watched(training: step.Training, now: int) -> Any:
        if now == number:
            happens()
        return real(training, now)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine, "train_step", watched)
        yield


def die() -> None:
    """Ends a training without a checkpoint."""
    raise KeyboardInterrupt


def terminate() -> None:
    """Sends SIGTERM to this process."""
    os.kill(os.getpid(), signal.SIGTERM)


def interrupt() -> None:
    """Sends Ctrl-C to this process."""
    os.kill(os.getpid(), signal.SIGINT)
