"""The train stage: P x K batches, triplet loss, checkpoints.

On a CPU, an interrupted and continued training ends with the same weights, bit for bit, as an
uninterrupted one. On a GPU some kernels add in random order, so the weights differ by rounding.
"""

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from gaittake.data.store import load_store, prefetch
from gaittake.errors import UserError
from gaittake.io.checkpoint import Checkpoints, identity_of
from gaittake.io.environment import environment
from gaittake.io.progress import Advance, progress
from gaittake.io.tables import write_csv
from gaittake.io.weights import save_weights
from gaittake.settings import TrainStage, canonical, decisive
from gaittake.training.distributed import joined
from gaittake.training.events import write_events
from gaittake.training.history import history_row, note_of, stop_unless_finite
from gaittake.training.prepare import prepare
from gaittake.training.step import Training, clips_of, train_step


def train(
    settings: TrainStage,
    *,
    cache: Path,
    checkpoints: Path,
    out: Path,
    history: Path,
    device: torch.device,
    code: str,
) -> None:
    """Trains a network and writes its weights.

    Args:
        settings: network, training, subjects.
        cache: the dataset's cache.
        checkpoints: folder of the checkpoint; a run with the same settings, data and code
            continues.
        out: file of the weights.
        history: table of step, loss, metrics, learning rate and frames per second.
        device: where to compute.
        code: digest of the code of this stage.

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
        training = prepare(settings, store, device, group)
        identity = identity_of(decisive(settings), store.data_digest, code)
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
        write_events(rows, out.parent / "events" / out.stem)
        save_weights(
            training.learner.network,
            out,
            network=settings.network,
            settings=settings.model,
            made_by={
                "settings": canonical(settings),
                "data_digest": store.data_digest,
                "environment": environment(device, str(training.dtype).removeprefix("torch.")),
            },
        )


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
