"""How good the keypoints are: against held-out pseudo-labels, and exact joints where there are."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedFile, open_ragged
from gaittake.io.tables import write_json
from gaittake.pose.score import Pairs, agreement
from gaittake.settings import QualityStage

Key = tuple[str, str, int, int]
Files = tuple[str, list[Path]]
Floats = npt.NDArray[np.float32]


class Labels(NamedTuple):
    """Joints of one walk.

    Attributes:
        frame: `[s]` frame numbers.
        joints: `[s, 17, 2]` pixels.
        third: `[s, 17]` confidence, or 1 for visible and 0 for hidden.
        boxes: `[s, 4]` pixels.
    """

    frame: npt.NDArray[np.int64]
    joints: Floats
    third: Floats
    boxes: Floats


def measure_quality(
    settings: QualityStage,
    *,
    keypoints: list[Path],
    pseudo_labels: list[Path],
    truth: list[Path],
    out: Path,
) -> None:
    """Writes `quality.json`: PCK at 0.1 of the body's height and OKS of three comparisons.

    `student_against_pseudo_labels` (people held out of fine-tuning), `student_against_truth` (test
    subjects) and `teacher_against_truth` (all pseudo-labels; only training subjects have them).
    A comparison without a frame is null.

    Args:
        settings: who was held out, who tests.
        keypoints: the student's.
        pseudo_labels: the teacher's; none where the student comes from another dataset.
        truth: exact joints; none where nobody knows them.
        out: the JSON file.
    """
    held_out, tested = set(settings.held_out), set(settings.test_subjects)
    report = {
        "pck_threshold": "0.1 of the body's height",
        "student_against_pseudo_labels": compare(
            ("keypoints", keypoints), ("pseudo_labels", pseudo_labels), held_out
        ),
        "student_against_truth": compare(("keypoints", keypoints), ("truth", truth), tested),
        "teacher_against_truth": compare(("pseudo_labels", pseudo_labels), ("truth", truth), None),
    }
    write_json(report, out)


def compare(
    predicted: Files, reference: Files, subjects: set[str] | None
) -> dict[str, object] | None:
    """Returns the agreement of the frames that both have, or None without such a frame.

    Args:
        predicted: kind and paths of the keypoints or pseudo-labels.
        reference: kind and paths of the pseudo-labels or the truth.
        subjects: who is compared; None: everybody.
    """
    answers: dict[Key, Labels] = {}
    for path in reference[1]:
        answers |= read_labels(path, reference[0], subjects)
    parts = []
    with progress("quality", len(predicted[1]), unit="files") as advance:
        for path in predicted[1]:
            for key, found in read_labels(path, predicted[0], subjects).items():
                if key in answers:
                    parts.append(pair(key, found, answers[key]))
            advance()
    if not sum(len(part.predicted) for part in parts):
        return None
    return agreement(Pairs.join(parts))


def pair(key: Key, found: Labels, wanted: Labels) -> Pairs:
    """Returns the frames of one walk that both have, matched by frame number."""
    _, here, there = np.intersect1d(found.frame, wanted.frame, return_indices=True)
    return Pairs(
        predicted=np.concatenate([found.joints[here], found.third[here, :, None]], axis=-1),
        reference=wanted.joints[there],
        visible=wanted.third[there] > 0,
        boxes=wanted.boxes[there],
        condition=np.full(len(here), key[1]),
        view=np.full(len(here), key[3]),
    )


def read_labels(path: Path, kind: str, subjects: set[str] | None) -> dict[Key, Labels]:
    """Returns the joints of each walk of a keypoints, pseudo-labels or truth file."""
    with open_ragged(path, kind=kind) as file:
        return dict(_walks(file, subjects, exact=kind == "truth"))


def _walks(
    file: RaggedFile, subjects: set[str] | None, *, exact: bool
) -> Iterator[tuple[Key, Labels]]:
    for row in file.sequences.to_dict("records"):
        if subjects is not None and row["subject"] not in subjects:
            continue
        key = (row["subject"], row["condition"], row["number"], row["view"])
        rows = (row["first_frame"], row["frame_count"])
        boxes = file.read("boxes", *rows)
        if exact:
            # The renderer numbers its frames from 1, as their files are.
            frame = np.arange(1, row["frame_count"] + 1)
            joints, third = file.read("joints", *rows), file.read("visible", *rows)
        else:
            frame, keypoints = file.read("frame", *rows), file.read("keypoints", *rows)
            joints, third = keypoints[..., :2], keypoints[..., 2]
        yield key, Labels(frame, joints, third.astype(np.float32), boxes)
