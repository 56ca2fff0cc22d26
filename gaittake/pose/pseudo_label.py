"""Pseudo-labels: what the teacher sees in the RGB frames, for the silhouettes to be learnt from."""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import torch
from torchvision.models.detection import KeypointRCNN

from gaittake.io.checkpoint import file_digest
from gaittake.io.frames import frame_files, read_colour, read_silhouettes
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.io.tables import count_rejects, read_sequences, write_rejects
from gaittake.pose.crop import Crop, crop_size, crop_to_box, to_frame, whole
from gaittake.pose.detector import load_detector
from gaittake.pose.keypoint_file import ARRAYS, FrameKeypoints, append_sequence
from gaittake.pose.locate import Detections, detect
from gaittake.pose.match import best_shift, match_person, overlaps_by_shift
from gaittake.sequence import Reject, Sequence
from gaittake.settings import PseudoLabelStage, canonical
from gaittake.silhouette import Box, Image, box

logger = logging.getLogger(__name__)
STAGE = "pseudo-label"
# The shift is one for a whole dataset: some walks and some frames of each tell it.
SHIFT_SEQUENCES = 24
SHIFT_FRAMES = 4


def make_pseudo_labels(
    settings: PseudoLabelStage,
    *,
    index: Path,
    teacher: Path,
    out: Path,
    rejects: Path,
    device: torch.device,
) -> None:
    """Writes the teacher's keypoints for every k-th silhouette of the subjects that train.

    The file has, for each label, the keypoints in pixels of the full frame (third number: the
    confidence, 0 for a joint that is not to be learnt from), the box of the silhouette (what the
    student sees; the teacher's own box only picks the walker) and the silhouette's frame number.

    Args:
        settings: only `settings.subjects` are read.
        index: the shard's sequence table.
        teacher: its weights.
        out: the labels' file.
        rejects: table of frames and videos without a label, with the reason.
        device: where to compute.
    """
    model = load_detector(teacher, settings.detector).to(device).eval()
    refused: list[Reject] = []
    walks = _walks_with_video(index, settings.subjects, refused)
    labeller = Labeller(model, settings, device)
    overlaps = labeller.shift_overlaps(walks)
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
    with (
        RaggedWriter(out, kind="pseudo_labels", arrays=ARRAYS, attributes=attributes) as writer,
        progress(STAGE, len(walks), unit="sequences") as advance,
    ):
        for walk in walks:
            append_sequence(writer, walk, labeller.label(walk, shift, refused))
            advance(1, note=f"{len(refused)} frames refused")
    logger.info("refused: %s", count_rejects(refused))
    write_rejects(refused, rejects)


def _walks_with_video(
    index: Path, subjects: tuple[str, ...], rejects: list[Reject]
) -> list[Sequence]:
    walks = [walk for walk in read_sequences(index) if walk.subject in set(subjects)]
    for walk in walks:
        if walk.video is None:
            rejects.append(Reject(STAGE, str(walk.silhouettes), "no video of this sequence"))
    return [walk for walk in walks if walk.video is not None]


class Labeller:
    """The teacher at work on the walks of a shard.

    Args:
        model: the teacher, in evaluation mode on the device.
        settings: which detections become labels.
        device: where to compute.
    """

    def __init__(
        self, model: KeypointRCNN, settings: PseudoLabelStage, device: torch.device
    ) -> None:
        self.model = model
        self.settings = settings
        self.device = device

    def shift_overlaps(self, walks: list[Sequence]) -> dict[int, list[float]]:
        """Returns the box IoUs at each shift, of a sample of the walks' frames."""
        most = self.settings.pseudo_label.max_shift
        pooled: dict[int, list[float]] = {s: [] for s in range(-most, most + 1)}
        for walk in walks[:: max(1, len(walks) // SHIFT_SEQUENCES)]:
            files = frame_files(walk.silhouettes)
            numbers = [number for number, _ in files][most : len(files) - most]
            chosen = set(numbers[:: max(1, len(numbers) // SHIFT_FRAMES)])
            near = {n + s for n in chosen for s in range(-most, most + 1)}
            silhouettes = _boxes(walk, near)
            boxes = {n: silhouettes[n] for n in chosen if n in silhouettes}
            detections = {n: found.boxes for n, found in self._detect(walk, boxes, []).items()}
            found = overlaps_by_shift(silhouettes, detections, max_shift=most)
            for shift, values in found.items():
                pooled[shift] += values
        return pooled

    def label(self, walk: Sequence, shift: int, rejects: list[Reject]) -> list[FrameKeypoints]:
        """Returns the labels of one walk; refused frames go to `rejects`."""
        rules = self.settings.pseudo_label
        chosen = dict(frame_files(walk.silhouettes)[:: rules.every])
        silhouettes = _boxes(walk, chosen)
        boxes = {number + shift: box for number, box in silhouettes.items()}
        detections = self._detect(walk, boxes, rejects)
        labels = []
        for number, path in chosen.items():
            outcome: int | str = "unreadable or empty silhouette"
            if number in silhouettes:
                found = detections.get(number + shift)
                outcome = "no video frame for this silhouette"
                if found is not None:
                    outcome = match_person(
                        silhouettes[number],
                        found,
                        min_iou=rules.min_iou,
                        min_score=rules.min_score,
                    )
            if isinstance(outcome, str):
                rejects.append(Reject(STAGE, str(path), outcome))
                continue
            keypoints = detections[number + shift].keypoints[outcome].numpy().copy()
            keypoints[keypoints[:, 2] < rules.min_confidence, 2] = 0
            labels.append(FrameKeypoints(number, silhouettes[number], keypoints))
        return labels

    def _detect(
        self, walk: Sequence, boxes: Mapping[int, Box], rejects: list[Reject]
    ) -> dict[int, Detections]:
        """Returns the people in video frames, by number, as far as there are such frames.

        Args:
            walk: whose video.
            boxes: the silhouette's box by the video frame's number.
            rejects: what of the video cannot be read.
        """
        assert walk.video is not None
        found: dict[int, Detections] = {}
        cuts: dict[int, Crop] = {}
        images = read_colour(walk.video, stage=STAGE, rejects=rejects, numbers=boxes.keys())
        for number, image in images:
            cuts[number] = self._view(image, boxes[number])
            if len(cuts) == self.settings.batch:
                found |= self._detect_batch(cuts)
                cuts = {}
        return found | self._detect_batch(cuts)

    def _view(self, image: Image, box: Box) -> Crop:
        """Returns what the teacher is shown of a frame."""
        if self.settings.boxes == "silhouette":
            return crop_to_box(image, box, crop_size(self.settings.detector), smooth=True)
        return whole(image)

    def _detect_batch(self, cuts: Mapping[int, Crop]) -> dict[int, Detections]:
        """Returns the people of each frame, in pixels of the full frame."""
        if not cuts:
            return {}
        images = [torch.from_numpy(item.image).permute(2, 0, 1) for item in cuts.values()]
        found = detect(self.model, [image.to(self.device).float() / 255 for image in images])
        return {
            number: to_frame(item, people)
            for (number, item), people in zip(cuts.items(), found, strict=True)
        }


def _boxes(walk: Sequence, numbers: Collection[int]) -> dict[int, Box]:
    """Returns the box of each of these silhouettes that can be read and shows somebody."""
    images = read_silhouettes(walk.silhouettes, stage=STAGE, rejects=[], numbers=numbers)
    boxes = {number: box(image) for number, image in images}
    return {number: found for number, found in boxes.items() if found is not None}
