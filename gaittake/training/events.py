"""The history of a training as TensorBoard events."""

import shutil
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


def write_events(rows: list[dict[str, float]], folder: Path) -> None:
    """Writes a scalar for each number of each row of the history, in place of older events.

    Written at once from the saved history: a training that was killed and continued leaves one
    clean curve, not the overlapping pieces of its attempts.
    """
    shutil.rmtree(folder, ignore_errors=True)
    with SummaryWriter(str(folder)) as writer:
        for row in rows:
            for name, value in row.items():
                if name != "step":
                    writer.add_scalar(f"train/{name}", value, int(row["step"]))
