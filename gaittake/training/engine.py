"""The train stage: P x K batches, triplet loss, checkpoints.

On a CPU, an interrupted and continued training ends with the same weights, bit for bit, as an
uninterrupted one. On a GPU some kernels add in random order, so the weights differ by rounding.
"""

import logging
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import MultiStepLR

from gaittake.cudnn import check_convolutions
from gaittake.data.sampler import group_by_subject
from gaittake.data.store import SequenceStore, load_store, prefetch
from gaittake.device import forbid_tf32, layer_dtype
from gaittake.errors import UserError
from gaittake.io.checkpoint import Checkpoints, identity_of, seed_everything
from gaittake.io.environment import environment
from gaittake.io.progress import Advance, progress
from gaittake.io.tables import write_csv
from gaittake.io.weights import save_weights
from gaittake.losses.classification import PartClassifier
from gaittake.models import build_network
from gaittake.models.pooling import PartNeck, SeparateHeads
from gaittake.settings import Train, TrainStage, canonical
from gaittake.training.collective import share_statistics
from gaittake.training.distributed import Group, joined, parallel
from gaittake.training.events import write_events
from gaittake.training.fast import speed_up
from gaittake.training.history import history_row, note_of, stop_unless_finite
from gaittake.training.step import Learner, Training, clips_of, train_step

logger = logging.getLogger(__name__)
MOMENTUM = 0.9  # of SGD


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
        settings: network, training, subjects.
        cache: the dataset's cache.
        checkpoints: folder of the checkpoint; a run with the same settings and data continues.
        out: file of the weights.
        history: table of step, loss, metrics, learning rate and frames per second.
        device: where to compute.

    Raises:
        UserError: too few subjects, sizes that do not fit, a loss that is not finite, or a cuDNN
            whose results may be wrong.
        Preempted: after SIGTERM or Ctrl-C; the progress is saved.
    """
    with joined(device) as group:
        group.share(settings.train.subjects_per_batch * settings.train.sequences_per_subject)
        store = load_store(
            cache, settings.subjects, device, keypoints=settings.keypoints, noise=settings.noise
        )
        training = _prepare(settings, store, device, group)
        identity = identity_of(canonical(settings), store.data_digest)
        with Checkpoints(checkpoints, identity, leads=group.leads, any_of=group.any) as saved:
            state = saved.load() or {"step": 0, "history": [], "pending": []}
            group.require_same(f"step {state['step']} of training {identity}")
            _restore(training, state, checkpoints / "last.pt")
            rows: list[dict[str, float]] = state["history"]
            pending = [torch.tensor(loss, device=device) for loss in state["pending"]]
            _run(training, rows, pending, first=int(state["step"]), saved=saved)
        if not group.leads:
            return
        write_csv(pd.DataFrame(rows), history)
        write_events(rows, out.parent / "events")
        save_weights(
            training.learner.network,
            out,
            network=settings.network,
            settings=settings.model,
            made_by={
                "settings": canonical(settings),
                "data_digest": store.data_digest,
                "environment": environment(device, _precision(settings, device)),
            },
        )


def _precision(settings: TrainStage, device: torch.device) -> str:
    dtype = layer_dtype(device, settings.train.precision, loss_scaling=True)
    return str(dtype).removeprefix("torch.")


def _prepare(
    settings: TrainStage, store: SequenceStore, device: torch.device, group: Group
) -> Training:
    forbid_tf32(convolutions=settings.train.precision == "float32")
    seed_everything(settings.seed)
    rows, columns = store.silhouettes.shape[1:]
    network = _network(settings, rows, columns).to(device)
    if group.size > 1:
        share_statistics(network)
    choice = settings.train
    speed_up(device)
    groups = group_by_subject(
        list(store.sequences["subject"]), subjects_per_batch=choice.subjects_per_batch
    )
    classifier = _classifier(network, len(groups), choice)
    learner = Learner(network, classifier, group).to(device)
    optimiser = _optimiser(learner, choice)
    dtype = layer_dtype(device, choice.precision, loss_scaling=True)
    check_convolutions(network, device, dtype)
    scaler = GradScaler(device.type, enabled=dtype is torch.float16)
    schedule = MultiStepLR(optimiser, list(choice.milestones), gamma=choice.decay)
    logger.info(
        "%d sequences of %d subjects, %d frames, %d weights, on %s in %s%s",
        len(store.sequences),
        len(groups),
        len(store.silhouettes),
        sum(weight.numel() for weight in network.parameters()),
        device,
        str(dtype).removeprefix("torch."),
        f", one of {group.size} processes" if group.size > 1 else "",
    )
    called = parallel(learner, group, device)
    return Training(
        learner,
        called,
        optimiser,
        scaler,
        schedule,
        store,
        groups,
        choice,
        settings.seed,
        group,
        dtype,
    )


def _optimiser(learner: Learner, choice: Train) -> Optimizer:
    weights, rate, decay = learner.parameters(), choice.learning_rate, choice.weight_decay
    if choice.optimiser == "sgd":
        return SGD(weights, lr=rate, momentum=MOMENTUM, weight_decay=decay, fused=True)
    return Adam(weights, lr=rate, weight_decay=decay, fused=True)


def _restore(training: Training, state: dict[str, Any], path: Path) -> None:
    if not state["step"]:
        return
    try:
        training.learner.network.load_state_dict(state["network"])
    except RuntimeError as error:
        raise UserError(
            f"{path}: the checkpoint is of another version of the network. Delete it and run the "
            "same command again: training starts over."
        ) from error
    if training.learner.classifier:
        training.learner.classifier.load_state_dict(state["classifier"])
    if training.scaler.is_enabled() and state.get("scaler"):
        training.scaler.load_state_dict(state["scaler"])
    training.optimiser.load_state_dict(state["optimiser"])
    training.schedule.load_state_dict(state["schedule"])


def _network(settings: TrainStage, rows: int, columns: int) -> nn.Module:
    """Returns the network, after a trial run on tensors without data.

    Raises:
        UserError: the network's sizes do not fit the silhouettes.
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
    """Returns the classifier of the training subjects, or None without cross-entropy.

    A BNNeck that is part of the network is the classifier's, too: there it is trained.

    Raises:
        UserError: the network has a BNNeck that would not be trained.
    """
    necks = [module for module in network.modules() if isinstance(module, PartNeck)]
    if necks and not choice.neck:
        raise UserError(
            "the model's embeddings are those behind a BNNeck, which is not trained: set "
            "train.neck: true and train.cross_entropy: 1, or change the model (neck, head)"
        )
    if not choice.cross_entropy:
        return None
    heads = [module for module in network.modules() if isinstance(module, SeparateHeads)]
    parts, embedding = sum(len(head.weight) for head in heads), heads[0].weight.shape[2]
    classifier = PartClassifier(parts, embedding, classes, neck=choice.neck, cosine=choice.cosine)
    if necks:
        classifier.neck = necks[0].norm
    return classifier


def _run(
    training: Training,
    rows: list[dict[str, float]],
    pending: list[Tensor],
    *,
    first: int,
    saved: Checkpoints,
) -> None:
    """Runs the steps from `first` to the last; extends the history and saves checkpoints.

    Args:
        training: the training.
        rows: the history so far.
        pending: losses of the steps since its last row.
        first: number of steps done before.
        saved: the checkpoints.
    """
    choice = training.settings
    frames = choice.subjects_per_batch * choice.sequences_per_subject * choice.frames
    since, counted = time.monotonic(), first
    training.parallel.train()
    batches = (clips_of(training, step)[0] for step in range(first, choice.steps))
    with prefetch(training.store, batches) as store, _shown(training, first) as advance:
        training = training._replace(store=store)
        for step in range(first, choice.steps):
            terms = train_step(training, step)
            pending.append(terms.loss.detach())
            done = step + 1
            last = done == choice.steps
            # Losses are checked rarely, because reading a number waits for the GPU.
            due = done % choice.log_every == 0 or last
            save = saved.preempted or done % choice.checkpoint_every == 0 or last
            note = ""
            if due or save:
                stop_unless_finite(training, pending, first_step=done - len(pending))
            if due:
                now = time.monotonic()
                rate = frames * (done - counted) / max(now - since, 1e-9)
                rows.append(history_row(training, done, terms, torch.stack(pending).mean(), rate))
                note = note_of(rows[-1])
                since, counted = now, done
                pending.clear()
            advance(1, note)
            if save:
                _save(training, saved, done, rows, pending)


def _shown(training: Training, first: int) -> AbstractContextManager[Advance]:
    """Returns the progress display of the steps, of the first process only."""
    if not training.group.leads:
        return nullcontext(lambda amount=1, note="": None)
    return progress("train", training.settings.steps, done=first, unit="steps")


def _save(
    training: Training,
    saved: Checkpoints,
    step: int,
    rows: list[dict[str, float]],
    pending: list[Tensor],
) -> None:
    learner = training.learner
    state: dict[str, Any] = {
        "step": step,
        "network": learner.network.state_dict(),
        "classifier": learner.classifier.state_dict() if learner.classifier else None,
        "optimiser": training.optimiser.state_dict(),
        "scaler": training.scaler.state_dict(),
        "schedule": training.schedule.state_dict(),
        "history": rows,
        "pending": [float(loss) for loss in pending],
    }
    saved.save(state)
