"""The tiny dataset's sizes and shapes: a bright bar walks through the frame."""

from pathlib import Path
from typing import NamedTuple

from gaittake.sequence import Sequence
from gaittake.settings import Detector

SMALL = Detector(backbone="small", min_size=64, max_size=96)
FRAMES = 12
SUBJECTS = ("001", "002", "003")


class Dataset(NamedTuple):
    """Where the tiny dataset lies, and the box of each frame (from 1) of its walks."""

    index: Path
    walks: list[Sequence]
    boxes: dict[int, tuple[int, int, int, int]]


def bar(number: int) -> tuple[int, int, int, int]:
    """Returns x1, y1, x2, y2 of the bar in frame `number`."""
    return 4 + 5 * number, 12, 18 + 5 * number, 54
