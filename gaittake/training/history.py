"""Training history and the non-finite-loss check."""

import torch
from torch import Tensor

from gaittake.errors import UserError
from gaittake.sequence import name_of
from gaittake.training.step import StepTerms, Training, batch_indices


def history_row(
    training: Training, step: int, terms: StepTerms, loss: Tensor, rate: float
) -> dict[str, float]:
    """Returns a row of the history.

    Args:
        training: the training.
        step: number of steps done.
        terms: of the last step.
        loss: mean over the steps since the previous row.
        rate: frames per second, of all processes.
    """
    return {
        "step": step,
        "loss": float(loss),
        **{name: float(value) for name, value in terms.metrics.items()},
        "learning_rate": float(training.schedule.get_last_lr()[0]),
        "frames_per_second": round(rate, 1),
    }


def note_of(row: dict[str, float]) -> str:
    """Returns a row of the history as the text that the progress shows."""
    return (
        f"loss {row['loss']:.4f} active {row['active']:.0%} positive {row['positive']:.3f} "
        f"negative {row['negative']:.3f} {row['frames_per_second']:.0f} frames/s"
    )


def stop_unless_finite(training: Training, losses: list[Tensor], *, first_step: int) -> None:
    """Checks the losses of the steps from `first_step` on.

    Raises:
        UserError: a loss is not finite; the message names the step and the batch's sequences.
    """
    if not losses or bool(torch.isfinite(torch.stack(losses)).all()):
        return
    bad = int(torch.nonzero(~torch.isfinite(torch.stack(losses)))[0])
    step = first_step + bad
    # A batch is a function of seed and step, so its sequences are known afterwards.
    sequences, _ = batch_indices(training, step)
    table = training.store.sequences.iloc[sequences]
    names = [name_of(*row) for row in table.iloc[:, :3].itertuples(index=False)]
    raise UserError(
        f"training: the loss is {losses[bad].item()} at step {step + 1}; lower "
        f"train.learning_rate or look at the batch's sequences: {', '.join(names)}"
    )
