"""The history of a training as TensorBoard events."""

from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


def write_events(rows: list[dict[str, float]], folder: Path) -> None:
    """Writes each number of the history as a scalar; replaces the folder's older events.

    All events are written at the end, so an interrupted and continued training has one curve
    without overlaps.
    """
    for older in folder.glob("events.out.tfevents.*"):
        older.unlink()
    with SummaryWriter(str(folder)) as writer:
        for row in rows:
            for name, value in row.items():
                if name != "step":
                    writer.add_scalar(f"train/{name}", value, int(row["step"]))
