"""Prediction: the student's keypoints in each silhouette."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.arrays import Float32s
from gaittake.device import forbid_tf32
from gaittake.io.checkpoint import file_digest
from gaittake.io.frames import read_silhouettes
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.io.read_ahead import read_ahead
from gaittake.io.tables import read_sequences, write_rejects
from gaittake.pose.crop import Crop, crop_size, crop_to_box, windows
from gaittake.pose.detector import load_detector
from gaittake.pose.fast import for_prediction
from gaittake.pose.follow import follow
from gaittake.pose.keypoint_file import ARRAYS, FrameKeypoints, append_sequence
from gaittake.pose.locate import best_overlap, detect_candidates, locate_in_boxes, scale_of
from gaittake.pose.vision import KeypointRCNN
from gaittake.sequence import Reject, Sequence, count_rejects
from gaittake.settings import PredictStage, canonical
from gaittake.silhouette import Box, Image, box

logger = logging.getLogger(__name__)
STAGE = "predict"


class Frame(NamedTuple):
    """A silhouette that is not empty.

    Attributes:
        sequence: position of its sequence in the index.
        number: frame number, from the file's name.
        image: `[rows, columns]` uint8.
        box: of the figure, pixels.
    """

    sequence: int
    number: int
    image: Image
    box: Box


class Located(NamedTuple):
    """The candidates `[17, 3, 3]` of a frame's keypoints, pixels; see `Frame`."""

    number: int
    box: Box
    candidates: Float32s


def predict_keypoints(
    settings: PredictStage,
    *,
    index: Path,
    student: Path,
    out: Path,
    rejects: Path,
    device: torch.device,
) -> None:
    """Writes the keypoints of each silhouette that is not empty, in the order of the index.

    Each sequence of the index gets a row, even without a usable frame. Frames are streamed: memory
    does not depend on the number of sequences.

    Args:
        settings: the boxes in which keypoints are located, and the batch.
        index: the shard's sequence table.
        student: the student's file.
        out: the keypoints.
        rejects: table of the frames that were skipped or used the silhouette's box.
        device: the device to compute on.
    """
    detector = load_detector(student, settings.detector, to_find_people=settings.finds_people).to(
        device
    )
    forbid_tf32(convolutions=settings.precision == "float32")
    model = for_prediction(detector, settings.precision)
    sequences = read_sequences(index)
    rejected: list[Reject] = []
    attributes = {"settings": canonical(settings), "student": file_digest(student)}
    batches = read_ahead(read_batches(sequences, settings.batch, rejected))
    with (
        RaggedWriter(out, kind="keypoints", arrays=ARRAYS, attributes=attributes) as writer,
        progress(STAGE, sum(sequence.frames for sequence in sequences)) as advance,
    ):
        done: list[Located] = []
        written = 0
        for batch in batches:
            candidates = predict_batch(model, batch, settings, rejected, sequences)
            for frame, found in zip(batch, candidates, strict=True):
                while written < frame.sequence:
                    append_sequence(writer, sequences[written], _keypoints(done, settings))
                    written, done = written + 1, []
                done.append(Located(frame.number, frame.box, found))
            advance(len(batch))
        for sequence in sequences[written:]:
            append_sequence(writer, sequence, _keypoints(done, settings))
            done = []
    logger.info("rejects: %s", count_rejects(rejected))
    write_rejects(sorted(rejected), rejects)


def read_batches(
    sequences: list[Sequence], size: int, rejects: list[Reject]
) -> Iterator[list[Frame]]:
    """Yields up to `size` frames of one image size, in order; unusable ones go to `rejects`."""
    batch: list[Frame] = []
    for place, sequence in enumerate(sequences):
        for number, image in read_silhouettes(
            sequence.silhouettes, stage=STAGE, rejects=rejects, masks=sequence.masks
        ):
            figure = box(image)
            if figure is None:
                rejects.append(_reject(sequence, number, "empty silhouette"))
                continue
            if batch and (len(batch) == size or batch[0].image.shape != image.shape):
                yield batch
                batch = []
            batch.append(Frame(place, number, image, figure))
    if batch:
        yield batch


def predict_batch(
    model: KeypointRCNN,
    batch: list[Frame],
    settings: PredictStage,
    rejects: list[Reject],
    sequences: list[Sequence],
) -> Float32s:
    """Returns candidates `[n, 17, 3, 3]` of the keypoints, in pixels of the full frames.

    See `gaittake.pose.heatmaps.read_heatmaps`; the first one of a keypoint is the keypoint itself.

    Args:
        model: the student, made by `for_prediction`.
        batch: n frames of one size.
        settings: the boxes in which keypoints are located.
        rejects: receives the frames without a detection.
        sequences: the index.
    """
    if not settings.finds_people:
        return _located(model, batch, settings)
    images = _inputs(model, [frame.image for frame in batch])
    boxes = torch.tensor([frame.box for frame in batch])
    candidates, missed = _detected(model, images, boxes)
    if missed:
        rest = torch.tensor(missed, device=images.device)
        within = boxes.to(images.device)[rest]
        candidates[missed] = locate_in_boxes(model, images[rest], within).cpu()
        for place in missed:
            frame = batch[place]
            reason = "no detection, silhouette's box used"
            rejects.append(_reject(sequences[frame.sequence], frame.number, reason, used="yes"))
    return _numpy(candidates)


def _keypoints(located: list[Located], settings: PredictStage) -> list[FrameKeypoints]:
    """Returns the keypoints of a sequence's frames."""
    if not located:
        return []
    candidates = np.stack([frame.candidates for frame in located])
    keypoints = candidates[:, :, 0]
    if settings.follow:
        numbers = np.array([frame.number for frame in located])
        heights = np.array([frame.box[3] - frame.box[1] for frame in located], dtype=np.float64)
        keypoints = follow(candidates, numbers, heights)
    return [
        FrameKeypoints(frame.number, frame.box, rows)
        for frame, rows in zip(located, keypoints, strict=True)
    ]


def _located(model: KeypointRCNN, batch: list[Frame], settings: PredictStage) -> Float32s:
    """Returns the candidates in the silhouettes' boxes, without detection."""
    crops = _crops(model, batch, settings)
    images = _inputs(model, [crop.image for crop in crops])
    boxes = [crop.box_to_crop(frame.box) for crop, frame in zip(crops, batch, strict=True)]
    within = torch.from_numpy(np.stack(boxes)).to(images.device)
    candidates = _numpy(locate_in_boxes(model, images, within, scale=1))
    for crop, rows in zip(crops, candidates, strict=True):
        rows[..., :2] = crop.to_frame(rows[..., :2])
    return candidates


def _crops(model: KeypointRCNN, batch: list[Frame], settings: PredictStage) -> list[Crop]:
    """Returns the network's inputs: crops if it is trained on crops, otherwise windows."""
    if settings.boxes == "silhouette":
        size = crop_size(settings.detector)
        return [crop_to_box(frame.image, frame.box, size, smooth=False) for frame in batch]
    images = [frame.image for frame in batch]
    scale = scale_of(model, *images[0].shape)
    return windows(images, [frame.box for frame in batch], scale)


def _inputs(model: KeypointRCNN, images: list[Image]) -> Tensor:
    """Returns silhouettes as `[n, 3, rows, columns]` float32, 0…1, on the model's device."""
    grey = torch.from_numpy(np.stack(images)).to(next(model.parameters()).device)
    return (grey.float() / 255)[:, None].expand(-1, 3, -1, -1)


def _detected(model: KeypointRCNN, images: Tensor, boxes: Tensor) -> tuple[Tensor, list[int]]:
    """Returns candidates in the best overlapping detections, and the indices without one."""
    candidates = torch.zeros(len(boxes), 17, 3, 3)
    missed = []
    for place, (found, those) in enumerate(detect_candidates(model, list(images))):
        chosen, overlap = best_overlap(boxes[place], found.boxes) if len(found.boxes) else (0, 0.0)
        if overlap > 0:
            candidates[place] = those[chosen]
        else:
            missed.append(place)
    return candidates, missed


def _reject(sequence: Sequence, number: int, reason: str, *, used: str = "no") -> Reject:
    return Reject(STAGE, f"{sequence.silhouettes}#{number}", reason, used)


def _numpy(candidates: Tensor) -> Float32s:
    return np.asarray(candidates.cpu().numpy(), dtype=np.float32)
