"""Matching of detections and video frames to silhouettes. Pure functions."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.pose.locate import Detections, best_overlap
from gaittake.pose.vision import box_iou
from gaittake.silhouette import Box


def match_person(
    box: Box, detections: Detections, *, min_iou: float, min_score: float
) -> int | str:
    """Returns the index of the person of the silhouette, or the reason why there is none.

    Args:
        box: of the silhouette.
        detections: of the colour frame.
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


# A sequence's own shift counts if it leads by so many standard errors, and by so much mean IoU.
CERTAIN = 3.0
MIN_LEAD = 0.05
MIN_FRAMES = 3
AT_THE_LIMIT = "shift at the limit of pose.pseudo_label.max_shift"
UNCERTAIN = "shift between colour and silhouettes not certain"
MISMATCH = "colour and silhouettes do not match"
FILES_UNCERTAIN = "shift between keypoints and silhouettes not certain"
FILES_MISMATCH = "keypoints and silhouettes do not match"
# The same faults where the people are of the user's files.
OF_FILES = {
    AT_THE_LIMIT: AT_THE_LIMIT,
    UNCERTAIN: FILES_UNCERTAIN,
    MISMATCH: FILES_MISMATCH,
}


class Shift(NamedTuple):
    """The shift of one sequence's video against its silhouettes.

    Attributes:
        frames: number of a video frame minus number of its silhouette.
        certainty: its smallest lead over another shift, in standard errors of the lead; 0 if too
            few frames were compared, or another shift is as good.
    """

    frames: int
    certainty: float


def sequence_shift(overlaps: Mapping[int, list[float]]) -> Shift:
    """Returns the shift of the largest mean IoU, and how certain it is.

    Args:
        overlaps: IoUs of the same frames at each shift, as of `overlaps_by_shift`.
    """
    count = len(overlaps[0])
    if count < MIN_FRAMES or len(overlaps) == 1:
        return Shift(0, 0.0)
    best = max(overlaps, key=lambda shift: (np.mean(overlaps[shift]), -abs(shift), shift))
    leads = []
    for shift, values in overlaps.items():
        if shift != best:
            lead = np.array(overlaps[best]) - np.array(values)
            error = max(float(lead.std(ddof=1)) / np.sqrt(count), 1e-6)
            leads.append(float(lead.mean()) / error if lead.mean() >= MIN_LEAD else 0.0)
    return Shift(best, min(leads))


def choose_shift(
    overlaps: Mapping[int, list[float]], *, usual: int, differ: bool, max_shift: int
) -> int | str:
    """Returns the shift of one sequence, or why it is not known.

    Args:
        overlaps: of the sequence, as of `overlaps_by_shift`.
        usual: the shift of the sequences together; of one whose own shift is not certain.
        differ: whether the sequences have different shifts.
        max_shift: the largest shift that was compared: the true one may lie beyond.
    """
    own = sequence_shift(overlaps)
    certain = own.certainty >= CERTAIN
    if differ and not certain:
        return UNCERTAIN
    chosen = own.frames if certain else usual
    return AT_THE_LIMIT if abs(chosen) == max_shift > 0 else chosen


def shifts_differ(sample: Sequence[Mapping[int, list[float]]], usual: int) -> bool:
    """Returns whether, of the sequences with a certain shift, several have another than usual."""
    certain = [own for own in map(sequence_shift, sample) if own.certainty >= CERTAIN]
    others = sum(own.frames != usual for own in certain)
    return others >= max(2, len(certain) / 10)


def do_not_match(
    silhouettes: Mapping[int, Box],
    people: Mapping[int, Detections],
    shift: int,
    *,
    min_iou: float,
) -> bool:
    """Returns whether most of the people that were detected are not at the silhouettes.

    Args:
        silhouettes: box by frame number.
        people: detections by video frame.
        shift: number of a video frame minus number of its silhouette.
        min_iou: of a detection at its silhouette.
    """
    overlaps = []
    for number, found in people.items():
        if len(found.boxes) and number - shift in silhouettes:
            own = torch.tensor(silhouettes[number - shift])
            overlaps.append(best_overlap(own, found.boxes)[1])
    return len(overlaps) >= MIN_FRAMES and float(np.median(overlaps)) < min_iou
