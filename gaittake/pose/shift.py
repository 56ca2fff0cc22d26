"""Which frames of a recording belong to its silhouettes: videos may start earlier or later.

The people in the frames come from a teacher or from the user's files: a function `Find` yields
them.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gaittake.io.frames import frame_files, read_silhouettes
from gaittake.io.progress import progress
from gaittake.pose.locate import Detections
from gaittake.pose.match import (
    MISMATCH,
    best_shift,
    choose_shift,
    do_not_match,
    overlaps_by_shift,
    shifts_differ,
)
from gaittake.sequence import Reject, Sequence
from gaittake.settings import PseudoLabel
from gaittake.silhouette import Box, box

logger = logging.getLogger(__name__)
# The usual shift between videos and silhouettes is estimated from about this many sequences, and
# this many frames of each; then each sequence is compared with it.
SHIFT_SEQUENCES = 24
SHIFT_FRAMES = 4


class Task(NamedTuple):
    """The frames of one sequence in which people are needed.

    Attributes:
        sequence: a row of the index.
        files: address of each silhouette, by frame number.
        wanted: numbers of the silhouettes that need a label.
        silhouettes: box of each readable silhouette, by frame number.
        video: box of the silhouette that belongs to each frame in which people are needed, by
            that frame's number.
    """

    sequence: Sequence
    files: Mapping[int, Path]
    wanted: Collection[int]
    silhouettes: Mapping[int, Box]
    video: Mapping[int, Box]


# Yields each task, the people by frame, and what could not be read.
Find = Callable[[Iterable[Task]], Iterator[tuple[Task, dict[int, Detections], list[Reject]]]]


class Shifts(NamedTuple):
    """By how many frames people are ahead of the silhouettes.

    Attributes:
        usual: of the sequences together.
        iou: mean IoU of the boxes there.
        differ: whether the sequences have different shifts.
    """

    usual: int
    iou: float
    differ: bool


def usual_shift(find: Find, sequences: list[Sequence], *, max_shift: int) -> Shifts:
    """Returns the shift of a shard's sequences together, and logs it."""
    sample = sample_overlaps(find, sequences, max_shift=max_shift)
    overlaps = pool(sample, max_shift)
    shift = best_shift(overlaps)
    differ = shifts_differ(sample, shift)
    mean = {s: float(np.mean(values)) if values else 0.0 for s, values in overlaps.items()}
    by_shift = ", ".join(f"{s:+d}: {value:.3f}" for s, value in mean.items())
    logger.info("people are %+d frames ahead; mean box IoU by shift: %s", shift, by_shift)
    if differ:
        logger.warning("the shift differs between sequences; those with a certain shift are used")
    return Shifts(shift, mean[shift], differ)


def sample_overlaps(
    find: Find, sequences: list[Sequence], *, max_shift: int
) -> list[dict[int, list[float]]]:
    """Returns the box IoUs at each shift of some frames of each of some sequences."""
    sample = sequences[:: max(1, len(sequences) // SHIFT_SEQUENCES)]
    tasks = (shift_task(sequence, max_shift) for sequence in sample)
    found = []
    with progress("shift of the silhouettes", len(sample), unit="sequences") as advance:
        for task, people, _ in find(tasks):
            found.append(_overlaps(task, people, max_shift))
            advance()
    return found


def pool(sample: list[dict[int, list[float]]], max_shift: int) -> dict[int, list[float]]:
    """Returns the IoUs of all sequences together, by shift."""
    shifts = range(-max_shift, max_shift + 1)
    return {shift: [value for each in sample for value in each[shift]] for shift in shifts}


def _overlaps(
    task: Task, people: Mapping[int, Detections], max_shift: int
) -> dict[int, list[float]]:
    boxes = {number: found.boxes for number, found in people.items()}
    return overlaps_by_shift(task.silhouettes, boxes, max_shift=max_shift)


def own_shift(
    task: Task, people: Mapping[int, Detections], *, shifts: Shifts, rules: PseudoLabel
) -> int | str:
    """Returns a sequence's shift, or why its people and silhouettes cannot be matched.

    Args:
        task: the sequence.
        people: by frame.
        shifts: of the sequences together.
        rules: the limits.
    """
    overlaps = _overlaps(task, people, rules.max_shift)
    chosen = choose_shift(
        overlaps, usual=shifts.usual, differ=shifts.differ, max_shift=rules.max_shift
    )
    if isinstance(chosen, int) and do_not_match(
        task.silhouettes, people, chosen, min_iou=rules.min_iou
    ):
        return MISMATCH
    return chosen


def at_shift(task: Task, shift: int) -> Task:
    """Returns the task with those silhouettes wanted that belong to its video frames."""
    if all(number + shift in task.video for number in task.wanted if number in task.silhouettes):
        return task
    wanted = [number - shift for number in task.video if number - shift in task.files]
    return task._replace(wanted=wanted)


def shift_task(sequence: Sequence, max_shift: int) -> Task:
    """Returns a few frames of a sequence, with all silhouettes up to `max_shift` frames away."""
    files = frame_files(sequence.silhouettes)
    numbers = [number for number, _ in files][max_shift : len(files) - max_shift]
    chosen = set(numbers[:: max(1, len(numbers) // SHIFT_FRAMES)])
    near = {n + s for n in chosen for s in range(-max_shift, max_shift + 1)}
    silhouettes = _boxes(sequence, near)
    video = {n: silhouettes[n] for n in chosen if n in silhouettes}
    return Task(sequence, {}, (), silhouettes, video)


def label_task(sequence: Sequence, shift: int, rules: PseudoLabel) -> Task:
    """Returns every k-th silhouette of a sequence and the video frames of the same moment.

    All silhouettes that may belong to these video frames are read, too: the sequence's own shift
    is found from them.
    """
    files = dict(frame_files(sequence.silhouettes))
    wanted = list(files)[:: rules.every]
    shifts = range(-rules.max_shift, rules.max_shift + 1)
    near = {number + shift - other for number in wanted for other in shifts} | set(wanted)
    silhouettes = _boxes(sequence, near)
    video = {n + shift: silhouettes[n] for n in wanted if n in silhouettes}
    return Task(sequence, files, wanted, silhouettes, video)


def _boxes(sequence: Sequence, numbers: Collection[int]) -> dict[int, Box]:
    """Returns the box of each of these silhouettes that is readable and not empty."""
    images = read_silhouettes(
        sequence.silhouettes, stage="", rejects=[], numbers=numbers, masks=sequence.masks
    )
    boxes = {number: box(image) for number, image in images}
    return {number: found for number, found in boxes.items() if found is not None}
