"""The teacher: published COCO weights, a file of weights, or a detector of rendered people."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torchvision.models.detection import KeypointRCNN, KeypointRCNN_ResNet50_FPN_Weights

from gaittake.errors import UserError
from gaittake.io.checkpoint import Checkpoints, identity_of
from gaittake.pose.augment import Sample
from gaittake.pose.detector import build_detector, load_state, read_weights, save_detector
from gaittake.pose.optimise import train_detector
from gaittake.sources.walkers.dataset import render_people
from gaittake.stages import TeacherStage, canonical


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
        model = build_detector(settings.detector)
        if settings.weights == "coco":
            _load_published(model, settings.detector.backbone)
        else:
            path = Path(settings.weights)
            content = read_weights(path)
            load_state(model, content.get("state", content), path)
    save_detector(model.cpu(), settings.detector, out)


def _load_published(model: KeypointRCNN, backbone: str) -> None:
    if backbone != "resnet50":
        raise UserError(
            f"pose.detector.backbone '{backbone}': the published COCO weights are of 'resnet50'. "
            "Set it, or set pose.teacher_weights to 'walkers' or to a file of this backbone."
        )
    weights = KeypointRCNN_ResNet50_FPN_Weights.COCO_V1
    file = Path(weights.url).name
    place = Path(torch.hub.get_dir()) / "checkpoints" / file
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{weights.url}: torchvision's COCO weights could not be had ({reason}). Download "
            f"this file where there is a network and put it at {place}, or name its path in "
            "pose.teacher_weights."
        ) from error
    load_state(model, state, place)


def _train_on_walkers(
    settings: TeacherStage, checkpoints: Path, device: torch.device
) -> KeypointRCNN:
    if settings.detector.backbone != "small":
        raise UserError(
            f"pose.detector.backbone '{settings.detector.backbone}': a teacher trained from "
            "scratch on rendered people needs 'small'. Set it, or pose.teacher_weights to 'coco'."
        )
    images, _, joints, _, boxes = render_people(settings.walkers, settings.people, settings.seed)
    torch.manual_seed(settings.seed)
    model = build_detector(settings.detector)
    with Checkpoints(checkpoints, identity_of("teacher", canonical(settings))) as saved:
        train_detector(
            model,
            People(images, joints, boxes),
            training=settings.training,
            seed=settings.seed,
            colour=True,
            what="teacher",
            checkpoints=saved,
            device=device,
        )
    return model
