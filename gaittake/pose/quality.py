"""The quality of the keypoints: against held-out pseudo-labels and, if it is known, the truth."""

from pathlib import Path

import numpy as np

from gaittake.io.progress import progress
from gaittake.io.tables import write_json
from gaittake.pose.keypoint_file import SequenceKeypoints, read_keypoints
from gaittake.pose.score import Pairs, agreement
from gaittake.sequence import Identity, condition_of
from gaittake.settings import QualityStage

Files = tuple[str, list[Path]]


def measure_quality(
    settings: QualityStage,
    *,
    keypoints: list[Path],
    pseudo_labels: list[Path],
    truth: list[Path],
    out: Path,
) -> None:
    """Writes `quality.json`: PCK at 0.1 of the body height, OKS, errors and swapped sides.

    There are three comparisons: `student_against_pseudo_labels` (subjects held out of fine-tuning),
    `student_against_truth` (test subjects) and `teacher_against_truth` (all pseudo-labels; only
    training subjects have them). A comparison without a visible keypoint is null.

    Args:
        settings: the held-out subjects and the test subjects.
        keypoints: the student's.
        pseudo_labels: the teacher's; empty if the student comes from another dataset.
        truth: the renderer's; empty for a filmed dataset.
        out: the JSON file.
    """
    held_out, tested = set(settings.held_out), set(settings.test_subjects)
    report = {
        "pck_threshold": "0.1 of the body height",
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
    """Returns the agreement over the frames that both have; None without a visible keypoint.

    Args:
        predicted: kind and paths of the keypoints or pseudo-labels.
        reference: kind and paths of the pseudo-labels or the truth.
        subjects: the subjects to compare; None: all.
    """
    references: dict[Identity, SequenceKeypoints] = {}
    for path in reference[1]:
        references |= read_keypoints(path, reference[0], subjects)
    parts = []
    with progress("quality", len(predicted[1]), unit="files") as advance:
        for path in predicted[1]:
            for key, found in read_keypoints(path, predicted[0], subjects).items():
                if key in references:
                    parts.append(pair(key, found, references[key]))
            advance()
    if not any(part.visible.any() for part in parts):
        return None
    return agreement(Pairs.join(parts))


def pair(key: Identity, predicted: SequenceKeypoints, reference: SequenceKeypoints) -> Pairs:
    """Returns the frames of one sequence that both have, matched by frame number."""
    _, here, there = np.intersect1d(predicted.frame, reference.frame, return_indices=True)
    confidence = predicted.confidence[here, :, None]
    return Pairs(
        predicted=np.concatenate([predicted.keypoints[here], confidence], axis=-1),
        reference=reference.keypoints[there],
        visible=reference.confidence[there] > 0,
        boxes=reference.boxes[there],
        condition=np.full(len(here), condition_of(key[1])),
        view=np.full(len(here), key[2]),
    )
