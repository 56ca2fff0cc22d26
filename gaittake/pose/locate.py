"""Keypoints in images: by detection, or in given boxes."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gaittake.pose.vision import ImageList, KeypointRCNN, box_iou, resize_boxes, resize_keypoints


class Detections(NamedTuple):
    """The m people detected in one frame.

    Attributes:
        boxes: `[m, 4]` x1, y1, x2, y2 in pixels of the frame.
        scores: `[m]` in 0…1.
        keypoints: `[m, 17, 3]`: x and y in pixels, confidence in 0…1.
    """

    boxes: Tensor
    scores: Tensor
    keypoints: Tensor


def detect(model: KeypointRCNN, images: list[Tensor]) -> list[Detections]:
    """Returns the people in each image, on the CPU.

    A keypoint's confidence is the sigmoid of torchvision's `keypoints_scores`, which are logits.

    Args:
        model: the detector, in evaluation mode.
        images: `[3, rows, columns]` float32 each, 0…1, on the model's device.
    """
    found = []
    with torch.inference_mode():
        for result in model(images):
            confidence = result["keypoints_scores"].sigmoid()
            keypoints = torch.cat([result["keypoints"][..., :2], confidence[..., None]], dim=-1)
            found.append(Detections(result["boxes"].cpu(), result["scores"].cpu(), keypoints.cpu()))
    return found


def locate_in_boxes(
    model: KeypointRCNN, images: Tensor, boxes: Tensor, *, scale: float | None = None
) -> Tensor:
    """Returns keypoints `[n, 17, 3]` in one given box of each image, on the images' device.

    Uses the backbone and the keypoint head of `detect`, without proposals and box head.

    Args:
        model: the detector, in evaluation mode.
        images: `[n, 3, rows, columns]` float32, 0…1.
        boxes: `[n, 4]` x1, y1, x2, y2 in pixels of the images.
        scale: pixels of the network's input per pixel of the images; None: the model's own.
    """
    size = [images.shape[-2], images.shape[-1]]
    with torch.inference_mode():
        prepared = prepare(model, images, scale=scale)
        scaled = list(prepared.image_sizes[0])
        regions = resize_boxes(boxes, size, scaled)
        features = model.backbone(prepared.tensors)
        heads = model.roi_heads
        pooled = heads.keypoint_roi_pool(features, list(regions[:, None]), prepared.image_sizes)
        heatmaps = heads.keypoint_predictor(heads.keypoint_head(pooled))
        keypoints: Tensor = resize_keypoints(peaks(heatmaps, regions), scaled, size)
        return keypoints


def prepare(model: KeypointRCNN, images: Tensor, *, scale: float | None = None) -> ImageList:
    """Returns images of one size as `model.transform` does, in one batched operation.

    Args:
        model: its normalisation and sizes are used.
        images: `[n, 3, rows, columns]` float32, 0…1.
        scale: pixels of the network's input per pixel of the images; None: the model's own.
    """
    transform = model.transform
    if scale is None:
        scale = scale_of(model, images.shape[-2], images.shape[-1])
    scaled = transform.normalize(images)
    if scale != 1:
        scaled = F.interpolate(
            scaled,
            scale_factor=scale,
            mode="bilinear",
            recompute_scale_factor=True,
            align_corners=False,
        )
    rows, columns = scaled.shape[-2:]
    step = transform.size_divisible
    padded = F.pad(scaled, (0, -columns % step, 0, -rows % step))
    return ImageList(padded, [(rows, columns)] * len(images))


def scale_of(model: KeypointRCNN, rows: int, columns: int) -> float:
    """Returns the pixels of the network's input per pixel of an image of this size."""
    shorter, longer = model.transform.min_size[-1], model.transform.max_size
    return min(float(shorter) / min(rows, columns), float(longer) / max(rows, columns))


def peaks(heatmaps: Tensor, boxes: Tensor) -> Tensor:
    """Returns the keypoints at the heatmaps' peaks, for all boxes in one batched operation.

    torchvision resizes each heatmap to the pixels of its box, one by one. Here, the peak is found
    on the heatmap's grid, and a parabola through its neighbours places it between the bins.

    Args:
        heatmaps: `[n, 17, side, side]` logits.
        boxes: `[n, 4]` x1, y1, x2, y2.

    Returns:
        `[n, 17, 3]`: x and y in the boxes' pixels, sigmoid of the logit at the peak.
    """
    n, k, side, _ = heatmaps.shape
    value, place = heatmaps.flatten(2).max(dim=2)
    row, column = place // side, place % side
    flat = heatmaps.flatten(2)

    def offset(index: Tensor, step: int) -> Tensor:
        inside = (index > 0) & (index < side - 1)
        before = flat.gather(2, (place - step).clamp(min=0)[..., None])[..., 0]
        after = flat.gather(2, (place + step).clamp(max=side * side - 1)[..., None])[..., 0]
        curvature = before - 2 * value + after
        shift = 0.5 * (before - after) / curvature.clamp(max=-1e-6)
        return torch.where(inside, shift, torch.zeros_like(shift)).clamp(-0.5, 0.5)

    x = (column + 0.5 + offset(column, 1)) / side
    y = (row + 0.5 + offset(row, side)) / side
    corner = boxes[:, None, :2]
    extent = (boxes[:, None, 2:] - corner).clamp(min=1)
    position = corner + torch.stack([x, y], dim=-1) * extent
    return torch.cat([position, value.sigmoid()[..., None]], dim=-1).reshape(n, k, 3)


def best_overlap(box: Tensor, boxes: Tensor) -> tuple[int, float]:
    """Returns the index of the box in `boxes` `[m, 4]`, m > 0, with the largest IoU, and the IoU.

    Args:
        box: `[4]` x1, y1, x2, y2.
        boxes: `[m, 4]`.
    """
    overlap = box_iou(box[None], boxes)[0]
    index = int(overlap.argmax())
    return index, float(overlap[index])
