"""Keypoints and labels from the user's files, matched to the silhouettes of a shard.

Of several people in a frame, the one at the silhouette is taken. A constant shift of the frames'
numbers is measured and corrected, as with a teacher's labels.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.io.checkpoint import file_digest
from gaittake.io.tables import read_sequences, write_rejects
from gaittake.pose.keypoint_file import FrameKeypoints
from gaittake.pose.label import Kind, label_kind, write_labels
from gaittake.pose.locate import Detections
from gaittake.pose.match import OF_FILES, match_person
from gaittake.pose.people import MIN_IOU, filled
from gaittake.pose.people_file import PeopleFile
from gaittake.pose.shift import Find, Task
from gaittake.sequence import Reject, Sequence, count_rejects
from gaittake.settings import AssignKeypointsStage, AssignLabelsStage, PseudoLabel, canonical

logger = logging.getLogger(__name__)
# From this share of refused sequences on, the files are of another dataset or another image size.
MOST_REFUSED = 0.5
SIZE = "keypoints must be in pixels of the silhouettes' frames, and"


def assign_keypoints(
    settings: AssignKeypointsStage, *, index: Path, people: Path, out: Path, rejects: Path
) -> None:
    """Writes the user's keypoints of each silhouette, in place of a student's.

    A short gap without keypoints is interpolated, see `gaittake.pose.people`.

    Args:
        settings: the largest shift of the frames' numbers.
        index: the shard's sequence table.
        people: those of the user's files, see `people_file`.
        out: the keypoints, a file as `predict` writes it.
        rejects: table of silhouettes without keypoints, and of those with interpolated ones.

    Raises:
        UserError: no sequence is in the files, or most have their keypoints elsewhere.
    """
    stage = "assign-keypoints"
    rules = PseudoLabel(
        every=1, min_iou=MIN_IOU, min_score=0, min_confidence=0, max_shift=settings.max_shift
    )
    fix = f"Check source.keypoints: {SIZE} of the same recordings"
    kind = Kind(stage, "keypoints", rules, _choose_and_fill, _described, fix, MOST_REFUSED)
    with PeopleFile(people) as found:
        sequences = [s for s in read_sequences(index) if s.subject in set(settings.subjects)]
        attributes = {"settings": canonical(settings), "people": file_digest(people)}
        _write(kind, sequences, found, attributes=attributes, out=out, rejects=rejects)


def assign_labels(
    settings: AssignLabelsStage, *, index: Path, people: Path, out: Path, rejects: Path
) -> None:
    """Writes the user's labels of every k-th silhouette of training subjects.

    They are chosen by the same rules as a teacher's.

    Args:
        settings: only `settings.subjects` are read.
        index: the shard's sequence table.
        people: those of the user's files, see `people_file`.
        out: the labels, a file as `pseudo-label` writes it.
        rejects: table of silhouettes without a label.

    Raises:
        UserError: no sequence is in the files, or most have their people elsewhere.
    """
    fix = f"Check pose.labels: {SIZE} of the same recordings"
    rules = settings.pseudo_label
    kind = label_kind(rules, stage="assign-labels", describe=_described, fix=fix, most=MOST_REFUSED)
    with PeopleFile(people) as found:
        sequences = [s for s in read_sequences(index) if s.subject in set(settings.subjects)]
        attributes = {"settings": canonical(settings), "people": file_digest(people)}
        _write(kind, sequences, found, attributes=attributes, out=out, rejects=rejects)


def _write(
    kind: Kind,
    sequences: list[Sequence],
    people: PeopleFile,
    *,
    attributes: Mapping[str, str],
    out: Path,
    rejects: Path,
) -> None:
    rejected: list[Reject] = []
    known = _in_the_files(sequences, people, kind.stage, rejected)
    write_labels(kind, _found_in(people), known, attributes=attributes, out=out, rejects=rejected)
    logger.info("rejects: %s", count_rejects(rejected))
    write_rejects(sorted(rejected), rejects)


def _in_the_files(
    sequences: list[Sequence], people: PeopleFile, stage: str, rejects: list[Reject]
) -> list[Sequence]:
    """Returns the sequences that the files have; the others go to `rejects`.

    Raises:
        UserError: they have none.
    """
    known = [sequence for sequence in sequences if people.has(sequence)]
    if sequences and not known:
        raise UserError(
            f"{sequences[0].name}: none of {len(sequences)} sequences of its shard is in the files "
            f"of keypoints, which have for example '{people.example}'; names of images must have "
            "subject, condition, number and view as the dataset has them"
        )
    for sequence in (each for each in sequences if not people.has(each)):
        reason = "no keypoints of this sequence in the files"
        rejects.append(Reject(stage, str(sequence.silhouettes), reason))
    return known


def _found_in(people: PeopleFile) -> Find:
    def find(
        tasks: Iterable[Task],
    ) -> Iterator[tuple[Task, dict[int, Detections], list[Reject]]]:
        for task in tasks:
            yield task, people.of(task.sequence), []

    return find


def _described(fault: str, task: Task, people: Mapping[int, Detections]) -> str:
    """Returns the fault, with the place of a silhouette and of the people in its frame."""
    both = sorted(people.keys() & task.silhouettes.keys())
    if not both:
        return f"{OF_FILES[fault]}: no frame in common"
    number = both[len(both) // 2]
    near = [people[number].boxes[0].tolist(), task.silhouettes[number]]
    keypoints, silhouette = (f"{x1:.0f}-{x2:.0f}, {y1:.0f}-{y2:.0f}" for x1, y1, x2, y2 in near)
    return (
        f"{OF_FILES[fault]}: frame {number} has keypoints at {keypoints}, a figure at {silhouette}"
    )


def _choose_and_fill(
    task: Task, people: Mapping[int, Detections], shift: int, rejects: list[Reject]
) -> list[FrameKeypoints]:
    """Returns the keypoints of each silhouette that has some, or whose neighbours have."""
    stage = "assign-keypoints"
    numbers = [number for number in task.wanted if number in task.silhouettes]
    found: dict[int, Float32s] = {}
    for number in numbers:
        if number + shift in people:
            seen = people[number + shift]
            chosen = match_person(task.silhouettes[number], seen, min_iou=MIN_IOU, min_score=0)
            if isinstance(chosen, int):
                found[number] = seen.keypoints[chosen].numpy()
    every = filled(numbers, found)
    for number in [number for number in numbers if number not in found]:
        path = str(task.files[number])
        if number in every:
            reason = "keypoints interpolated between the frames around"
            rejects.append(Reject(stage, path, reason, "yes"))
        elif number + shift in people:
            rejects.append(Reject(stage, path, "no person of the files at the silhouette"))
        else:
            rejects.append(Reject(stage, path, "no person in the files for this silhouette"))
    return [
        FrameKeypoints(number, task.silhouettes[number], every[number])
        for number in numbers
        if number in every
    ]
