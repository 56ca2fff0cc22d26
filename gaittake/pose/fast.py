"""The detector made ready to predict: norms folded away, channels last, bfloat16 where it pays."""

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torchvision.models.detection import KeypointRCNN
from torchvision.ops import FrozenBatchNorm2d

from gaittake.device import has_bfloat16

Norm = nn.BatchNorm2d | FrozenBatchNorm2d


class InBfloat16(nn.Module):
    """A part of the detector that computes in bfloat16; what goes in and comes out is float32.

    Boxes, anchors and the heatmaps' peaks need float32: a bfloat16 of 130 is off by up to 0.5.

    Args:
        part: a backbone, which returns features by level, or a head.
    """

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part.bfloat16()

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        """Returns what the part returns, in float32."""
        found: Tensor | dict[str, Tensor] = self.part(x.bfloat16())
        if isinstance(found, dict):
            return {level: features.float() for level, features in found.items()}
        return found.float()


def for_prediction(model: KeypointRCNN, precision: str) -> KeypointRCNN:
    """Returns a copy of the detector that finds the same joints in less time; it cannot be trained.

    Args:
        model: on the device where it is to compute.
        precision: `auto`: the backbone and the heads of boxes and keypoints, which take nearly all
            the time, in bfloat16 where the device multiplies in it; `float32`: the model's results
            to rounding.
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
    """Puts each batch norm that follows a convolution into that convolution's weights, in place.

    In evaluation a norm is one factor and one offset a channel: y = (x - mean) / sqrt(variance +
    eps) * weight + bias.
    """
    for child in module.children():
        fold_norms(child)
    for (_, convolution), (name, norm) in pairwise(list(module.named_children())):
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, Norm):
            state = norm.state_dict()
            factor = state["weight"] / torch.sqrt(state["running_var"] + norm.eps)
            offset = state["bias"] - state["running_mean"] * factor
            if convolution.bias is not None:
                offset = offset + convolution.bias * factor
            convolution.weight = nn.Parameter(convolution.weight * factor[:, None, None, None])
            convolution.bias = nn.Parameter(offset)
            setattr(module, name, nn.Identity())
