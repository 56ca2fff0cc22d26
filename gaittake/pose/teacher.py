"""The teacher: published COCO weights, a file of weights, or a detector of rendered people."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.models.detection import KeypointRCNN, KeypointRCNN_ResNet50_FPN_Weights

from gaittake.errors import UserError
from gaittake.io.checkpoint import Checkpoints, identity_of
from gaittake.io.coco import published_weights
from gaittake.pose.augment import Sample
from gaittake.pose.crop import CutSamples
from gaittake.pose.detector import build_detector, load_state, read_weights, save_detector
from gaittake.pose.mirror import Mirrored
from gaittake.pose.optimise import Samples, train_detector
from gaittake.settings import TeacherStage, canonical
from gaittake.sources.walkers.dataset import render_people


class People:
    """Rendered people as training samples, held as uint8.

    Args:
        images: `[n, rows, columns, 3]` uint8 RGB.
        joints: `[n, 17, 2]` pixels.
        boxes: `[n, 4]` x1, y1, x2, y2 in pixels.
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8],
        joints: npt.NDArray[np.float32],
        boxes: npt.NDArray[np.float32],
    ) -> None:
        self.images = images
        self.boxes = boxes
        # Hidden joints are learnt too, as COCO's labels have them: their place can be inferred.
        self.keypoints = np.concatenate([joints, np.ones_like(joints[..., :1])], axis=-1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:
        return Sample(self.images[index], self.boxes[index], self.keypoints[index])


def train_teacher(
    settings: TeacherStage, *, checkpoints: Path, out: Path, device: torch.device
) -> None:
    """Writes the detector that labels RGB frames.

    Args:
        settings: `weights` is `coco`, `walkers`, or the path of a weights file.
        checkpoints: folder of the training's progress (walkers only).
        out: the teacher's file.
        device: where to compute.

    Raises:
        UserError: the weights cannot be had, or are those of another network.
    """
    if settings.weights == "walkers":
        model = _train_on_walkers(settings, checkpoints, device)
    else:
        if settings.weights == "coco":
            state, path = coco_weights(settings.detector.backbone)
        else:
            state, path = local_weights(Path(settings.weights))
        model = build_detector(settings.detector)
        load_state(model, state, path)
    save_detector(model.cpu(), settings.detector, out)


def local_weights(path: Path) -> tuple[Mapping[str, Tensor], Path]:
    """Returns the weights of a user's file and its path.

    Args:
        path: of bare weights, as torchvision's, or of a detector of this pipeline.

    Raises:
        UserError: no such file, or it is not a file of named weights.
    """
    if not path.is_file():
        raise UserError(
            f"{path}: pose.teacher_weights names this file, and there is none. Put it there, or "
            "set 'coco' (torchvision's published weights) or 'walkers' (trained here)."
        )
    content = read_weights(path)
    return content.get("state", content), path


def coco_weights(backbone: str) -> tuple[Mapping[str, Tensor], Path]:
    """Returns torchvision's weights of COCO, and the file that they lie in.

    Args:
        backbone: of the detector that needs them.

    Raises:
        UserError: the weights are of another backbone, or cannot be had: see `published_weights`.
    """
    if backbone != "resnet50":
        raise UserError(
            f"pose.detector.backbone '{backbone}': the published COCO weights are of 'resnet50'. "
            "Set it, or set pose.teacher_weights to 'walkers' or to a file of this backbone."
        )
    weights = KeypointRCNN_ResNet50_FPN_Weights.COCO_V1
    return published_weights(weights, instead="name its path in pose.teacher_weights")


def _train_on_walkers(
    settings: TeacherStage, checkpoints: Path, device: torch.device
) -> KeypointRCNN:
    if settings.detector.backbone != "small":
        raise UserError(
            f"pose.detector.backbone '{settings.detector.backbone}': a teacher trained from "
            "scratch on rendered people needs 'small'. Set it, or pose.teacher_weights to 'coco'."
        )
    images, _, joints, _, boxes = render_people(settings.walkers, settings.people, settings.seed)
    samples: Samples = People(images, joints, boxes)
    if settings.boxes == "silhouette":
        samples = CutSamples(samples, settings.detector, smooth=True)
    if settings.training.mirror:
        samples = Mirrored(samples)
    torch.manual_seed(settings.seed)
    model = build_detector(settings.detector)
    with Checkpoints(checkpoints, identity_of("teacher", canonical(settings))) as saved:
        train_detector(
            model,
            samples,
            training=settings.training,
            seed=settings.seed,
            colour=True,
            what="teacher",
            checkpoints=saved,
            device=device,
        )
    return model
