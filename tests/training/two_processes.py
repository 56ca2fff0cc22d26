"""The work of two processes that `tests/training/test_distributed.py` starts and checks.

Each writes its results to a folder: losses and gradients of one step, weights of trainings, and
error messages.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gaittake.data.store import load_store
from gaittake.errors import Preempted, UserError
from gaittake.settings import Train, TrainStage
from gaittake.training import step
from gaittake.training.distributed import Group, joined
from gaittake.training.prepare import prepare
from tests.training.runs import CPU, before_step, die, run, terminate

PORTS: list[str] = []
SUBJECTS = ("001", "002", "003", "004")
TAKE = {
    "channels": (2, 4, 4, 4),
    "strips": 4,
    "clip_length": 3,
    "attention_width": 4,
    "embedding": 6,
}
NETWORKS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "gaittake": ("gaittake", TAKE, {}),
    "all switches": (
        "gaittake",
        TAKE | {"pose_channels": 5, "fusion": "apart", "skeleton_maps": True},
        {"cross_entropy": 0.5, "neck": True, "mirror": 0.5, "perspective": 0.5, "erase": 0.5},
    ),
    "gaitgl": (
        "gaitgl",
        # Wider, because with few normalised channels rounding reaches 1e-5 of the gradients.
        {"channels": (8, 8, 16, 16), "strips": 4, "embedding": 16, "head": "iccv"},
        {"loss": "batch_all", "cross_entropy": 1.0, "order": "any", "weight_decay": 5e-4},
    ),
}


def stage(name: str, **changes: Any) -> TrainStage:
    """Returns a training; half of its batch of 3 x 2 sequences ends inside a subject."""
    network, model, own = NETWORKS[name]
    numbers = {
        "subjects_per_batch": 3,
        "sequences_per_subject": 2,
        "frames": 6,
        "steps": 12,
        "learning_rate": 1e-3,
        "milestones": (8,),
        "precision": "float32",
        "log_every": 3,
        "checkpoint_every": 4,
    }
    train = Train.model_validate(numbers | own | changes)
    return TrainStage(seed=2, network=network, model=model, train=train, subjects=SUBJECTS)


def one_step(cache: Path, settings: TrainStage, group: Group) -> dict[str, Any]:
    """Returns loss, gradients and running statistics of a step."""
    store = load_store(cache, settings.subjects, CPU)
    training = prepare(settings, store, CPU, group)
    terms = step.train_step(training, 0)
    learner = training.learner
    return {
        "loss": terms.loss.detach(),
        "metrics": terms.metrics,
        "gradients": {name: weight.grad for name, weight in learner.named_parameters()},
        "statistics": dict(learner.named_buffers()),
    }


def train(where: Path, cache: Path, settings: TrainStage) -> None:
    if PORTS:
        os.environ["MASTER_PORT"] = PORTS.pop(0)  # each group needs its own port
    run(where, cache, settings)


def interrupted(
    number: int, happens: Callable[[], None], where: Path, cache: Path, settings: TrainStage
) -> None:
    with before_step(number, happens):
        train(where, cache, settings)


def main(folder: Path, rank: int) -> None:
    cache = folder / "cache.h5"
    with joined(CPU) as group:
        for name in NETWORKS:
            torch.save(one_step(cache, stage(name), group), folder / f"{name}-{rank}.pt")
    for name in NETWORKS:
        train(folder / name, cache, stage(name))
    with contextlib.suppress(KeyboardInterrupt):
        interrupted(6, die, folder / "killed", cache, stage("all switches"))
    train(folder / "killed", cache, stage("all switches"))
    torch.save(stopped(folder, cache, rank), folder / f"said-{rank}.pt")


def stopped(folder: Path, cache: Path, rank: int) -> dict[str, str]:
    """Returns the messages of trainings that fail; the second process causes the failures."""
    settings = stage("gaittake")
    first = rank == 0

    def signalled() -> None:
        if not first:
            terminate()

    def failing() -> None:
        if not first:
            raise UserError("no luck")

    attempts = {
        "preempted": lambda: interrupted(2, signalled, folder / "preempted", cache, settings),
        "unequal": lambda: train(folder, cache, stage("gaittake", sequences_per_subject=3)),
        # The first process finds a finished training, the second one an empty folder.
        "apart": lambda: train(folder / ("gaittake" if first else "empty"), cache, settings),
        "lost": lambda: interrupted(5, failing, folder / "lost", cache, settings),
    }
    said = {}
    for what, attempt in attempts.items():
        try:
            attempt()
        except (UserError, Preempted) as error:
            said[what] = str(error)
    return said


if __name__ == "__main__":
    torch.set_num_threads(1)
    PORTS.extend(sys.argv[2:])
    os.environ["MASTER_PORT"] = PORTS.pop(0)
    main(Path(sys.argv[1]), int(os.environ["RANK"]))
