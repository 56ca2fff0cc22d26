"""Prediction: keypoints for every silhouette frame, streamed."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.models.detection import KeypointRCNN

from gaittake.io.checkpoint import file_digest
from gaittake.io.frames import read_silhouettes
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.io.read_ahead import read_ahead
from gaittake.io.tables import count_rejects, read_sequences, write_rejects
from gaittake.pose.crop import Cut, cut, cut_size, windows
from gaittake.pose.detector import load_detector
from gaittake.pose.fast import for_prediction
from gaittake.pose.labelled import ARRAYS, Labelled, append_walk
from gaittake.pose.locate import best_overlap, detect, locate_in_boxes, scale_of
from gaittake.pose.match import Box
from gaittake.sequence import Reject, Sequence
from gaittake.settings import PredictStage, canonical
from gaittake.silhouette import Image, box

logger = logging.getLogger(__name__)
STAGE = "predict"
Floats = npt.NDArray[np.float32]


class Frame(NamedTuple):
    """A silhouette that shows somebody.

    Attributes:
        walk: its sequence's place in the index.
        number: frame number, from the file's name.
        image: `[rows, columns]` uint8.
        box: of the figure, pixels.
    """

    walk: int
    number: int
    image: Image
    box: Box


def predict_keypoints(
    settings: PredictStage,
    *,
    index: Path,
    student: Path,
    out: Path,
    rejects: Path,
    device: torch.device,
) -> None:
    """Writes the keypoints of every silhouette that shows somebody, in the index's order.

    Each sequence of the index has its row, also one without a usable frame. Memory does not grow
    with the number of sequences.

    Args:
        settings: where keypoints are looked for, and how many frames at once.
        index: the shard's sequence table.
        student: its weights.
        out: the keypoints' file.
        rejects: table of frames that were left out, or took the silhouette's box.
        device: where to compute.
    """
    detector = load_detector(student, settings.detector).to(device)
    model = for_prediction(detector, settings.precision)
    walks = read_sequences(index)
    refused: list[Reject] = []
    attributes = {"settings": canonical(settings), "student": file_digest(student)}
    batches = read_ahead(read_batches(walks, settings.batch, refused))
    with (
        RaggedWriter(out, kind="keypoints", arrays=ARRAYS, attributes=attributes) as writer,
        progress(STAGE, sum(walk.frames for walk in walks)) as advance,
    ):
        done: list[Labelled] = []
        written = 0
        for batch in batches:
            located = predict_batch(model, batch, settings, refused, walks)
            for frame, keypoints in zip(batch, located, strict=True):
                while written < frame.walk:
                    append_walk(writer, walks[written], done)
                    written, done = written + 1, []
                done.append(Labelled(frame.number, frame.box, keypoints))
            advance(len(batch))
        for walk in walks[written:]:
            append_walk(writer, walk, done)
            done = []
    logger.info("refused: %s", count_rejects(refused))
    write_rejects(sorted(refused), rejects)


def read_batches(walks: list[Sequence], size: int, rejects: list[Reject]) -> Iterator[list[Frame]]:
    """Yields up to `size` frames of one image size, in order; the others go to `rejects`."""
    batch: list[Frame] = []
    for place, walk in enumerate(walks):
        for number, image in read_silhouettes(walk.silhouettes, stage=STAGE, rejects=rejects):
            figure = box(image)
            if figure is None:
                rejects.append(_reject(walk, number, "empty silhouette"))
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
    walks: list[Sequence],
) -> Floats:
    """Returns keypoints `[n, 17, 3]`: x and y in pixels of the full frame, confidence in 0…1."""
    if settings.boxes != "detected":
        return _located(model, batch, settings)
    images = _inputs(model, [frame.image for frame in batch])
    boxes = torch.tensor([frame.box for frame in batch])
    keypoints, missed = _detected(model, images, boxes)
    if missed:
        rest = torch.tensor(missed, device=images.device)
        within = boxes.to(images.device)[rest]
        keypoints[missed] = locate_in_boxes(model, images[rest], within).cpu()
        for place in missed:
            walk = walks[batch[place].walk]
            reason = "no detection, silhouette's box used"
            rejects.append(_reject(walk, batch[place].number, reason))
    return _numpy(keypoints)


def _located(model: KeypointRCNN, batch: list[Frame], settings: PredictStage) -> Floats:
    """Returns keypoints of frames in the silhouettes' boxes, without a detection."""
    cuts = _cuts(model, batch, settings)
    images = _inputs(model, [item.image for item in cuts])
    boxes = [item.box_inward(frame.box) for item, frame in zip(cuts, batch, strict=True)]
    within = torch.from_numpy(np.stack(boxes)).to(images.device)
    keypoints = _numpy(locate_in_boxes(model, images, within, scale=1))
    for item, rows in zip(cuts, keypoints, strict=True):
        rows[:, :2] = item.outward(rows[:, :2])
    return keypoints


def _cuts(model: KeypointRCNN, batch: list[Frame], settings: PredictStage) -> list[Cut]:
    """Returns what the network sees of the frames: cuts for one that learnt cuts, or windows."""
    if settings.boxes == "silhouette":
        size = cut_size(settings.detector)
        return [cut(frame.image, frame.box, size, smooth=False) for frame in batch]
    images = [frame.image for frame in batch]
    scale = scale_of(model, *images[0].shape)
    return windows(images, [frame.box for frame in batch], scale)


def _inputs(model: KeypointRCNN, images: list[Image]) -> Tensor:
    """Returns silhouettes as `[n, 3, rows, columns]` float32, 0…1, on the model's device."""
    grey = torch.from_numpy(np.stack(images)).to(next(model.parameters()).device)
    return (grey.float() / 255)[:, None].expand(-1, 3, -1, -1)


def _detected(model: KeypointRCNN, images: Tensor, boxes: Tensor) -> tuple[Tensor, list[int]]:
    """Returns keypoints of the detections that overlap the boxes best, and where there is none."""
    keypoints = torch.zeros(len(boxes), 17, 3)
    missed = []
    for place, found in enumerate(detect(model, list(images))):
        chosen, overlap = best_overlap(boxes[place], found.boxes) if len(found.boxes) else (0, 0.0)
        if overlap > 0:
            keypoints[place] = found.keypoints[chosen]
        else:
            missed.append(place)
    return keypoints, missed


def _reject(walk: Sequence, number: int, reason: str) -> Reject:
    return Reject(STAGE, f"{walk.silhouettes}#{number}", reason)


def _numpy(keypoints: Tensor) -> Floats:
    return np.asarray(keypoints.cpu().numpy(), dtype=np.float32)
