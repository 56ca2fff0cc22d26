"""The pose chain in pictures: what the teacher saw, what the student learnt, where it fails."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pycocotools.cocoeval import Params

from gaittake.io.frames import Image, read_colour, read_silhouettes
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_json
from gaittake.pose.keypoint_file import Key, SequenceKeypoints, read_keypoints
from gaittake.pose.score import AREA_OF_BOX
from gaittake.report.html import Markup, join, left_out, section, table, tag
from gaittake.report.picture import posed
from gaittake.report.runs import percent
from gaittake.sequence import Sequence as Walk
from gaittake.sequence import name_of
from gaittake.settings import ReportStage

Floats = npt.NDArray[np.float32]
TITLE = "Keypoints"
COMPARISONS = {
    "student_against_pseudo_labels": "student against the teacher's labels, people held out",
    "student_against_truth": "student against exact joints, test people",
    "teacher_against_truth": "teacher against exact joints",
}


class PoseFiles(NamedTuple):
    """Where joints come from; without a file where the dataset has none.

    Attributes:
        quality: `quality.json`, where the keypoints were measured.
        keypoints: the student's.
        pseudo_labels: the teacher's.
        truth: exact joints.
    """

    quality: Path | None = None
    keypoints: Sequence[Path] = ()
    pseudo_labels: Sequence[Path] = ()
    truth: Sequence[Path] = ()


class Shown(NamedTuple):
    """A frame whose joints are known from several sides.

    Attributes:
        key: its sequence.
        number: of the frame.
        oks: similarity of the student's joints to the reference, 0…1.
        student: `[17, 3]`: pixels, confidence.
        teacher: `[17, 3]`, or None.
        truth: `[17, 2]`, or None.
        box: `[4]` of the person, pixels.
    """

    key: Key
    number: int
    oks: float
    student: Floats
    teacher: Floats | None
    truth: Floats | None
    box: Floats


def poses_section(
    settings: ReportStage,
    files: PoseFiles,
    walks: Sequence[Walk],
    *,
    label: str,
) -> Markup:
    """Returns best, median and worst frames by OKS, and the measured quality.

    Args:
        settings: who was held out, who tests.
        files: where joints come from.
        walks: all sequences, to find their pixels.
        label: what captions of a synthetic dataset say.
    """
    if files.quality is None:
        why = "No quality of keypoints was measured: nothing here tells where a joint really is."
        return left_out(TITLE, why)
    found = ranked_frames(settings, files)
    shift = _shift(files.pseudo_labels)
    places = {walk[:4]: walk for walk in walks}
    pictures = []
    for title, place in (("Best", -1), ("Median", len(found) // 2), ("Worst", 0)):
        if found:
            frame = found[place]
            pictures.append(_row(title, frame, places.get(frame.key), shift))
    reference = "exact joints" if files.truth else "the teacher's labels"
    people = "people held out of fine-tuning" if files.pseudo_labels else "test people"
    caption = (
        f"{label}{len(found):,} frames of {people}, ranked by the student's OKS against "
        f"{reference}. Orange: left side; blue: right side."
    )
    shown = tag("figure", *pictures, tag("figcaption", caption)) if pictures else Markup()
    return section(TITLE, _quality_table(read_json(files.quality), label), shown)


def _quality_table(quality: Mapping[str, Any], label: str) -> Markup:
    rows = []
    for key, title in COMPARISONS.items():
        numbers = quality.get(key)
        if numbers:
            oks = numbers["oks"]
            values = (numbers["pck"]["visible"], oks["mean"], oks["ap"])
            rows.append([title, f"{numbers['frames']:,}", *(percent(value) for value in values)])
    caption = (
        f"{label}PCK: visible joints within 0.1 of the body's height; mean OKS; COCO's AP; in %."
    )
    return table(["comparison", "frames", "PCK", "OKS", "AP"], rows, caption=caption)


def similarity(predicted: Floats, reference: Floats, visible: Floats, boxes: Floats) -> Floats:
    """Returns COCO's object keypoint similarity `[s]`; NaN for a frame without a visible joint.

    Args:
        predicted: `[s, 17, 2]` pixels.
        reference: `[s, 17, 2]` pixels.
        visible: `[s, 17]`, above 0 for a joint that counts.
        boxes: `[s, 4]` of the person, pixels.
    """
    spread = (2 * np.asarray(Params("keypoints").kpt_oks_sigmas)) ** 2  # [17]
    area = AREA_OF_BOX * (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    squared = ((predicted - reference) ** 2).sum(axis=-1)
    each = np.exp(-squared / (2 * spread * area[:, None]))
    seen = visible > 0
    with np.errstate(invalid="ignore"):
        found: Floats = (each * seen).sum(axis=1) / seen.sum(axis=1)
    return found


def ranked_frames(settings: ReportStage, files: PoseFiles) -> list[Shown]:
    """Returns the frames that all files have, worst first.

    With pseudo-labels these are of people held out of fine-tuning, else of test people.
    """
    people = set(settings.held_out if files.pseudo_labels else settings.test_subjects)
    student = _joined(files.keypoints, "keypoints", people)
    teacher = _joined(files.pseudo_labels, "pseudo_labels", people)
    truth = _joined(files.truth, "truth", people)
    sides = [side for side in (teacher, truth) if side]
    if not sides:
        return []
    found: list[Shown] = []
    for key, own in student.items():
        if all(key in side for side in sides):
            found += _frames(key, own, teacher.get(key), truth.get(key))
    return sorted(found, key=lambda frame: frame.oks)


def _joined(paths: Sequence[Path], kind: str, people: set[str]) -> dict[Key, SequenceKeypoints]:
    found: dict[Key, SequenceKeypoints] = {}
    for path in paths:
        found |= read_keypoints(path, kind, people)
    return found


def _frames(
    key: Key,
    own: SequenceKeypoints,
    teacher: SequenceKeypoints | None,
    truth: SequenceKeypoints | None,
) -> list[Shown]:
    """Returns the frames of one sequence that all sides have."""
    numbers = own.frame
    for side in (teacher, truth):
        if side is not None:
            numbers = np.intersect1d(numbers, side.frame)
    ours, theirs, exact = (
        None if side is None else np.searchsorted(side.frame, numbers)
        for side in (own, teacher, truth)
    )
    reference, rows = (truth, exact) if truth is not None else (teacher, theirs)
    assert reference is not None
    scores = similarity(
        own.keypoints[ours],
        reference.keypoints[rows],
        reference.confidence[rows],
        reference.boxes[rows],
    )
    student = np.concatenate([own.keypoints, own.confidence[..., None]], axis=-1)[ours]
    labels = _taken(teacher, theirs)
    joints = None if truth is None else truth.keypoints[exact]
    return [
        Shown(
            key,
            int(number),
            float(scores[row]),
            student[row],
            None if labels is None else labels[row],
            None if joints is None else joints[row],
            reference.boxes[rows][row],
        )
        for row, number in enumerate(numbers)
        if np.isfinite(scores[row])
    ]


def _taken(labels: SequenceKeypoints | None, rows: npt.NDArray[np.intp] | None) -> Floats | None:
    if labels is None:
        return None
    taken: Floats = np.concatenate([labels.keypoints, labels.confidence[..., None]], axis=-1)[rows]
    return taken


def _shift(pseudo_labels: Sequence[Path]) -> int:
    """Returns how many frames the video is ahead of the silhouettes."""
    if not pseudo_labels:
        return 0
    with open_ragged(pseudo_labels[0], kind="pseudo_labels") as opened:
        return int(opened.attributes.get("shift", 0))


def _row(title: str, frame: Shown, walk: Walk | None, shift: int) -> Markup:
    """Returns the panels of one frame; a panel whose pixels are gone is left out."""
    colour, silhouette = _pixels(frame, walk, shift)
    where = f"{name_of(*frame.key)}, frame {frame.number}"
    student, third = frame.student[:, :2], frame.student[:, 2]
    panels: list[tuple[str, Image | None, Floats | None, Floats | None]] = []
    if frame.teacher is not None:
        joints = frame.teacher
        panels.append(("Colour, teacher's joints", colour, joints[:, :2], joints[:, 2]))
    panels.append(("Silhouette, student's joints", silhouette, student, third))
    if frame.truth is not None:
        panels.append(("Silhouette, exact joints", silhouette, frame.truth, None))
    drawn = [
        tag("div", posed(pixels, frame.box, joints, sure, f"{name}, {where}"), tag("small", name))
        for name, pixels, joints, sure in panels
        if pixels is not None
    ]
    head = f"{title}: OKS {frame.oks:.2f}, {where}"
    if not drawn:
        return join([tag("h3", head), tag("p", "Its pixels are no longer there.", class_="note")])
    return join([tag("h3", head), tag("div", *drawn, class_="panels")])


def _pixels(frame: Shown, walk: Walk | None, shift: int) -> tuple[Image | None, Image | None]:
    """Returns the colour frame and the silhouette of a frame; None for what is not there."""
    colour = silhouette = None
    if walk is not None and walk.video is not None and walk.video.exists():
        numbers = {frame.number + shift}
        read = read_colour(walk.video, stage="report", rejects=[], numbers=numbers)
        colour = next((pixels for _, pixels in read), None)
    if walk is not None and walk.silhouettes.exists():
        numbers = {frame.number}
        read = read_silhouettes(walk.silhouettes, stage="report", rejects=[], numbers=numbers)
        silhouette = next((pixels for _, pixels in read), None)
    return colour, silhouette
