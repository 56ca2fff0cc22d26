"""Which detection is the walker, and which video frame belongs to which silhouette. Pure."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import box_iou

from gaittake.pose.locate import Detections, best_overlap

Box = tuple[float, float, float, float]


def match_walker(
    box: Box, detections: Detections, *, min_iou: float, min_score: float
) -> int | str:
    """Returns which detection is the person of the silhouette, or why none is.

    Args:
        box: of the silhouette.
        detections: of the colour frame.
        min_iou: that the two boxes must have.
        min_score: that a detection must have to be looked at.
    """
    if not len(detections.boxes):
        return "no detection"
    sure = torch.nonzero(detections.scores >= min_score)[:, 0]
    if not len(sure):
        return "no detection of the needed score"
    index, overlap = best_overlap(torch.tensor(box), detections.boxes[sure])
    if overlap < min_iou:
        return "no detection where the silhouette is"
    return int(sure[index])


def overlaps_by_shift(
    silhouettes: Mapping[int, Box], detections: Mapping[int, Tensor], *, max_shift: int
) -> dict[int, list[float]]:
    """Returns the box IoUs of one walk, were its video `shift` frames ahead of its silhouettes.

    Only video frames that have a silhouette at every shift count: all shifts are judged alike.

    Args:
        silhouettes: box of each frame number.
        detections: `[m, 4]` boxes of each video frame's number; the best of them counts.
        max_shift: shifts −max_shift…max_shift are tried.
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
    """Returns the shift of the largest mean IoU, or 0 unless another is clearly better.

    A person moves little from one frame to the next, so the IoUs of neighbouring shifts differ
    little: a difference counts when it exceeds three of its standard errors.
    """
    if not overlaps[0]:
        return 0
    best = max(overlaps, key=lambda shift: (np.mean(overlaps[shift]), -abs(shift), shift))
    gain = np.array(overlaps[best]) - np.array(overlaps[0])
    clear = gain.mean() > 3 * gain.std() / np.sqrt(len(gain))
    return best if clear else 0
