"""The keypoint R-CNN of the teacher and the student: building, saving and loading."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gaittake.errors import UserError
from gaittake.io.torch_file import load_torch, save_torch
from gaittake.keypoints import NAMES
from gaittake.pose.small import build_small
from gaittake.pose.vision import FrozenBatchNorm2d, KeypointRCNN, resnet_fpn_backbone
from gaittake.settings import Detector

# conv1 and layer1 keep their published weights, as in torchvision's fine-tuning.
TRAINED_LAYERS = 3


class FrozenNorm(FrozenBatchNorm2d):  # type: ignore[misc]
    """A frozen batch norm whose output has the dtype of its input.

    torchvision's returns float32 for bfloat16, which doubles the memory of the feature maps.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Returns the normalised features `[n, c, h, w]`."""
        found: Tensor = super().forward(x)
        return found.to(x.dtype)


def build_detector(settings: Detector) -> KeypointRCNN:
    """Returns the detector with untrained weights.

    `resnet50` is torchvision's `keypointrcnn_resnet50_fpn` as for its published weights: the same
    keys and shapes, frozen batch norms, eps 0. Both backbones take RGB in 0…1 (a silhouette as
    three equal channels) and normalise it by the same constants.
    """
    sizes = {"min_size": settings.min_size, "max_size": settings.max_size}
    if settings.backbone == "small":
        model = build_small(keypoints=len(NAMES), **sizes)
        # Convolutions of few channels run faster with channels last on a CPU.
        model.backbone.to(memory_format=torch.channels_last)
        return model
    backbone = resnet_fpn_backbone(
        backbone_name="resnet50",
        weights=None,
        norm_layer=partial(FrozenNorm, eps=0.0),
        trainable_layers=TRAINED_LAYERS,
    )
    return KeypointRCNN(backbone, num_classes=2, num_keypoints=len(NAMES), **sizes)


def save_detector(
    model: KeypointRCNN, settings: Detector, path: Path, *, finds_people: bool = True
) -> None:
    """Writes the detector's settings and weights atomically.

    Args:
        model: the detector.
        settings: its network.
        path: of the file.
        finds_people: False if it was trained to find keypoints in given boxes alone.
    """
    content = {"detector": settings.model_dump(mode="json"), "state": model.state_dict()}
    save_torch(content | {"finds_people": finds_people}, path)


def load_detector(path: Path, settings: Detector, *, to_find_people: bool = False) -> KeypointRCNN:
    """Returns the detector in a file of `save_detector`, on the CPU.

    The input size comes from `settings`, not from the file: it is not trained.

    Args:
        path: of the file.
        settings: the network that is required.
        to_find_people: refuse a detector that was trained in given boxes alone.

    Raises:
        UserError: the file does not exist, is not a detector, is of another network, or does not
            find people.
    """
    content = read_weights(path)
    if not isinstance(content.get("detector"), Mapping) or "state" not in content:
        raise UserError(
            f"{path}: a detector of this pipeline is required, found {sorted(content)[:3]}. "
            "Delete it and run the same command again to recreate it."
        )
    found = content["detector"].get("backbone")
    if found != settings.backbone:
        raise UserError(
            f"{path}: a detector with backbone '{settings.backbone}' is required, this one has "
            f"'{found}'. Set pose.detector as in the dataset that this file comes from."
        )
    if to_find_people:
        check_finds_people(content, path)
    model = build_detector(settings)
    load_state(model, content["state"], path)
    return model


def check_finds_people(content: Mapping[str, Any], path: Path) -> None:
    """Raises UserError if the file's detector was trained in given boxes alone."""
    if not content.get("finds_people", True):
        raise UserError(
            f"{path}: this student was trained with pose.boxes 'silhouette'. It finds keypoints in "
            "a silhouette's box, not people in a frame. Set pose.boxes: silhouette where it "
            "predicts; as teacher, use a detector that finds people."
        )


def read_weights(path: Path) -> dict[str, Any]:
    """Returns the content of a weights file, on the CPU; runs no code from the file.

    Raises:
        UserError: the file does not exist, or has no named weights.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; a detector's weights are required.")
    try:
        content = load_torch(path)
    except ValueError as error:
        raise UserError(
            f"{path}: not a weights file that can be read safely ({error}). If a stage wrote it, "
            "delete it and run the same command again; otherwise use a file of "
            "torch.save(model.state_dict(), path)."
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: named weights are required, found a {type(content).__name__}.")
    return content


def load_state(model: KeypointRCNN, state: Mapping[str, Tensor], path: Path) -> None:
    """Loads weights into the model.

    Raises:
        UserError: weights are missing, unexpected, or of another shape; names the first ones.
    """
    fix = (
        "pose.detector.backbone must be the network of the file; it needs one class besides the "
        f"background, and {len(NAMES)} keypoints."
    )
    try:
        # torchvision renames the keys of its older files on loading, so compare keys after that.
        missing, unexpected = model.load_state_dict(state, strict=False)
    except (RuntimeError, AttributeError, TypeError) as error:
        reason = "; ".join(_wrong_shapes(model, state)) or " ".join(str(error).split())[:200]
        raise UserError(f"{path}: weights of another network: {reason}. {fix}") from error
    if missing or unexpected:
        raise UserError(
            f"{path}: weights of another network: {len(missing)} missing (first: {missing[:3]}), "
            f"{len(unexpected)} unexpected (first: {unexpected[:3]}). {fix}"
        )


def _wrong_shapes(model: KeypointRCNN, state: object) -> list[str]:
    """Returns a description of the first three weights with another shape."""
    if not isinstance(state, Mapping):
        return []
    shapes = [
        (name, tuple(value.shape), tuple(getattr(state[name], "shape", ())))
        for name, value in model.state_dict().items()
        if name in state
    ]
    return [
        f"{name} has shape {found}, {needed} is required"
        for name, needed, found in shapes
        if needed != found
    ][:3]
