"""The student: the teacher, fine-tuned to find the keypoints in silhouettes."""

from pathlib import Path

import numpy as np
import torch

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.io.checkpoint import Checkpoints, file_digest, identity_of
from gaittake.io.frames import frame_files, read_silhouette
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_sequences
from gaittake.pose.augment import Mirrored, Sample, Samples
from gaittake.pose.crop import CroppedSamples
from gaittake.pose.detector import load_detector, save_detector
from gaittake.pose.optimise import train_detector
from gaittake.sequence import name_of
from gaittake.settings import FinetuneStage, decisive


class LabelledSilhouettes:
    """Silhouettes with pseudo-labels, as training samples; images are read on access.

    Args:
        pseudo_labels: the shards' pseudo-labels.
        index: the shards' sequence tables.
        subjects: the subjects to train on; silhouettes of other subjects are never opened.

    Attributes:
        subjects: the subject of each sample.
        paths: the address of each sample's silhouette.

    Raises:
        UserError: these subjects have no labels, or the files do not belong together.
    """

    def __init__(
        self, *, pseudo_labels: list[Path], index: list[Path], subjects: tuple[str, ...]
    ) -> None:
        wanted = set(subjects)
        sequences = {s.name: s for path in index for s in read_sequences(path)}
        self.subjects: list[str] = []
        self.paths: list[Path] = []
        self._masks: list[str] = []
        self._boxes: list[Float32s] = []
        self._keypoints: list[Float32s] = []
        for path in pseudo_labels:
            with open_ragged(path, kind="pseudo_labels") as labels:
                for row in labels.sequences.to_dict("records"):
                    if row["subject"] not in wanted or not row["frame_count"]:
                        continue
                    name = name_of(row["subject"], row["type"], row["view"])
                    if name not in sequences:
                        raise UserError(
                            f"{path}: {name} has labels but is in no sequence table. Delete the "
                            "file and run the same command again to recreate it."
                        )
                    rows = (row["first_frame"], row["frame_count"])
                    files = dict(frame_files(sequences[name].silhouettes))
                    self.subjects += [row["subject"]] * row["frame_count"]
                    self.paths += [files[int(n)] for n in labels.read("frame", *rows)]
                    self._masks += [sequences[name].masks] * row["frame_count"]
                    self._boxes.append(labels.read("boxes", *rows))
                    self._keypoints.append(labels.read("keypoints", *rows))
        if not self.paths:
            raise UserError(
                f"finetune: no pseudo-label for {len(subjects)} training subjects in "
                f"{len(pseudo_labels)} files. Their .rejects.csv list the reasons; change "
                "pose.pseudo_label (limits) or pose.teacher (training of the teacher)."
            )
        self.boxes: Float32s = np.concatenate(self._boxes)
        self.keypoints: Float32s = np.concatenate(self._keypoints)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        image = read_silhouette(self.paths[index], masks=self._masks[index])
        if image is None:
            raise UserError(
                f"{self.paths[index]}: this silhouette has a label but is no longer readable. "
                "Restore it, or recreate the index."
            )
        return Sample(np.repeat(image[..., None], 3, -1), self.boxes[index], self.keypoints[index])


def finetune_student(
    settings: FinetuneStage,
    *,
    pseudo_labels: list[Path],
    index: list[Path],
    teacher: Path,
    checkpoints: Path,
    out: Path,
    device: torch.device,
    code: str,
) -> None:
    """Writes the detector that finds keypoints in silhouettes.

    Args:
        settings: training uses only `settings.subjects`: neither test subjects nor subjects that
            `quality` evaluates.
        pseudo_labels: the shards' pseudo-labels.
        index: the shards' sequence tables.
        teacher: the initial weights. ASSUME: the student starts from the teacher's
            weights; the paper only says that it is trained.
        checkpoints: folder of the training's checkpoint.
        out: the student's file.
        device: the device to train on.
        code: digest of the code of this stage.

    Raises:
        UserError: no labels, files that do not belong together, or a loss that is not finite.
    """
    model = load_detector(teacher, settings.detector)
    samples: Samples = LabelledSilhouettes(
        pseudo_labels=pseudo_labels, index=index, subjects=settings.subjects
    )
    given = settings.boxes == "silhouette"
    if given:
        samples = CroppedSamples(samples, settings.detector, smooth=False)
    if settings.training.mirror:
        samples = Mirrored(samples)
    inputs = [file_digest(path) for path in (*pseudo_labels, *index, teacher)]
    identity = identity_of("finetune", decisive(settings), *inputs, code)
    with Checkpoints(checkpoints, identity) as saved:
        train_detector(
            model,
            samples,
            training=settings.training,
            seed=settings.seed,
            colour=False,
            detect_every=0 if given else 1,
            what="finetune",
            checkpoints=saved,
            device=device,
        )
    save_detector(model.cpu(), settings.detector, out, finds_people=not given)
