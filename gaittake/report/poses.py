"""Keypoints of the teacher and the student, and the truth: drawn on frames, and their quality."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from gaittake.arrays import Float32s, Int64s
from gaittake.io.frames import read_colour, read_silhouettes
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_json
from gaittake.pose.keypoint_file import SequenceKeypoints, read_keypoints
from gaittake.pose.score import similarity
from gaittake.report.html import empty_section, section, table, template
from gaittake.report.joints import joints_figure
from gaittake.report.picture import person_picture
from gaittake.report.runs import percent
from gaittake.sequence import Identity, name_of
from gaittake.sequence import Sequence as GaitSequence
from gaittake.settings import ReportStage
from gaittake.silhouette import Image

TITLE = "Keypoints"
STUDENT = {
    "student_against_pseudo_labels": "student against the teacher's labels, held-out people",
    "student_against_truth": "student against the truth, test people",
}
COMPARISONS = STUDENT | {"teacher_against_truth": "teacher against the truth"}
# What stands in place of the quality, by where the keypoints come from.
NO_QUALITY = {
    "": "The quality of the keypoints is not measured: there are no reference keypoints.",
    "none": "The dataset has silhouettes only (pose.keypoints: none).",
    "own": "The keypoints are the dataset's own (source.keypoints). Their quality is not measured: "
    "there are no reference keypoints.",
    "files": "The keypoints come from the user's files (source.keypoints). Their quality is not "
    "measured: there are no reference keypoints.",
}

_PANELS = template("""\
<h3>{{ title }}</h3>
{% if panels %}
<div class="panels">
{% for name, picture in panels %}
<div>{{ picture }}<small>{{ name }}</small></div>
{% endfor %}
</div>
{% else %}
<p class="note">Its frames no longer exist on disk.</p>
{% endif %}
""")


class PoseFiles(NamedTuple):
    """Files of the keypoints; empty where the dataset has none.

    Attributes:
        quality: `quality.json`, or None if the quality is not measured.
        keypoints: the student's.
        pseudo_labels: the teacher's.
        truth: the renderer's.
    """

    quality: Path | None = None
    keypoints: Sequence[Path] = ()
    pseudo_labels: Sequence[Path] = ()
    truth: Sequence[Path] = ()


class ScoredFrame(NamedTuple):
    """A frame with keypoints of the student and of a reference.

    Attributes:
        key: of its sequence.
        number: of the frame.
        oks: similarity of the student's keypoints to the reference, 0…1.
        student: `[17, 3]`: x, y in pixels, confidence.
        teacher: `[17, 3]`, or None.
        truth: `[17, 2]`, or None.
        box: `[4]` of the person, pixels.
    """

    key: Identity
    number: int
    oks: float
    student: Float32s
    teacher: Float32s | None
    truth: Float32s | None
    box: Float32s


def poses_section(
    settings: ReportStage,
    files: PoseFiles,
    sequences: Sequence[GaitSequence],
) -> Markup:
    """Returns the measured quality, and the best, median and worst frames by OKS.

    Args:
        settings: the held-out and the test subjects.
        files: of the keypoints.
        sequences: all sequences, with the paths of their frames.
    """
    if files.quality is None:
        return empty_section(TITLE, NO_QUALITY.get(settings.keypoints_from, NO_QUALITY[""]))
    frames = scored_frames(settings, files)
    offsets = _offsets(files.pseudo_labels)
    by_key = {sequence.identity: sequence for sequence in sequences}
    rows = []
    for title, place in (("Best", -1), ("Median", len(frames) // 2), ("Worst", 0)):
        if frames:
            frame = frames[place]
            offset = offsets.get(name_of(*frame.key), offsets[""])
            rows.append(_row(title, frame, by_key.get(frame.key), offset))
    reference = "the truth" if files.truth else "the teacher's labels"
    people = "people held out of fine-tuning" if files.pseudo_labels else "test people"
    caption = (
        f"{len(frames):,} frames of {people}, ranked by the student's OKS against "
        f"{reference}. Orange: left side; blue: right side."
    )
    shown = Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(
        Markup("\n").join(rows), caption
    )
    quality = read_json(files.quality)
    errors = [joints_figure(quality[key], title) for key, title in STUDENT.items() if quality[key]]
    return section(TITLE, _quality_table(quality), *errors, shown if rows else Markup())


def _quality_table(quality: Mapping[str, Any]) -> Markup:
    rows = []
    for key, title in COMPARISONS.items():
        numbers = quality.get(key)
        if numbers:
            oks = numbers["oks"]
            values = (numbers["pck"]["visible"], oks["mean"], oks["ap"])
            rows.append([title, f"{numbers['frames']:,}", *(percent(value) for value in values)])
    caption = (
        "PCK: share of visible keypoints within 0.1 of the body height; OKS: mean object "
        "keypoint similarity; AP: that of COCO. All in %."
    )
    return table(["comparison", "frames", "PCK", "OKS", "AP"], rows, caption=caption)


def scored_frames(settings: ReportStage, files: PoseFiles) -> list[ScoredFrame]:
    """Returns the frames that all files have, worst first.

    They are of the subjects held out of fine-tuning, or without pseudo-labels of the test subjects.
    """
    subjects = set(settings.held_out if files.pseudo_labels else settings.test_subjects)
    student = _read(files.keypoints, "keypoints", subjects)
    teacher = _read(files.pseudo_labels, "pseudo_labels", subjects)
    truth = _read(files.truth, "truth", subjects)
    references = [source for source in (teacher, truth) if source]
    if not references:
        return []
    found: list[ScoredFrame] = []
    for key, keypoints in student.items():
        if all(key in source for source in references):
            found += _score(key, keypoints, teacher.get(key), truth.get(key))
    return sorted(found, key=lambda frame: frame.oks)


def _read(
    paths: Sequence[Path], kind: str, subjects: set[str]
) -> dict[Identity, SequenceKeypoints]:
    found: dict[Identity, SequenceKeypoints] = {}
    for path in paths:
        found |= read_keypoints(path, kind, subjects)
    return found


def _score(
    key: Identity,
    student: SequenceKeypoints,
    teacher: SequenceKeypoints | None,
    truth: SequenceKeypoints | None,
) -> list[ScoredFrame]:
    """Returns the frames of one sequence that the student and all references have."""
    numbers = student.frame
    for source in (teacher, truth):
        if source is not None:
            numbers = np.intersect1d(numbers, source.frame)
    reference = truth if truth is not None else teacher
    assert reference is not None
    ours, theirs = _take(student, numbers), _take(reference, numbers)
    scores = similarity(ours.keypoints, theirs.keypoints, theirs.confidence > 0, theirs.boxes)
    students = _with_confidence(ours)
    teachers = None if teacher is None else _with_confidence(_take(teacher, numbers))
    return [
        ScoredFrame(
            key,
            int(number),
            float(scores[row]),
            students[row],
            None if teachers is None else teachers[row],
            None if truth is None else theirs.keypoints[row],
            theirs.boxes[row],
        )
        for row, number in enumerate(numbers)
        if np.isfinite(scores[row])
    ]


def _take(source: SequenceKeypoints, numbers: Int64s) -> SequenceKeypoints:
    """Returns the frames with these numbers."""
    rows = np.searchsorted(source.frame, numbers)
    return SequenceKeypoints(
        source.frame[rows], source.keypoints[rows], source.confidence[rows], source.boxes[rows]
    )


def _with_confidence(source: SequenceKeypoints) -> Float32s:
    """Returns `[s, 17, 3]`."""
    joined: Float32s = np.concatenate([source.keypoints, source.confidence[..., None]], axis=-1)
    return joined


def _offsets(pseudo_labels: Sequence[Path]) -> dict[str, int]:
    """Returns by how many frames the video is ahead, by sequence; "": of all others."""
    found = {"": 0}
    for place, path in enumerate(pseudo_labels):
        with open_ragged(path, kind="pseudo_labels") as opened:
            if place == 0:
                found[""] = int(opened.attributes.get("shift", 0))
            found |= json.loads(opened.attributes.get("own_shifts", "{}"))
    return found


def _row(title: str, frame: ScoredFrame, sequence: GaitSequence | None, offset: int) -> Markup:
    """Returns the panels of one frame; those without pixels on disk are skipped."""
    colour, silhouette = _pixels(frame, sequence, offset)
    place = f"{name_of(*frame.key)}, frame {frame.number}"
    panels: list[tuple[str, Image | None, Float32s, Float32s | None]] = []
    if frame.teacher is not None:
        points, confidence = frame.teacher[:, :2], frame.teacher[:, 2]
        panels.append(("Colour, teacher's keypoints", colour, points, confidence))
    points, confidence = frame.student[:, :2], frame.student[:, 2]
    panels.append(("Silhouette, student's keypoints", silhouette, points, confidence))
    if frame.truth is not None:
        panels.append(("Silhouette, true keypoints", silhouette, frame.truth, None))
    drawn = [
        (name, person_picture(pixels, frame.box, points, confidence, f"{name}, {place}"))
        for name, pixels, points, confidence in panels
        if pixels is not None
    ]
    return _PANELS(title=f"{title}: OKS {frame.oks:.2f}, {place}", panels=drawn)


def _pixels(
    frame: ScoredFrame, sequence: GaitSequence | None, offset: int
) -> tuple[Image | None, Image | None]:
    """Returns the colour frame and the silhouette of a frame; None for a missing file."""
    colour = silhouette = None
    if sequence is not None and sequence.video is not None and sequence.video.exists():
        numbers = {frame.number + offset}
        read = read_colour(sequence.video, stage="report", rejects=[], numbers=numbers)
        colour = next((pixels for _, pixels in read), None)
    if sequence is not None and sequence.silhouettes.exists():
        numbers = {frame.number}
        read = read_silhouettes(
            sequence.silhouettes, stage="report", rejects=[], numbers=numbers, masks=sequence.masks
        )
        silhouette = next((pixels for _, pixels in read), None)
    return colour, silhouette
