"""The student: the teacher's network, fine-tuned to find the joints in silhouettes."""

from pathlib import Path

import numpy as np
import torch

from gaittake.errors import UserError
from gaittake.io.checkpoint import Checkpoints, file_digest, identity_of
from gaittake.io.frames import frame_files, read_silhouette
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_sequences
from gaittake.pose.augment import Floats, Sample
from gaittake.pose.crop import CutSamples
from gaittake.pose.detector import load_detector, save_detector
from gaittake.pose.mirror import Mirrored
from gaittake.pose.optimise import Samples, train_detector
from gaittake.sequence import name_of
from gaittake.settings import FinetuneStage, canonical


class LabelledSilhouettes:
    """Silhouettes with pseudo-labels of some subjects; images are read when asked for.

    Args:
        pseudo_labels: files of labels.
        index: the sequence tables that say where the silhouettes are.
        subjects: whose labels are taken; nobody else's silhouette is ever opened.

    Attributes:
        subjects: the subject of each sample.
        paths: the silhouette's file of each sample.

    Raises:
        UserError: there is not a single label of these subjects, or the files do not belong
            together.
    """

    def __init__(
        self, *, pseudo_labels: list[Path], index: list[Path], subjects: tuple[str, ...]
    ) -> None:
        wanted = set(subjects)
        walks = {w.name: w for path in index for w in read_sequences(path) if w.subject in wanted}
        self.subjects: list[str] = []
        self.paths: list[Path] = []
        self._boxes: list[Floats] = []
        self._keypoints: list[Floats] = []
        for path in pseudo_labels:
            with open_ragged(path, kind="pseudo_labels") as labels:
                for row in labels.sequences.to_dict("records"):
                    if row["subject"] not in wanted or not row["frame_count"]:
                        continue
                    name = name_of(row["subject"], row["condition"], row["number"], row["view"])
                    if name not in walks:
                        raise UserError(
                            f"{path}: {name} has labels but is in none of the sequence tables. "
                            "Delete the file and run the same command again: it is made anew."
                        )
                    rows = (row["first_frame"], row["frame_count"])
                    files = dict(frame_files(walks[name].silhouettes))
                    self.subjects += [row["subject"]] * row["frame_count"]
                    self.paths += [files[int(n)] for n in labels.read("frame", *rows)]
                    self._boxes.append(labels.read("boxes", *rows))
                    self._keypoints.append(labels.read("keypoints", *rows))
        if not self.paths:
            raise UserError(
                f"finetune: no pseudo-label of {len(subjects)} training subjects in "
                f"{len(pseudo_labels)} files; their .rejects.csv say why frames were refused. "
                "pose.pseudo_label has the limits, pose.teacher how the teacher is trained."
            )
        self.boxes: Floats = np.concatenate(self._boxes)
        self.keypoints: Floats = np.concatenate(self._keypoints)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        image = read_silhouette(self.paths[index])
        if image is None:
            raise UserError(
                f"{self.paths[index]}: a silhouette that has a label cannot be read any more. "
                "Restore it, or make the index anew."
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
) -> None:
    """Writes the detector that finds joints in silhouettes.

    Args:
        settings: only `settings.subjects` are learnt from; they hold no test subject and nobody
            whom `quality` measures on.
        pseudo_labels: the shards' labels.
        index: the shards' sequence tables.
        teacher: the weights to start from.
        checkpoints: folder of the training's progress.
        out: the student's file.
        device: where to compute.

    Raises:
        UserError: no labels, files that do not fit, or a training that diverges.
    """
    model = load_detector(teacher, settings.detector)
    samples: Samples = LabelledSilhouettes(
        pseudo_labels=pseudo_labels, index=index, subjects=settings.subjects
    )
    if settings.boxes == "silhouette":
        samples = CutSamples(samples, settings.detector, smooth=False)
    if settings.training.mirror:
        samples = Mirrored(samples)
    inputs = [file_digest(path) for path in (*pseudo_labels, *index, teacher)]
    identity = identity_of("finetune", canonical(settings), *inputs)
    with Checkpoints(checkpoints, identity) as saved:
        train_detector(
            model,
            samples,
            training=settings.training,
            seed=settings.seed,
            colour=False,
            what="finetune",
            checkpoints=saved,
            device=device,
        )
    save_detector(model.cpu(), settings.detector, out)
