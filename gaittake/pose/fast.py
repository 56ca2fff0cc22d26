"""Faster detectors: heavy parts in bfloat16; for prediction also norms folded, channels last."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from gaittake.device import autocast, has_bfloat16
from gaittake.pose.vision import FrozenBatchNorm2d, KeypointRCNN

Norm = nn.BatchNorm2d | FrozenBatchNorm2d
Features = Tensor | dict[str, Tensor]


class InBfloat16(nn.Module):
    """A part of the detector that computes in bfloat16, with float32 input and output.

    Boxes, anchors and heatmap peaks need float32: a bfloat16 near 130 is off by up to 0.5.

    Args:
        part: a backbone, which returns features by level, or a head.
    """

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part.bfloat16()

    def forward(self, x: Tensor) -> Features:
        """Returns the output of the part, as float32."""
        return _float32(self.part(x.bfloat16()))


def _float32(found: Features) -> Features:
    """Returns features as float32."""
    if isinstance(found, dict):
        return {level: features.float() for level, features in found.items()}
    return found.float()


@contextmanager
def autocast_heavy_parts(
    model: KeypointRCNN, device: torch.device, precision: str
) -> Iterator[None]:
    """Within the block, backbone, heads and the heatmaps' convolution compute under autocast.

    Their outputs are float32, and so is all other computation: proposals, losses, NMS.

    Args:
        model: the detector.
        device: the device it computes on.
        precision: `auto`: bfloat16 if the device supports it; `float32`: no autocast.
    """

    def cast(forward: Callable[[Tensor], Features]) -> Callable[[Tensor], Features]:
        def in_autocast(x: Tensor) -> Features:
            with autocast(device, precision):
                found = forward(x)
            return _float32(found)

        return in_autocast

    heads = model.roi_heads
    heatmaps = heads.keypoint_predictor.kps_score_lowres
    parts = (model.backbone, heads.box_head, heads.keypoint_head, heatmaps)
    for part in parts:
        part.forward = cast(part.forward)
    try:
        yield
    finally:
        for part in parts:
            del part.forward  # the class's method again


def for_prediction(model: KeypointRCNN, precision: str) -> KeypointRCNN:
    """Returns a copy of the detector that predicts faster and cannot be trained.

    Args:
        model: on the device where it will compute.
        precision: `auto`: the backbone and the box and keypoint heads, which take nearly all of the
            time, compute in bfloat16 if the device supports it; `float32`: all of it in float32,
            with the model's results up to rounding.
    """
    ready = copy.deepcopy(model).eval()
    fold_norms(ready)
    ready.requires_grad_(False)
    heads = ready.roi_heads
    if precision == "auto" and has_bfloat16(next(ready.parameters()).device):
        ready.backbone = InBfloat16(ready.backbone)
        heads.box_head = InBfloat16(heads.box_head)
        heads.keypoint_head = InBfloat16(heads.keypoint_head)
    return ready.to(memory_format=torch.channels_last)


def fold_norms(module: nn.Module) -> None:
    """Folds each batch norm that follows a convolution into the convolution, in place.

    `torch.nn.utils.fusion.fuse_conv_bn_eval` does not support `FrozenBatchNorm2d`.
    """
    for child in module.children():
        fold_norms(child)
    for (_, convolution), (name, norm) in pairwise(list(module.named_children())):
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, Norm):
            mean, variance = norm.running_mean, norm.running_var
            convolution.weight, convolution.bias = fuse_conv_bn_weights(
                convolution.weight, convolution.bias, mean, variance, norm.eps,
                norm.weight, norm.bias,
            )  # fmt: skip
            setattr(module, name, nn.Identity())
