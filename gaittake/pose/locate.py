"""Keypoints in images: by detection, or in given boxes."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gaittake.pose.follow import FOLLOWED
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


def _candidates(
    model: KeypointRCNN,
    features: dict[str, Tensor],
    boxes: list[Tensor],
    sizes: list[tuple[int, int]],
) -> list[Tensor]:
    """Returns candidates `[m, 17, 3, 3]` in each image's boxes `[m, 4]`, in the boxes' pixels."""
    heads = model.roi_heads
    pooled = heads.keypoint_roi_pool(features, boxes, sizes)
    heatmaps = heads.keypoint_predictor(heads.keypoint_head(pooled))
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


def read_heatmaps(heatmaps: Tensor, boxes: Tensor) -> Tensor:
    """Returns where the heatmaps' keypoints may be, between the bins, and how probable that is.

    The network is trained with a softmax over the bins, so the softmax of its logits is the
    probability that the keypoint is in each bin. The keypoint is taken to be in the window that is
    most probable; its position is the mean over this window, its confidence the window's
    probability. A heatmap with two equal peaks, as of left and right, gives half.

    torchvision takes the highest bin, and its logit as score. That logit says little: a constant
    added to all logits changes nothing in training.

    The pairs that `gaittake.pose.follow` tells apart have two more candidates, which both keypoints
    of a pair share: the most probable window of their two heatmaps together, and the next one
    without the first.

    Args:
        heatmaps: `[n, 17, side, side]` logits.
        boxes: `[n, 4]` x1, y1, x2, y2.

    Returns:
        `[n, 17, 3, 3]`: candidates, each of x and y in the boxes' pixels and of the probability of
        this keypoint in 0…1. The first one is the keypoint itself; the others are zero for
        keypoints without a pair.
    """
    bins = heatmaps.float().flatten(2).softmax(dim=2).reshape(heatmaps.shape)
    sums = _window_sums(bins)
    own = _largest(sums)
    candidates = bins.new_zeros(*bins.shape[:2], 3, 3)
    candidates[:, :, 0] = _read(_cut(bins, own), own)
    index = [[pair[one] for pair in FOLLOWED] for one in (0, 1)]
    sides = [bins[:, those] for those in index]
    together = sides[0] + sides[1]
    window = _largest(sums[:, index[0]] + sums[:, index[1]])
    for place in (1, 2):
        if place == 2:
            window = _largest(_window_sums(_without(together, window)))
        inside = [_cut(side, window) for side in sides]
        shared = _read(inside[0] + inside[1], window)
        for one in (0, 1):
            candidates[:, index[one], place, :2] = shared[..., :2]
            candidates[:, index[one], place, 2] = inside[one].sum(dim=(2, 3))
    corner = boxes[:, None, None, :2]
    extent = (boxes[:, None, None, 2:] - corner).clamp(min=1)
    scaled = corner + candidates[..., :2] / heatmaps.shape[3] * extent
    return torch.cat([scaled, candidates[..., 2:].clamp(max=1)], dim=3)


class _Window(NamedTuple):
    """The most probable window of each heatmap: its middle bin.

    Attributes:
        row: `[n, k]`.
        column: `[n, k]`.
    """

    row: Tensor
    column: Tensor


def _reach(side: int) -> int:
    """Returns how many bins a window of a heatmap extends from its middle."""
    return max(1, round(REACH * side))


def _window_sums(bins: Tensor) -> Tensor:
    """Returns the probability of the window around each bin of heatmaps `[n, k, side, side]`."""
    side = bins.shape[3]
    index = torch.arange(side, device=bins.device)
    band = ((index[:, None] - index).abs() <= _reach(side)).to(bins.dtype)
    # On a CPU 20 times as fast as a pooling of this size.
    return band @ bins @ band


def _largest(sums: Tensor) -> _Window:
    """Returns the window with the largest sum `[n, k, side, side]`, the first one of equal ones."""
    # The row, then the column in it: an index over both takes several times as long.
    row = sums.amax(dim=3).argmax(dim=2)
    column = sums.gather(2, row[..., None, None].expand(-1, -1, 1, sums.shape[3]))
    return _Window(row, column.argmax(dim=3)[..., 0])


def _cut(bins: Tensor, window: _Window) -> Tensor:
    """Returns the bins `[n, k, w, w]` in the windows; those outside the heatmap are zero."""
    side, reach = bins.shape[3], _reach(bins.shape[3])
    span = torch.arange(-reach, reach + 1, device=bins.device)
    rows, columns = (middle[..., None] + span for middle in window)
    n, k = (torch.arange(size, device=bins.device) for size in bins.shape[:2])
    cut = bins[
        n[:, None, None, None],
        k[:, None, None],
        rows.clamp(0, side - 1)[..., None],
        columns.clamp(0, side - 1)[..., None, :],
    ]
    within = [(at >= 0) & (at < side) for at in (rows, columns)]
    return cut * (within[0][..., None] & within[1][..., None, :])


def _read(inside: Tensor, window: _Window) -> Tensor:
    """Returns `[n, k, 3]`: the mean x and y in the windows, in bins, and their probability."""
    reach = inside.shape[3] // 2
    offset = torch.arange(-reach, reach + 1, device=inside.device) + 0.5
    mass = inside.sum(dim=(2, 3))
    known = mass.clamp(min=1e-9)
    x = window.column + (inside.sum(dim=2) * offset).sum(dim=2) / known
    y = window.row + (inside.sum(dim=3) * offset).sum(dim=2) / known
    return torch.stack([x, y, mass], dim=2)


def _without(bins: Tensor, window: _Window) -> Tensor:
    """Returns the heatmaps with zero in the windows."""
    side = bins.shape[3]
    index = torch.arange(side, device=bins.device)
    rows, columns = (
        (index - middle[..., None]).abs() <= _reach(side) for middle in (window.row, window.column)
    )
    return bins.masked_fill(rows[..., None] & columns[..., None, :], 0)


def best_overlap(box: Tensor, boxes: Tensor) -> tuple[int, float]:
    """Returns the index of the box in `boxes` `[m, 4]`, m > 0, with the largest IoU, and the IoU.

    Args:
        box: `[4]` x1, y1, x2, y2.
        boxes: `[m, 4]`.
    """
    overlap = box_iou(box[None], boxes)[0]
    index = int(overlap.argmax())
    return index, float(overlap[index])
