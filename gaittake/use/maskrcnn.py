"""Masks by torchvision's Mask R-CNN, trained on COCO: frame by frame, so the camera may move."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gaittake.io.coco import published_weights
from gaittake.io.frames import read_colour
from gaittake.pose.vision import MaskRCNN_ResNet50_FPN_Weights, maskrcnn_resnet50_fpn
from gaittake.sequence import Reject
from gaittake.silhouette import Image

STAGE = "maskrcnn"
PERSON = 1  # COCO's label
MIN_SCORE = 0.5


def published_maskrcnn() -> nn.Module:
    """Returns torchvision's Mask R-CNN with its COCO weights, in evaluation mode.

    Raises:
        UserError: the weights are unavailable, see `published_weights`.
    """
    weights = MaskRCNN_ResNet50_FPN_Weights.COCO_V1
    state, _ = published_weights(weights, instead="use --silhouettes background")
    model: nn.Module = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    model.load_state_dict(state)
    return model.eval()


def maskrcnn_masks(
    source: Path, model: nn.Module, *, device: torch.device, rejects: list[Reject]
) -> Iterator[tuple[int, Image]]:
    """Yields number and mask `[rows, columns]` uint8 of each frame, 0 or 255.

    The mask is that of the person with the highest score.

    Args:
        source: colour frames of a sequence: folder or video.
        model: Mask R-CNN, on the device, in evaluation mode.
        device: where to compute.
        rejects: unreadable frames are appended.
    """
    for number, frame in read_colour(source, stage=STAGE, rejects=rejects):
        yield number, person_mask(model, frame, device)


@torch.inference_mode()
def person_mask(model: nn.Module, frame: Image, device: torch.device) -> Image:
    """Returns the mask of the person with the highest score in a frame `[rows, columns, 3]`.

    The mask is zero if the frame shows no person.
    """
    image = torch.from_numpy(frame).to(device).permute(2, 0, 1).float() / 255
    found = model([image])[0]
    people = (found["labels"] == PERSON) & (found["scores"] >= MIN_SCORE)
    if not bool(people.any()):
        return np.zeros(frame.shape[:2], dtype=np.uint8)
    best = int(torch.where(people, found["scores"], 0.0).argmax())
    mask = found["masks"][best, 0].cpu().numpy() > 0.5
    return np.where(mask, 255, 0).astype(np.uint8)
