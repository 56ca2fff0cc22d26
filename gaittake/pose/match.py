"""Matching of detections and video frames to silhouettes. Pure functions."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import box_iou

from gaittake.pose.locate import Detections, best_overlap
from gaittake.silhouette import Box


def match_person(
    box: Box, detections: Detections, *, min_iou: float, min_score: float
) -> int | str:
    """Returns the index of the person of the silhouette, or the reason why there is none.

    Args:
        box: of the silhouette.
        detections: of the RGB frame.
        min_iou: smallest IoU of the two boxes.
        min_score: smallest score of a detection.
    """
    if not len(detections.boxes):
        return "no detection"
    certain = torch.nonzero(detections.scores >= min_score)[:, 0]
    if not len(certain):
        return "no detection above the score limit"
    index, overlap = best_overlap(torch.tensor(box), detections.boxes[certain])
    if overlap < min_iou:
        return "no detection overlaps the silhouette"
    return int(certain[index])


def overlaps_by_shift(
    silhouettes: Mapping[int, Box], detections: Mapping[int, Tensor], *, max_shift: int
) -> dict[int, list[float]]:
    """Returns the box IoUs of one sequence for each shift of its video against its silhouettes.

    At a shift of s, video frame n belongs to silhouette n − s. Only video frames with a silhouette
    at every shift count, so that all shifts are compared on the same frames.

    Args:
        silhouettes: box by frame number.
        detections: boxes `[m, 4]` by video frame number; the best one counts.
        max_shift: shifts −max_shift…max_shift are compared.
    """
    shifts = range(-max_shift, max_shift + 1)
    found: dict[int, list[float]] = {shift: [] for shift in shifts}
    for number, boxes in detections.items():
        if not all(number - shift in silhouettes for shift in shifts):
            continue
        wanted = torch.tensor([silhouettes[number - shift] for shift in shifts])
        best = (
            box_iou(wanted, boxes).amax(dim=1) if len(boxes) else torch.zeros(len(wanted))
        )  # [shifts]
        for shift, overlap in zip(shifts, best.tolist(), strict=True):
            found[shift].append(overlap)
    return found


def best_shift(overlaps: Mapping[int, list[float]]) -> int:
    """Returns the shift of the largest mean IoU, or 0 if it is not clearly better than no shift.

    People move little from frame to frame, so the IoUs of neighbouring shifts are similar. A
    difference counts if it exceeds three of its standard errors.
    """
    if not overlaps[0]:
        return 0
    best = max(overlaps, key=lambda shift: (np.mean(overlaps[shift]), -abs(shift), shift))
    gain = np.array(overlaps[best]) - np.array(overlaps[0])
    clear = gain.mean() > 3 * gain.std() / np.sqrt(len(gain))
    return best if clear else 0
