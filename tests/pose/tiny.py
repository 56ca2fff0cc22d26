"""Sizes and shapes of the tiny dataset: a bright bar moves through the frame."""

from pathlib import Path
from typing import NamedTuple

from gaittake.sequence import Sequence
from gaittake.settings import Detector, PoseTraining, TeacherStage, Walkers

SMALL = Detector(backbone="small", min_size=64, max_size=96)
FRAMES = 12
SUBJECTS = ("001", "002", "003")


class Dataset(NamedTuple):
    """The tiny dataset's index and sequences, and the box of each frame, from 1."""

    index: Path
    sequences: list[Sequence]
    boxes: dict[int, tuple[int, int, int, int]]


def bar(number: int) -> tuple[int, int, int, int]:
    """Returns x1, y1, x2, y2 of the bar in frame `number`."""
    return 4 + 5 * number, 12, 18 + 5 * number, 54


def rendered_teacher(training: PoseTraining) -> TeacherStage:
    """Returns the settings of a teacher of two rendered people."""
    return TeacherStage(
        seed=0,
        weights="walkers",
        people=2,
        walkers=Walkers(subjects=1),
        detector=SMALL,
        training=training,
    )
