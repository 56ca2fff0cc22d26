"""Keypoints in images: by detection, or in given boxes."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gaittake.pose.heatmaps import read_heatmaps
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

    Boxes and scores are torchvision's, `model(images)`; keypoints are those of `read_heatmaps`.

    Args:
        model: the detector, in evaluation mode.
        images: `[3, rows, columns]` float32 each, 0…1, on the model's device.
    """
    return [found for found, _ in detect_candidates(model, images)]


def detect_candidates(model: KeypointRCNN, images: list[Tensor]) -> list[tuple[Detections, Tensor]]:
    """Returns what `detect` does, and the candidates `[m, 17, 3, 3]` of the people's keypoints."""
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
        candidates_of = _candidates(model, features, boxes, sizes)
    found = []
    for i, scaled in enumerate(list(size) for size in sizes):
        original = list(images[i].shape[-2:])
        candidates = _resized(candidates_of[i], scaled, original).cpu()
        within = resize_boxes(boxes[i], scaled, original).cpu()
        found.append((Detections(within, scores[i].cpu(), candidates[:, :, 0]), candidates))
    return found


def locate_in_boxes(
    model: KeypointRCNN, images: Tensor, boxes: Tensor, *, scale: float | None = None
) -> Tensor:
    """Returns candidates `[n, 17, 3, 3]` of the keypoints in one given box of each image.

    They are on the images' device; see `read_heatmaps`.

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
        found = _candidates(model, features, list(regions[:, None]), prepared.image_sizes)
        return _resized(torch.cat(found), scaled, size)


def heatmaps_in_boxes(
    model: KeypointRCNN,
    features: dict[str, Tensor],
    boxes: list[Tensor],
    sizes: list[tuple[int, int]],
) -> Tensor:
    """Returns logits `[m, 17, side, side]` in the m boxes of all images.

    Args:
        model: the detector.
        features: of its backbone.
        boxes: `[k, 4]` of each image: x1, y1, x2, y2 in pixels of the network's input.
        sizes: rows and columns of each image there.
    """
    heads = model.roi_heads
    pooled = heads.keypoint_roi_pool(features, boxes, sizes)
    heatmaps: Tensor = heads.keypoint_predictor(heads.keypoint_head(pooled))
    return heatmaps


def _candidates(
    model: KeypointRCNN,
    features: dict[str, Tensor],
    boxes: list[Tensor],
    sizes: list[tuple[int, int]],
) -> list[Tensor]:
    """Returns candidates `[m, 17, 3, 3]` in each image's boxes `[m, 4]`, in the boxes' pixels."""
    heatmaps = heatmaps_in_boxes(model, features, boxes, sizes)
    found = read_heatmaps(heatmaps, torch.cat(boxes))
    return list(found.split([len(each) for each in boxes]))  # type: ignore[no-untyped-call]


def _resized(candidates: Tensor, before: list[int], after: list[int]) -> Tensor:
    """Returns candidates in pixels of an image of another size: rows and columns."""
    resized: Tensor = resize_keypoints(candidates.flatten(1, 2), before, after)
    return resized.reshape(candidates.shape)


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


def best_overlap(box: Tensor, boxes: Tensor) -> tuple[int, float]:
    """Returns the index of the box in `boxes` `[m, 4]`, m > 0, with the largest IoU, and the IoU.

    Args:
        box: `[4]` x1, y1, x2, y2.
        boxes: `[m, 4]`.
    """
    overlap = box_iou(box[None], boxes)[0]
    index = int(overlap.argmax())
    return index, float(overlap[index])
