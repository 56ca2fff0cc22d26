"""Pseudo-labels: the teacher's keypoints in colour frames, as labels of the silhouettes."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.io.checkpoint import file_digest
from gaittake.io.frames import (
    SIZES_DIFFER,
    colour_size,
    describe_sizes,
    frame_files,
    mask_size,
    read_colour,
)
from gaittake.io.read_ahead import read_ahead
from gaittake.io.tables import read_sequences, write_rejects
from gaittake.pose.crop import Crop, crop_size, crop_to_box, to_frame, whole
from gaittake.pose.detector import load_detector
from gaittake.pose.label import label_kind, write_labels
from gaittake.pose.locate import Detections, detect
from gaittake.pose.shift import Task
from gaittake.pose.vision import KeypointRCNN
from gaittake.sequence import Reject, Sequence, count_rejects
from gaittake.settings import PseudoLabelStage, canonical
from gaittake.silhouette import Box, Image

logger = logging.getLogger(__name__)
STAGE = "pseudo-label"
FIX = (
    "Check source.videos: frames of colour and silhouettes belong together by their numbers, up to "
    "pose.pseudo_label.max_shift"
)


class Batch(NamedTuple):
    """Video frames of one or more sequences, read and cropped.

    Attributes:
        crops: by the position of the frame's task and the video frame's number.
        ended: tasks whose frames are all in this batch or earlier ones: position, task, and the
            unreadable parts of its video.
    """

    crops: Mapping[tuple[int, int], Crop]
    ended: list[tuple[int, Task, list[Reject]]]


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

    Raises:
        UserError: no sequence's colour frames match its silhouettes.
    """
    model = load_detector(teacher, settings.detector, to_find_people=True).to(device).eval()
    rejected: list[Reject] = []
    sequences = _sequences_with_video(index, settings.subjects, rejected)
    write_labels(
        label_kind(settings.pseudo_label, stage=STAGE, describe=_both_counts, fix=FIX, most=1),
        lambda tasks: detect_people(model, tasks, settings, device),
        _of_equal_size(sequences, rejected),
        attributes={"settings": canonical(settings), "teacher": file_digest(teacher)},
        out=out,
        rejects=rejected,
    )
    logger.info("rejects: %s", count_rejects(rejected))
    write_rejects(rejected, rejects)


def _both_counts(fault: str, task: Task, people: Mapping[int, Detections]) -> str:
    """Returns the fault with the numbers of both kinds of frames."""
    assert task.sequence.video is not None
    colour = len(frame_files(task.sequence.video))
    return f"{fault}: {colour} colour frames, {len(task.files)} silhouettes"


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


def detect_people(
    model: KeypointRCNN,
    tasks: Iterable[Task],
    settings: PseudoLabelStage,
    device: torch.device,
) -> Iterator[tuple[Task, dict[int, Detections], list[Reject]]]:
    """Yields each task, the people by video frame, and the rejects of the video.

    A thread reads the next batches while the teacher computes. A batch has frames of several
    sequences if each has few, since a detector takes nearly as long for one frame as for some.
    """
    people: defaultdict[int, dict[int, Detections]] = defaultdict(dict)
    for batch in read_ahead(read_batches(tasks, settings)):
        if batch.crops:
            images = upload([crop.image for crop in batch.crops.values()], device)
            found = zip(batch.crops.items(), detect(model, images), strict=True)
            for ((place, number), crop), detections in found:
                people[place][number] = to_frame(crop, detections)
        for place, task, rejects in batch.ended:
            yield task, people.pop(place, {}), rejects


def read_batches(tasks: Iterable[Task], settings: PseudoLabelStage) -> Iterator[Batch]:
    """Yields the video frames of the tasks in batches; the last one may be smaller."""
    crops: dict[tuple[int, int], Crop] = {}
    ended: list[tuple[int, Task, list[Reject]]] = []
    for place, task in enumerate(tasks):
        assert task.sequence.video is not None
        rejects: list[Reject] = []
        frames = read_colour(
            task.sequence.video, stage=STAGE, rejects=rejects, numbers=task.video.keys()
        )
        for number, image in frames:
            crops[place, number] = _crop(image, task.video[number], settings)
            if len(crops) == settings.batch:
                yield Batch(crops, ended)
                crops, ended = {}, []
        ended.append((place, task, rejects))
    yield Batch(crops, ended)


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
