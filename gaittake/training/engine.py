"""The train stage: P x K batches, triplet loss, checkpoints; exact when continued."""

import logging
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import MultiStepLR

from gaittake.data.resident import Resident, load_resident
from gaittake.data.sampler import group_by_subject
from gaittake.errors import UserError
from gaittake.io.checkpoint import Checkpoints, identity_of, seed_everything
from gaittake.io.progress import progress
from gaittake.io.tables import write_csv
from gaittake.io.weights import save_weights
from gaittake.losses.classification import PartClassifier
from gaittake.models import build_network
from gaittake.models.pooling import SeparateHeads
from gaittake.sequence import name_of
from gaittake.settings import Train
from gaittake.stages import TrainStage, canonical
from gaittake.training.events import write_events
from gaittake.training.step import StepTerms, Training, batch_indices, train_step

logger = logging.getLogger(__name__)


def train(
    settings: TrainStage,
    *,
    cache: Path,
    checkpoints: Path,
    out: Path,
    history: Path,
    device: torch.device,
) -> None:
    """Trains a network and writes its weights.

    Args:
        settings: network, training, the subjects to learn from.
        cache: the dataset's cache.
        checkpoints: folder that survives a crash; a run with the same settings and data continues.
        out: weights.
        history: table of the run: step, loss, what it is made of, learning rate, frames a second.
        device: where to compute.

    Raises:
        UserError: too few subjects, or a loss that is not finite.
        Preempted: after SIGTERM; the progress is saved.
    """
    resident = load_resident(
        cache, settings.subjects, device, keypoints=settings.keypoints, noise=settings.noise
    )
    training = _prepare(settings, resident, device)
    identity = identity_of(canonical(settings), resident.data_digest)
    rows: list[dict[str, float]] = []
    with Checkpoints(checkpoints, identity) as saved:
        state = saved.load()
        if state is not None:
            training.network.load_state_dict(state["network"])
            if training.classifier:
                training.classifier.load_state_dict(state["classifier"])
            training.optimiser.load_state_dict(state["optimiser"])
            training.schedule.load_state_dict(state["schedule"])
            rows = state["history"]
        first = 0 if state is None else int(state["step"])
        pending = [] if state is None else [torch.tensor(loss) for loss in state["pending"]]
        _run(training, rows, pending, first=first, saved=saved)
    write_csv(pd.DataFrame(rows), history)
    write_events(rows, out.parent / "events")
    save_weights(
        training.network,
        out,
        network=settings.network,
        settings=settings.model,
        made_by={"settings": canonical(settings), "data_digest": resident.data_digest},
    )


def _prepare(settings: TrainStage, resident: Resident, device: torch.device) -> Training:
    seed_everything(settings.seed)
    rows, columns = resident.silhouettes.shape[1:]
    network = _network(settings, rows, columns).to(device)
    choice = settings.train
    groups = group_by_subject(
        list(resident.sequences["subject"]), subjects_per_batch=choice.subjects_per_batch
    )
    classifier = _classifier(network, len(groups), choice)
    learning = nn.ModuleList([network, classifier.to(device)] if classifier else [network])
    optimiser = Adam(
        learning.parameters(),
        lr=choice.learning_rate,
        weight_decay=choice.weight_decay,
        fused=device.type == "cuda" or None,
    )
    schedule = MultiStepLR(optimiser, list(choice.milestones), gamma=choice.decay)
    logger.info(
        "%d sequences of %d subjects, %d frames, %d weights, on %s",
        len(resident.sequences),
        len(groups),
        len(resident.silhouettes),
        sum(weight.numel() for weight in network.parameters()),
        device,
    )
    return Training(
        network, classifier, optimiser, schedule, resident, groups, choice, settings.seed
    )


def _network(settings: TrainStage, rows: int, columns: int) -> nn.Module:
    """Returns the network, its sizes tried on silhouettes that hold no data.

    Raises:
        UserError: strips or bins that do not divide the rows of a map.
    """
    numbers = {"height": rows, "width": columns} | settings.model
    try:
        with torch.device("meta"):
            empty = torch.empty(2, 3, rows, columns), torch.empty(2, 3, 17, 3)
            build_network(settings.network, **numbers)(*empty)
    except ValueError as error:
        raise UserError(
            f"{settings.network}: {error}; its model does not fit silhouettes of {rows} x {columns}"
        ) from error
    return build_network(settings.network, **numbers)


def _classifier(network: nn.Module, classes: int, choice: Train) -> PartClassifier | None:
    """Returns what names the training subjects, or None where the loss has no such term."""
    if not choice.cross_entropy:
        return None
    assert isinstance(network.heads, SeparateHeads)
    parts, _, embedding = network.heads.weight.shape
    return PartClassifier(parts, embedding, classes, neck=choice.neck)


def _run(
    training: Training,
    rows: list[dict[str, float]],
    pending: list[Tensor],
    *,
    first: int,
    saved: Checkpoints,
) -> None:
    """Takes the steps from `first` to the last, adding to the history and saving on the way.

    Args:
        training: what is trained.
        rows: the history so far.
        pending: losses of the steps since its last row.
        first: steps taken before.
        saved: where progress is saved.
    """
    choice = training.settings
    frames = choice.subjects_per_batch * choice.sequences_per_subject * choice.frames
    since, counted = time.monotonic(), first
    training.network.train()
    with progress("train", choice.steps, done=first, unit="steps") as advance:
        for step in range(first, choice.steps):
            terms = train_step(training, step)
            pending.append(terms.loss.detach())
            done = step + 1
            last = done == choice.steps
            # Looked at only now and then: reading a number makes a GPU wait.
            due = done % choice.log_every == 0 or last
            save = done % choice.checkpoint_every == 0 or last or saved.preempted
            note = ""
            if due or save:
                _stop_unless_finite(training, pending, first_step=done - len(pending))
            if due:
                now = time.monotonic()
                rate = frames * (done - counted) / max(now - since, 1e-9)
                rows.append(_row(training, done, terms, torch.stack(pending).mean(), rate))
                note = _note(rows[-1])
                since, counted = now, done
                pending.clear()
            advance(1, note)
            if save:
                _save(training, saved, done, rows, pending)


def _stop_unless_finite(training: Training, losses: list[Tensor], *, first_step: int) -> None:
    if not losses or bool(torch.isfinite(torch.stack(losses)).all()):
        return
    bad = int(torch.nonzero(~torch.isfinite(torch.stack(losses)))[0])
    step = first_step + bad
    # A batch is a function of seed and step, so it can be named after the fact.
    sequences, _ = batch_indices(training, step)
    table = training.resident.sequences.iloc[sequences]
    names = [name_of(*row) for row in table.iloc[:, :4].itertuples(index=False)]
    raise UserError(
        f"training: the loss is {losses[bad].item()} at step {step + 1}; lower "
        f"train.learning_rate or look at the batch's sequences: {', '.join(names)}"
    )


def _row(
    training: Training, step: int, terms: StepTerms, loss: Tensor, rate: float
) -> dict[str, float]:
    return {
        "step": step,
        "loss": float(loss),
        **{name: float(value) for name, value in terms.watched.items()},
        "learning_rate": float(training.schedule.get_last_lr()[0]),
        "frames_per_second": round(rate, 1),
    }


def _note(row: dict[str, float]) -> str:
    """Returns what progress shows of a row of the history."""
    return (
        f"loss {row['loss']:.4f} active {row['active']:.0%} positive {row['positive']:.3f} "
        f"negative {row['negative']:.3f} {row['frames_per_second']:.0f} frames/s"
    )


def _save(
    training: Training,
    saved: Checkpoints,
    step: int,
    rows: list[dict[str, float]],
    pending: list[Tensor],
) -> None:
    state: dict[str, Any] = {
        "step": step,
        "network": training.network.state_dict(),
        "classifier": training.classifier.state_dict() if training.classifier else None,
        "optimiser": training.optimiser.state_dict(),
        "schedule": training.schedule.state_dict(),
        "history": rows,
        "pending": [float(loss) for loss in pending],
    }
    saved.save(state)
