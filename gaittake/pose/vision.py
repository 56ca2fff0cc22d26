"""The parts of torchvision that the project uses, imported without torch._dynamo.

torchvision imports torch._dynamo for one function, which only deterministic algorithms on a GPU
call. The import takes longer than that of torch itself, in each process.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

import torch  # noqa: F401 before the stand-in is there


def is_compile_supported(device_type: str) -> bool:
    """Returns whether torch.compile works on a kind of device, as torch._dynamo says."""
    from torch._dynamo import utils

    return bool(utils.is_compile_supported(device_type))


@contextmanager
def _dynamo_on_demand() -> Iterator[None]:
    """While it lasts, an import of torch._dynamo brings `is_compile_supported` alone."""
    package, utils = (ModuleType(name) for name in ("torch._dynamo", "torch._dynamo.utils"))
    package.__path__ = []
    utils.__dict__["is_compile_supported"] = is_compile_supported
    sys.modules |= {module.__name__: module for module in (package, utils)}
    try:
        yield
    finally:
        for module in (package, utils):
            sys.modules.pop(module.__name__, None)


if "torch._dynamo" not in sys.modules:
    # A torchvision that needs more of torch._dynamo fails here, and is imported as usual below.
    with suppress(ImportError, AttributeError), _dynamo_on_demand():
        import torchvision  # noqa: F401

from torchvision.models.detection import (
    KeypointRCNN,
    KeypointRCNN_ResNet50_FPN_Weights,
    MaskRCNN_ResNet50_FPN_Weights,
    maskrcnn_resnet50_fpn,
)
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNPredictor
from torchvision.models.detection.roi_heads import keypointrcnn_loss
from torchvision.models.detection.transform import resize_boxes, resize_keypoints
from torchvision.ops import (
    FeaturePyramidNetwork,
    FrozenBatchNorm2d,
    MultiScaleRoIAlign,
    SqueezeExcitation,
    box_iou,
)
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool
from torchvision.ops.misc import Conv2dNormActivation

__all__ = [
    "AnchorGenerator",
    "Conv2dNormActivation",
    "FastRCNNPredictor",
    "FeaturePyramidNetwork",
    "FrozenBatchNorm2d",
    "ImageList",
    "KeypointRCNN",
    "KeypointRCNNPredictor",
    "KeypointRCNN_ResNet50_FPN_Weights",
    "LastLevelMaxPool",
    "MaskRCNN_ResNet50_FPN_Weights",
    "MultiScaleRoIAlign",
    "SqueezeExcitation",
    "TwoMLPHead",
    "box_iou",
    "keypointrcnn_loss",
    "maskrcnn_resnet50_fpn",
    "resize_boxes",
    "resize_keypoints",
    "resnet_fpn_backbone",
]
