"""The keypoint R-CNN of the teacher and the student: built, saved and loaded."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection import KeypointRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops import FrozenBatchNorm2d

from gaittake.errors import UserError
from gaittake.io.torch_file import load_torch, save_torch
from gaittake.keypoints import NAMES
from gaittake.pose.small import build_small
from gaittake.settings import Detector

# conv1 and layer1 keep their published weights, as in torchvision's own fine-tuning.
TRAINED_LAYERS = 3


def build_detector(settings: Detector) -> KeypointRCNN:
    """Returns the detector with fresh weights.

    `resnet50` is torchvision's `keypointrcnn_resnet50_fpn` as it is built around its published
    weights: same keys and shapes, batch norms frozen, with eps 0.
    Both take RGB in 0…1 (a silhouette as three equal channels) and normalise it by the same
    constants.
    """
    sizes = {"min_size": settings.min_size, "max_size": settings.max_size}
    if settings.backbone == "small":
        model = build_small(keypoints=len(NAMES), **sizes)
        # Its convolutions of few channels run faster so on a CPU.
        model.backbone.to(memory_format=torch.channels_last)
        return model
    backbone = resnet_fpn_backbone(
        backbone_name="resnet50",
        weights=None,
        norm_layer=partial(FrozenBatchNorm2d, eps=0.0),
        trainable_layers=TRAINED_LAYERS,
    )
    return KeypointRCNN(backbone, num_classes=2, num_keypoints=len(NAMES), **sizes)


def save_detector(model: KeypointRCNN, settings: Detector, path: Path) -> None:
    """Writes the settings and weights, whole or not at all."""
    content = {"detector": settings.model_dump(mode="json"), "state": model.state_dict()}
    save_torch(content, path)


def load_detector(path: Path, settings: Detector) -> KeypointRCNN:
    """Returns the detector of a file that `save_detector` wrote, on the CPU.

    The sizes at which images are looked at are those of `settings`: they are not learnt.

    Raises:
        UserError: no such file, not such a file, or weights of another network.
    """
    content = read_weights(path)
    if not isinstance(content.get("detector"), Mapping) or "state" not in content:
        raise UserError(
            f"{path}: a detector of this pipeline is needed, found {sorted(content)[:3]}. "
            "Delete it and run the same command again: it is made anew."
        )
    found = content["detector"].get("backbone")
    if found != settings.backbone:
        raise UserError(
            f"{path}: pose.detector.backbone '{settings.backbone}' is needed, this file holds "
            f"'{found}'. Set pose.detector as in the settings of the dataset that made the file."
        )
    model = build_detector(settings)
    load_state(model, content["state"], path)
    return model


def read_weights(path: Path) -> dict[str, Any]:
    """Returns the content of a weights file, on the CPU; no code in it is run.

    Raises:
        UserError: no such file, or it is not a file of named weights.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; a detector's weights are needed here.")
    try:
        content = load_torch(path)
    except ValueError as error:
        raise UserError(
            f"{path}: not a weights file that can be read safely ({error}). If a stage made it, "
            "delete it and run the same command again; else a file of "
            "torch.save(model.state_dict(), path) is needed."
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: named weights are needed, found a {type(content).__name__}.")
    return content


def load_state(model: KeypointRCNN, state: Mapping[str, Tensor], path: Path) -> None:
    """Puts weights into the model.

    Raises:
        UserError: weights are missing, unexpected, or of another shape; the first are named.
    """
    remedy = (
        "pose.detector.backbone must be the network that the file was trained with, for one class "
        f"beside the background and {len(NAMES)} keypoints."
    )
    try:
        # torchvision renames the keys of its older files while loading, so ask it what is left.
        missing, unexpected = model.load_state_dict(state, strict=False)
    except (RuntimeError, AttributeError, TypeError) as error:
        reason = "; ".join(_misshapen(model, state)) or " ".join(str(error).split())[:200]
        raise UserError(f"{path}: weights of another network: {reason}. {remedy}") from error
    if missing or unexpected:
        raise UserError(
            f"{path}: weights of another network: {len(missing)} missing (first: {missing[:3]}), "
            f"{len(unexpected)} unexpected (first: {unexpected[:3]}). {remedy}"
        )


def _misshapen(model: KeypointRCNN, state: object) -> list[str]:
    """Returns what is wrong with the first three weights that have another shape."""
    if not isinstance(state, Mapping):
        return []
    shapes = [
        (name, tuple(value.shape), tuple(getattr(state[name], "shape", ())))
        for name, value in model.state_dict().items()
        if name in state
    ]
    return [
        f"{name} has shape {found}, {needed} is needed"
        for name, needed, found in shapes
        if needed != found
    ][:3]
