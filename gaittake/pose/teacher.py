"""The teacher: published COCO weights, a weights file, or a detector trained on rendered people."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.io.checkpoint import Checkpoints, identity_of
from gaittake.io.coco import published_weights
from gaittake.pose.augment import Mirrored, Sample, Samples
from gaittake.pose.crop import CroppedSamples
from gaittake.pose.detector import (
    build_detector,
    check_finds_people,
    load_state,
    read_weights,
    save_detector,
)
from gaittake.pose.optimise import train_detector
from gaittake.pose.vision import KeypointRCNN, KeypointRCNN_ResNet50_FPN_Weights
from gaittake.settings import TeacherStage, decisive
from gaittake.silhouette import Image
from gaittake.sources.walkers.dataset import render_people

# It learns to detect people in every second step only, which is a quarter faster: that there is a
# person is easier to learn than where the keypoints are.
DETECT_EVERY = 2


class People:
    """Rendered people as training samples, in memory as uint8.

    Args:
        images: `[n, rows, columns, 3]` uint8 RGB.
        keypoints: `[n, 17, 2]` pixels.
        boxes: `[n, 4]` x1, y1, x2, y2 in pixels.
    """

    def __init__(
        self,
        images: Image,
        keypoints: Float32s,
        boxes: Float32s,
    ) -> None:
        self.images = images
        self.boxes = boxes
        # Hidden keypoints count too, as in COCO's labels: their position can be inferred.
        self.keypoints = np.concatenate([keypoints, np.ones_like(keypoints[..., :1])], axis=-1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:
        return Sample(self.images[index], self.boxes[index], self.keypoints[index])


def train_teacher(
    settings: TeacherStage, *, checkpoints: Path, out: Path, device: torch.device, code: str
) -> None:
    """Writes the detector that labels colour frames.

    Args:
        settings: `weights` is `coco`, `walkers` (rendered people) or the path of a weights file.
        checkpoints: folder of the training's checkpoint (`walkers` only).
        out: the teacher's file.
        device: the device to train on.
        code: digest of the code of this stage.

    Raises:
        UserError: the weights are not available, or are of another network.
    """
    if settings.weights == "walkers":
        model = _train_on_rendered_people(settings, checkpoints, device, code)
    else:
        if settings.weights == "coco":
            state, path = coco_weights(settings.detector.backbone)
        else:
            state, path = local_weights(Path(settings.weights))
        model = build_detector(settings.detector)
        load_state(model, state, path)
    save_detector(model.cpu(), settings.detector, out)


def local_weights(path: Path) -> tuple[Mapping[str, Tensor], Path]:
    """Returns the weights in a user's file, and its path.

    Args:
        path: a state dict, as torchvision's, or a detector of this pipeline.

    Raises:
        UserError: the file does not exist, has no named weights, or is a student that finds no
            people.
    """
    if not path.is_file():
        raise UserError(
            f"{path}: no such file, but pose.teacher_weights names it. Copy it there, or set "
            "'coco' (torchvision's published weights) or 'walkers' (trained on rendered people)."
        )
    content = read_weights(path)
    check_finds_people(content, path)
    return content.get("state", content), path


def coco_weights(backbone: str) -> tuple[Mapping[str, Tensor], Path]:
    """Returns torchvision's COCO weights, and the path of their file.

    Args:
        backbone: of the detector to load them into.

    Raises:
        UserError: the weights are of another backbone, or not available (`published_weights`).
    """
    if backbone != "resnet50":
        raise UserError(
            f"pose.detector.backbone '{backbone}': the published COCO weights are of 'resnet50'. "
            "Set that, or set pose.teacher_weights to 'walkers' or to a file of this backbone."
        )
    weights = KeypointRCNN_ResNet50_FPN_Weights.COCO_V1
    return published_weights(weights, instead="set pose.teacher_weights to its path")


def _train_on_rendered_people(
    settings: TeacherStage, checkpoints: Path, device: torch.device, code: str
) -> KeypointRCNN:
    if settings.detector.backbone != "small":
        raise UserError(
            f"pose.detector.backbone '{settings.detector.backbone}': a teacher trained on rendered "
            "people requires 'small'. Set that, or set pose.teacher_weights to 'coco'."
        )
    images, _, keypoints, _, boxes = render_people(settings.walkers, settings.people, settings.seed)
    samples: Samples = People(images, keypoints, boxes)
    if settings.boxes == "silhouette":
        samples = CroppedSamples(samples, settings.detector, smooth=True)
    if settings.training.mirror:
        samples = Mirrored(samples)
    torch.manual_seed(settings.seed)
    model = build_detector(settings.detector)
    with Checkpoints(checkpoints, identity_of("teacher", decisive(settings), code)) as saved:
        train_detector(
            model,
            samples,
            training=settings.training,
            seed=settings.seed,
            colour=True,
            detect_every=DETECT_EVERY,
            what="teacher",
            checkpoints=saved,
            device=device,
        )
    return model
