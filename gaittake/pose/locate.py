"""Keypoints in images: by detection, or in given boxes."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gaittake.pose.vision import ImageList, KeypointRCNN, box_iou, resize_boxes, resize_keypoints

# ASSUME: the confidence of a keypoint, which the paper does not define, is the probability that it
# is within this share of the box's sides from its position; see `read_heatmaps`. The heatmaps are
# 56 bins wide: 4 bins.
REACH = 1 / 14


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

    Boxes and scores are torchvision's, `model(images)`; keypoints are those of `read_heatmaps`.

    Args:
        model: the detector, in evaluation mode.
        images: `[3, rows, columns]` float32 each, 0…1, on the model's device.
    """
    heads = model.roi_heads
    with torch.inference_mode():
        prepared, _ = model.transform(images)
        sizes = prepared.image_sizes
        features = model.backbone(prepared.tensors)
        proposals, _ = model.rpn(prepared, features)
        candidates = heads.box_head(heads.box_roi_pool(features, proposals, sizes))
        boxes, scores, _ = heads.postprocess_detections(
            *heads.box_predictor(candidates), proposals, sizes
        )
        keypoints = _keypoints(model, features, boxes, sizes)
    return [
        Detections(
            resize_boxes(boxes[i], scaled, list(images[i].shape[-2:])).cpu(),
            scores[i].cpu(),
            resize_keypoints(keypoints[i], scaled, list(images[i].shape[-2:])).cpu(),
        )
        for i, scaled in enumerate(list(size) for size in sizes)
    ]


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
        found = _keypoints(model, features, list(regions[:, None]), prepared.image_sizes)
        keypoints: Tensor = resize_keypoints(torch.cat(found), scaled, size)
        return keypoints


def _keypoints(
    model: KeypointRCNN,
    features: dict[str, Tensor],
    boxes: list[Tensor],
    sizes: list[tuple[int, int]],
) -> list[Tensor]:
    """Returns the keypoints `[m, 17, 3]` in each image's boxes `[m, 4]`, in the boxes' pixels."""
    heads = model.roi_heads
    pooled = heads.keypoint_roi_pool(features, boxes, sizes)
    heatmaps = heads.keypoint_predictor(heads.keypoint_head(pooled))
    found = read_heatmaps(heatmaps, torch.cat(boxes))
    return list(found.split([len(each) for each in boxes]))  # type: ignore[no-untyped-call]


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


def read_heatmaps(heatmaps: Tensor, boxes: Tensor) -> Tensor:
    """Returns where the heatmaps' keypoints are, between the bins, and how sure that is.

    The network is trained with a softmax over the bins, so the softmax of its logits is the
    probability that the keypoint is in each bin. The keypoint is taken to be in the window that is
    most probable; its position is the mean over this window, its confidence the window's
    probability. A heatmap with two equal peaks, as of left and right, gives half.

    torchvision takes the highest bin, and its logit as score. That logit says little: a constant
    added to all logits changes nothing in training.

    Args:
        heatmaps: `[n, 17, side, side]` logits.
        boxes: `[n, 4]` x1, y1, x2, y2.

    Returns:
        `[n, 17, 3]`: x and y in the boxes' pixels, confidence in 0…1.
    """
    n, k, side, _ = heatmaps.shape
    reach = max(1, round(REACH * side))
    width = 2 * reach + 1
    bins = heatmaps.float().flatten(2).softmax(dim=2).reshape(n, k, side, side)
    windows = F.avg_pool2d(bins, width, stride=1, padding=reach) * width**2
    place = windows.flatten(2).argmax(dim=2)
    index = torch.arange(side, device=heatmaps.device)
    rows, columns = (
        (index - centre[..., None]).abs() <= reach for centre in (place // side, place % side)
    )  # [n, 17, side]
    inside = bins * rows[..., None] * columns[..., None, :]
    middles = (index + 0.5) / side
    mass = inside.sum(dim=(2, 3))
    x = (inside.sum(dim=2) * middles).sum(dim=2) / mass
    y = (inside.sum(dim=3) * middles).sum(dim=2) / mass
    corner = boxes[:, None, :2]
    extent = (boxes[:, None, 2:] - corner).clamp(min=1)
    position = corner + torch.stack([x, y], dim=-1) * extent
    return torch.cat([position, mass.clamp(max=1)[..., None]], dim=-1)


def best_overlap(box: Tensor, boxes: Tensor) -> tuple[int, float]:
    """Returns the index of the box in `boxes` `[m, 4]`, m > 0, with the largest IoU, and the IoU.

    Args:
        box: `[4]` x1, y1, x2, y2.
        boxes: `[m, 4]`.
    """
    overlap = box_iou(box[None], boxes)[0]
    index = int(overlap.argmax())
    return index, float(overlap[index])
