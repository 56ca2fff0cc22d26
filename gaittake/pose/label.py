"""Labels of silhouettes: people found in frames of the same recording, matched by their box."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from gaittake.errors import UserError
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.pose.keypoint_file import ARRAYS, FrameKeypoints, append_sequence
from gaittake.pose.locate import Detections
from gaittake.pose.match import match_person
from gaittake.pose.shift import Find, Task, at_shift, label_task, own_shift, usual_shift
from gaittake.sequence import Reject, Sequence
from gaittake.settings import PseudoLabel

MIN_SEQUENCES = 3  # of a shard; if none of them can be labelled, the people are others'
Describe = Callable[[str, Task, Mapping[int, Detections]], str]


class Kind(NamedTuple):
    """What is made of the people, and from where they come.

    Attributes:
        stage: that makes it, for the rejects.
        file: kind of the file that is written.
        rules: which people become labels.
        choose: returns the labels of a task, given the people, the shift and the list of rejects.
        describe: returns why a sequence is refused, given the fault (see `match`), the task and the
            people.
        fix: what the user can do if too many sequences are refused.
        most: share of refused sequences from which on it is an error.
    """

    stage: str
    file: str
    rules: PseudoLabel
    choose: Callable[[Task, Mapping[int, Detections], int, list[Reject]], list[FrameKeypoints]]
    describe: Describe
    fix: str
    most: float


def write_labels(
    kind: Kind,
    find: Find,
    sequences: list[Sequence],
    *,
    attributes: Mapping[str, str],
    out: Path,
    rejects: list[Reject],
) -> None:
    """Writes the keypoints of the people at the silhouettes.

    Args:
        kind: of the labels.
        find: yields the people of the sequences' frames.
        sequences: to label.
        attributes: of the file.
        out: the labels.
        rejects: receives what has no label.

    Raises:
        UserError: too many sequences do not match their people.
    """
    shifts = usual_shift(find, sequences, max_shift=kind.rules.max_shift)
    made_by: dict[str, str | int | float] = {**attributes}
    made_by |= {"shift": shifts.usual, "shift_iou": shifts.iou}
    tasks = (label_task(sequence, shifts.usual, kind.rules) for sequence in sequences)
    own_shifts: dict[str, int] = {}
    failed: list[Reject] = []
    with (
        RaggedWriter(out, kind=kind.file, arrays=ARRAYS, attributes=made_by) as writer,
        progress(kind.stage, len(sequences), unit="sequences") as advance,
    ):
        for task, people, unreadable in find(tasks):
            rejects += unreadable
            found: list[FrameKeypoints] = []
            outcome = own_shift(task, people, shifts=shifts, rules=kind.rules)
            if isinstance(outcome, str):
                reason = kind.describe(outcome, task, people)
                failed.append(Reject(kind.stage, str(task.sequence.silhouettes), reason))
            else:
                if outcome != shifts.usual:
                    own_shifts[task.sequence.name] = outcome
                found = kind.choose(task, people, outcome, rejects)
            append_sequence(writer, task.sequence, found)
            advance(1, note=f"{len(rejects) + len(failed)} rejects")
        if len(failed) >= max(MIN_SEQUENCES, kind.most * len(sequences)):
            used = len(sequences) - len(failed)
            raise UserError(
                f"{failed[0].path}: {failed[0].reason}; {used or 'none'} of {len(sequences)} "
                f"sequences can be labelled. {kind.fix}"
            )
        writer.set_attribute("own_shifts", json.dumps(own_shifts))
    rejects += failed


def labels(
    task: Task,
    people: Mapping[int, Detections],
    shift: int,
    rules: PseudoLabel,
    rejects: list[Reject],
    *,
    stage: str,
) -> list[FrameKeypoints]:
    """Returns the labels of one sequence; frames without a label go to `rejects`.

    Args:
        task: the frames that need a label.
        people: detections by video frame.
        shift: number of a video frame minus number of its silhouette.
        rules: which detections become labels.
        rejects: receives the frames without a label.
        stage: that writes them.
    """
    found = []
    for number in task.wanted:
        path = task.files[number]
        outcome: int | str
        if number not in task.silhouettes:
            outcome = "unreadable or empty silhouette"
        elif number + shift not in people:
            outcome = "no video frame for this silhouette"
        else:
            outcome = match_person(
                task.silhouettes[number],
                people[number + shift],
                min_iou=rules.min_iou,
                min_score=rules.min_score,
            )
        if isinstance(outcome, str):
            rejects.append(Reject(stage, str(path), outcome))
            continue
        keypoints = people[number + shift].keypoints[outcome].numpy().copy()
        keypoints[keypoints[:, 2] < rules.min_confidence, 2] = 0
        if not keypoints[:, 2].any():
            rejects.append(Reject(stage, str(path), "no keypoint above the confidence limit"))
            continue
        found.append(FrameKeypoints(number, task.silhouettes[number], keypoints))
    return found


def label_kind(
    rules: PseudoLabel,
    *,
    stage: str,
    describe: Describe,
    fix: str,
    most: float,
) -> Kind:
    """Returns the kind of labels that a student is trained on, see `Kind`."""

    def choose(
        task: Task, people: Mapping[int, Detections], shift: int, rejects: list[Reject]
    ) -> list[FrameKeypoints]:
        return labels(at_shift(task, shift), people, shift, rules, rejects, stage=stage)

    return Kind(stage, "pseudo_labels", rules, choose, describe, fix, most)
