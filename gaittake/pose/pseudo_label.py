"""Pseudo-labels: what the teacher sees in the RGB frames, for the silhouettes to be learnt from."""

import logging
from pathlib import Path

import numpy as np
import torch
from torchvision.models.detection import KeypointRCNN

from gaittake.io.checkpoint import file_digest
from gaittake.io.frames import frame_files, read_silhouette, read_video
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.io.tables import read_sequences, write_rejects
from gaittake.pose.detector import load_detector
from gaittake.pose.labelled import ARRAYS, Labelled, append_walk
from gaittake.pose.locate import Detections, detect
from gaittake.pose.match import Box, best_shift, match_walker, overlaps_by_shift
from gaittake.sequence import Reject, Sequence
from gaittake.silhouette import box
from gaittake.stages import PseudoLabelStage, canonical

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
            append_walk(writer, walk, labeller.label(walk, shift, refused))
            advance(1, note=f"{len(refused)} frames refused")
    write_rejects(refused, rejects)


def _walks_with_video(
    index: Path, subjects: tuple[str, ...], rejects: list[Reject]
) -> list[Sequence]:
    walks = [walk for walk in read_sequences(index) if walk.subject in set(subjects)]
    for walk in walks:
        if walk.video is None:
            rejects.append(Reject(STAGE, str(walk.silhouettes), "no video of this walk"))
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
            silhouettes = _boxes({n: path for n, path in files if n in near})
            detections = {n: found.boxes for n, found in self._detect(walk, chosen, []).items()}
            found = overlaps_by_shift(silhouettes, detections, max_shift=most)
            for shift, values in found.items():
                pooled[shift] += values
        return pooled

    def label(self, walk: Sequence, shift: int, rejects: list[Reject]) -> list[Labelled]:
        """Returns the labels of one walk; refused frames go to `rejects`."""
        rules = self.settings.pseudo_label
        chosen = dict(frame_files(walk.silhouettes)[:: rules.every])
        silhouettes = _boxes(chosen)
        detections = self._detect(walk, {n + shift for n in silhouettes}, rejects)
        labels = []
        for number, path in chosen.items():
            outcome: int | str = "unreadable or empty silhouette"
            if number in silhouettes:
                found = detections.get(number + shift)
                outcome = "no video frame of this silhouette"
                if found is not None:
                    outcome = match_walker(
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
            labels.append(Labelled(number, silhouettes[number], keypoints))
        return labels

    def _detect(
        self, walk: Sequence, numbers: set[int], rejects: list[Reject]
    ) -> dict[int, Detections]:
        """Returns the people in the video frames of these numbers, as far as there are such."""
        assert walk.video is not None
        found: dict[int, Detections] = {}
        frames: dict[int, torch.Tensor] = {}

        def flush() -> None:
            images = [f.to(self.device).float() / 255 for f in frames.values()]
            if images:
                found.update(zip(frames, detect(self.model, images), strict=True))
            frames.clear()

        for number, image in read_video(walk.video, stage=STAGE, rejects=rejects):
            if number in numbers:
                frames[number] = torch.from_numpy(image).permute(2, 0, 1)
            if len(frames) == self.settings.batch:
                flush()
        flush()
        return found


def _boxes(files: dict[int, Path]) -> dict[int, Box]:
    """Returns the box of each silhouette that can be read and shows somebody."""
    images = {number: read_silhouette(path) for number, path in files.items()}
    boxes = {n: box(image) for n, image in images.items() if image is not None}
    return {n: found for n, found in boxes.items() if found is not None}
