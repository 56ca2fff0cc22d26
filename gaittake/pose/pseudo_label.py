"""Pseudo-labels: the teacher's keypoints in the RGB frames, as labels of the silhouettes."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision.models.detection import KeypointRCNN

from gaittake.io.checkpoint import file_digest
from gaittake.io.frames import frame_files, read_colour, read_silhouettes
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.io.read_ahead import read_ahead
from gaittake.io.tables import count_rejects, read_sequences, write_rejects
from gaittake.pose.crop import Crop, crop_size, crop_to_box, to_frame, whole
from gaittake.pose.detector import load_detector
from gaittake.pose.keypoint_file import ARRAYS, FrameKeypoints, append_sequence
from gaittake.pose.locate import Detections, detect
from gaittake.pose.match import best_shift, match_person, overlaps_by_shift
from gaittake.sequence import Reject, Sequence
from gaittake.settings import PseudoLabel, PseudoLabelStage, canonical
from gaittake.silhouette import Box, Image, box

logger = logging.getLogger(__name__)
STAGE = "pseudo-label"
# A dataset has one shift between videos and silhouettes. It is estimated from about this many
# sequences, and this many frames of each.
SHIFT_SEQUENCES = 24
SHIFT_FRAMES = 4


class Task(NamedTuple):
    """The video frames of one sequence to detect people in.

    Attributes:
        sequence: a sequence with a video.
        files: address of each silhouette that needs a label, by frame number.
        silhouettes: box of each readable silhouette, by frame number.
        video: box of the silhouette that belongs to each video frame, by the video frame's number.
    """

    sequence: Sequence
    files: Mapping[int, Path]
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
    overlaps = shift_overlaps(model, sequences, settings, device)
    shift = best_shift(overlaps)
    mean = {s: float(np.mean(values)) if values else 0.0 for s, values in overlaps.items()}
    by_shift = ", ".join(f"{s:+d}: {value:.3f}" for s, value in mean.items())
    logger.info("video is %+d frames ahead; mean box IoU by shift: %s", shift, by_shift)
    attributes: dict[str, str | int | float] = {
        "settings": canonical(settings),
        "teacher": file_digest(teacher),
        "shift": shift,
        "shift_iou": mean[shift],
    }
    rules = settings.pseudo_label
    tasks = (label_task(sequence, shift, rules.every) for sequence in sequences)
    with (
        RaggedWriter(out, kind="pseudo_labels", arrays=ARRAYS, attributes=attributes) as writer,
        progress(STAGE, len(sequences), unit="sequences") as advance,
    ):
        for task, people, unreadable in detect_people(model, tasks, settings, device):
            rejected += unreadable
            append_sequence(writer, task.sequence, labels(task, people, shift, rules, rejected))
            advance(1, note=f"{len(rejected)} rejects")
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


def shift_overlaps(
    model: KeypointRCNN,
    sequences: list[Sequence],
    settings: PseudoLabelStage,
    device: torch.device,
) -> dict[int, list[float]]:
    """Returns the box IoUs at each shift, over a sample of the sequences' frames."""
    most = settings.pseudo_label.max_shift
    pooled: dict[int, list[float]] = {s: [] for s in range(-most, most + 1)}
    sample = sequences[:: max(1, len(sequences) // SHIFT_SEQUENCES)]
    tasks = (shift_task(sequence, most) for sequence in sample)
    with progress("shift between video and silhouettes", len(sample), unit="sequences") as advance:
        for task, people, _ in detect_people(model, tasks, settings, device):
            boxes = {number: found.boxes for number, found in people.items()}
            for shift, values in overlaps_by_shift(task.silhouettes, boxes, max_shift=most).items():
                pooled[shift] += values
            advance()
    return pooled


def shift_task(sequence: Sequence, max_shift: int) -> Task:
    """Returns a few frames of a sequence, with all silhouettes up to `max_shift` frames away."""
    files = frame_files(sequence.silhouettes)
    numbers = [number for number, _ in files][max_shift : len(files) - max_shift]
    chosen = set(numbers[:: max(1, len(numbers) // SHIFT_FRAMES)])
    near = {n + s for n in chosen for s in range(-max_shift, max_shift + 1)}
    silhouettes = _boxes(sequence, near)
    return Task(sequence, {}, silhouettes, {n: silhouettes[n] for n in chosen if n in silhouettes})


def label_task(sequence: Sequence, shift: int, every: int) -> Task:
    """Returns every `every`-th silhouette of a sequence and the video frames of the same moment."""
    files = dict(frame_files(sequence.silhouettes)[::every])
    silhouettes = _boxes(sequence, files)
    return Task(sequence, files, silhouettes, {n + shift: box for n, box in silhouettes.items()})


def _boxes(sequence: Sequence, numbers: Collection[int]) -> dict[int, Box]:
    """Returns the box of each of these silhouettes that is readable and not empty."""
    images = read_silhouettes(sequence.silhouettes, stage=STAGE, rejects=[], numbers=numbers)
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
    for number, path in task.files.items():
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
