"""Pseudo-labels: the teacher's keypoints in the RGB frames, as labels of the silhouettes."""

import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.errors import UserError
from gaittake.io.checkpoint import file_digest
from gaittake.io.frames import (
    SIZES_DIFFER,
    colour_size,
    describe_sizes,
    frame_files,
    mask_size,
    read_colour,
    read_silhouettes,
)
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.io.read_ahead import read_ahead
from gaittake.io.tables import count_rejects, read_sequences, write_rejects
from gaittake.pose.crop import Crop, crop_size, crop_to_box, to_frame, whole
from gaittake.pose.detector import load_detector
from gaittake.pose.keypoint_file import ARRAYS, FrameKeypoints, append_sequence
from gaittake.pose.locate import Detections, detect
from gaittake.pose.match import (
    MISMATCH,
    best_shift,
    choose_shift,
    do_not_match,
    match_person,
    overlaps_by_shift,
    shifts_differ,
)
from gaittake.pose.vision import KeypointRCNN
from gaittake.sequence import Reject, Sequence
from gaittake.settings import PseudoLabel, PseudoLabelStage, canonical
from gaittake.silhouette import Box, Image, box

logger = logging.getLogger(__name__)
STAGE = "pseudo-label"
# The usual shift between videos and silhouettes is estimated from about this many sequences, and
# this many frames of each; then each sequence is compared with it.
SHIFT_SEQUENCES = 24
SHIFT_FRAMES = 4
MIN_SEQUENCES = 3  # of a shard; if none of them can be labelled, its videos are others'


class Task(NamedTuple):
    """The video frames of one sequence to detect people in.

    Attributes:
        sequence: a sequence with a video.
        files: address of each silhouette, by frame number.
        wanted: numbers of the silhouettes that need a label.
        silhouettes: box of each readable silhouette, by frame number.
        video: box of the silhouette that belongs to each video frame, by the video frame's number.
    """

    sequence: Sequence
    files: Mapping[int, Path]
    wanted: Collection[int]
    silhouettes: Mapping[int, Box]
    video: Mapping[int, Box]


class Batch(NamedTuple):
    """Video frames of one sequence, read and cropped.

    Attributes:
        task: what they are part of.
        crops: by the video frame's number.
        rejects: unreadable parts of the video; complete in the sequence's last batch.
        last: whether this is the sequence's last batch; it may have no frames.
    """

    task: Task
    crops: Mapping[int, Crop]
    rejects: list[Reject]
    last: bool


def make_pseudo_labels(
    settings: PseudoLabelStage,
    *,
    index: Path,
    teacher: Path,
    out: Path,
    rejects: Path,
    device: torch.device,
) -> None:
    """Writes the teacher's keypoints for every k-th silhouette of the training subjects.

    A label has the keypoints in pixels of the full frame (third number: the confidence; 0 marks a
    keypoint that training ignores), the box of the silhouette (the student sees only silhouettes;
    the teacher's box only selects the person) and the silhouette's frame number.

    Args:
        settings: only `settings.subjects` are read.
        index: the shard's sequence table.
        teacher: the teacher's file.
        out: the pseudo-labels.
        rejects: table of the frames and videos without a label, with the reason.
        device: the device to compute on.
    """
    model = load_detector(teacher, settings.detector).to(device).eval()
    rejected: list[Reject] = []
    sequences = _sequences_with_video(index, settings.subjects, rejected)
    sequences = _of_equal_size(sequences, rejected)
    most = settings.pseudo_label.max_shift
    sample = sample_overlaps(model, sequences, settings, device)
    overlaps = pool(sample, most)
    shift = best_shift(overlaps)
    differ = shifts_differ(sample, shift)
    mean = {s: float(np.mean(values)) if values else 0.0 for s, values in overlaps.items()}
    by_shift = ", ".join(f"{s:+d}: {value:.3f}" for s, value in mean.items())
    logger.info("video is %+d frames ahead; mean box IoU by shift: %s", shift, by_shift)
    if differ:
        logger.warning("the shift differs between sequences; those with a certain shift are used")
    attributes: dict[str, str | int | float] = {
        "settings": canonical(settings),
        "teacher": file_digest(teacher),
        "shift": shift,
        "shift_iou": mean[shift],
    }
    rules = settings.pseudo_label
    tasks = (label_task(sequence, shift, rules) for sequence in sequences)
    own_shifts: dict[str, int] = {}
    failed: list[Reject] = []
    with (
        RaggedWriter(out, kind="pseudo_labels", arrays=ARRAYS, attributes=attributes) as writer,
        progress(STAGE, len(sequences), unit="sequences") as advance,
    ):
        for task, people, unreadable in detect_people(model, tasks, settings, device):
            rejected += unreadable
            found: list[FrameKeypoints] = []
            outcome = own_shift(task, people, usual=shift, differ=differ, rules=rules)
            if isinstance(outcome, str):
                failed.append(Reject(STAGE, str(task.sequence.silhouettes), outcome))
            else:
                if outcome != shift:
                    own_shifts[task.sequence.name] = outcome
                found = labels(at_shift(task, outcome), people, outcome, rules, rejected)
            append_sequence(writer, task.sequence, found)
            advance(1, note=f"{len(rejected) + len(failed)} rejects")
        if len(failed) >= MIN_SEQUENCES and len(failed) == len(sequences):
            raise UserError(
                f"{failed[0].path}: {failed[0].reason}; none of {len(failed)} sequences can be "
                "labelled. Check source.videos: frames of colour and silhouettes belong together "
                "by their numbers, up to pose.pseudo_label.max_shift"
            )
        writer.set_attribute("own_shifts", json.dumps(own_shifts))
    rejected += failed
    logger.info("rejects: %s", count_rejects(rejected))
    write_rejects(rejected, rejects)


def _sequences_with_video(
    index: Path, subjects: tuple[str, ...], rejects: list[Reject]
) -> list[Sequence]:
    sequences = [s for s in read_sequences(index) if s.subject in set(subjects)]
    for sequence in sequences:
        if sequence.video is None:
            rejects.append(Reject(STAGE, str(sequence.silhouettes), "no video of this sequence"))
    return [sequence for sequence in sequences if sequence.video is not None]


def _of_equal_size(sequences: list[Sequence], rejects: list[Reject]) -> list[Sequence]:
    """Returns the sequences whose colour frames have the size of their silhouettes."""
    equal = []
    for sequence in sequences:
        assert sequence.video is not None
        sizes = colour_size(sequence.video), mask_size(sequence.silhouettes)
        if None in sizes or sizes[0] == sizes[1]:  # what cannot be read has its rows later
            equal.append(sequence)
        else:
            reason = f"{SIZES_DIFFER}: {describe_sizes(*sizes)}"
            rejects.append(Reject(STAGE, str(sequence.silhouettes), reason))
    return equal


def sample_overlaps(
    model: KeypointRCNN,
    sequences: list[Sequence],
    settings: PseudoLabelStage,
    device: torch.device,
) -> list[dict[int, list[float]]]:
    """Returns the box IoUs at each shift of some frames of each of some sequences."""
    most = settings.pseudo_label.max_shift
    sample = sequences[:: max(1, len(sequences) // SHIFT_SEQUENCES)]
    tasks = (shift_task(sequence, most) for sequence in sample)
    found = []
    with progress("shift between video and silhouettes", len(sample), unit="sequences") as advance:
        for task, people, _ in detect_people(model, tasks, settings, device):
            found.append(_overlaps(task, people, most))
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
    task: Task,
    people: Mapping[int, Detections],
    *,
    usual: int,
    differ: bool,
    rules: PseudoLabel,
) -> int | str:
    """Returns a sequence's shift, or why its colour and silhouettes cannot be matched.

    Args:
        task: the sequence.
        people: detections by video frame.
        usual: the shift of the sequences together.
        differ: whether the sequences have different shifts.
        rules: the limits.
    """
    overlaps = _overlaps(task, people, rules.max_shift)
    chosen = choose_shift(overlaps, usual=usual, differ=differ, max_shift=rules.max_shift)
    if isinstance(chosen, int) and do_not_match(
        task.silhouettes, people, chosen, min_iou=rules.min_iou
    ):
        chosen = MISMATCH
    if isinstance(chosen, str):
        assert task.sequence.video is not None
        colour = len(frame_files(task.sequence.video))
        return f"{chosen}: {colour} colour frames, {len(task.files)} silhouettes"
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
        sequence.silhouettes, stage=STAGE, rejects=[], numbers=numbers, masks=sequence.masks
    )
    boxes = {number: box(image) for number, image in images}
    return {number: found for number, found in boxes.items() if found is not None}


def detect_people(
    model: KeypointRCNN,
    tasks: Iterable[Task],
    settings: PseudoLabelStage,
    device: torch.device,
) -> Iterator[tuple[Task, dict[int, Detections], list[Reject]]]:
    """Yields each task, the people by video frame, and the rejects of the video.

    A thread reads the next batches, also of the next sequences, while the teacher computes.
    """
    people: dict[int, Detections] = {}
    for batch in read_ahead(read_batches(tasks, settings)):
        if batch.crops:
            images = upload([crop.image for crop in batch.crops.values()], device)
            found = zip(batch.crops.items(), detect(model, images), strict=True)
            people |= {number: to_frame(crop, detections) for (number, crop), detections in found}
        if batch.last:
            yield batch.task, people, batch.rejects
            people = {}


def read_batches(tasks: Iterable[Task], settings: PseudoLabelStage) -> Iterator[Batch]:
    """Yields the video frames of each task in batches; each task ends with its last batch."""
    for task in tasks:
        assert task.sequence.video is not None
        rejects: list[Reject] = []
        crops: dict[int, Crop] = {}
        frames = read_colour(
            task.sequence.video, stage=STAGE, rejects=rejects, numbers=task.video.keys()
        )
        for number, image in frames:
            crops[number] = _crop(image, task.video[number], settings)
            if len(crops) == settings.batch:
                yield Batch(task, crops, rejects, last=False)
                crops = {}
        yield Batch(task, crops, rejects, last=True)


def _crop(image: Image, box: Box, settings: PseudoLabelStage) -> Crop:
    """Returns the part of a frame that the teacher gets."""
    if settings.boxes == "silhouette":
        return crop_to_box(image, box, crop_size(settings.detector), smooth=True)
    return whole(image)


def upload(images: list[Image], device: torch.device) -> list[Tensor]:
    """Returns images `[rows, columns, 3]` of any sizes as `[3, rows, columns]` float32 in 0…1.

    All pixels go to the device in one transfer.
    """
    pixels = torch.from_numpy(np.concatenate([image.ravel() for image in images])).to(device)
    sizes = [image.size for image in images]
    parts = (pixels.float() / 255).split(sizes)  # type: ignore[no-untyped-call]
    return [
        part.view(image.shape).permute(2, 0, 1) for part, image in zip(parts, images, strict=True)
    ]


def labels(
    task: Task,
    people: Mapping[int, Detections],
    shift: int,
    rules: PseudoLabel,
    rejects: list[Reject],
) -> list[FrameKeypoints]:
    """Returns the labels of one sequence; frames without a label go to `rejects`.

    Args:
        task: the frames that need a label.
        people: detections by video frame.
        shift: number of a video frame minus number of its silhouette.
        rules: which detections become labels.
        rejects: receives the frames without a label.
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
            rejects.append(Reject(STAGE, str(path), outcome))
            continue
        keypoints = people[number + shift].keypoints[outcome].numpy().copy()
        keypoints[keypoints[:, 2] < rules.min_confidence, 2] = 0
        found.append(FrameKeypoints(number, task.silhouettes[number], keypoints))
    return found
