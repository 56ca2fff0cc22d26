"""Inputs of the pose branch: the numbers of a frame, and a learned encoder.

The paper uses the 51 numbers of a frame. The encoder is an addition of this project.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gaittake.keypoints import LIMBS
from gaittake.models.blocks import SLOPE
from gaittake.models.frames import zero_padding

KEYPOINT_NUMBERS = 51  # of a frame: 17 keypoints of x, y, confidence
HIPS = slice(11, 13)
LEFT = torch.arange(1, 17, 2)  # 0 is the nose; each left keypoint precedes its right counterpart
RIGHT = LEFT + 1
# Limbs of the left side and of the left half of the head. Limbs that join both sides are excluded.
LEFT_STARTS, LEFT_ENDS = (
    torch.tensor(ends)
    for ends in zip(*((a, b) for a, b in LIMBS if b in LEFT and (a in LEFT or a == 0)), strict=True)
)
ENCODED = 2 * 2 + (2 * len(LEFT) + len(LEFT_ENDS)) * 5 + len(LEFT) * 2 + 1


def pose_numbers(keypoints: Tensor) -> Tensor:
    """Returns positions, velocities, limbs and confidences of a pose (GaitGraph's inputs).

    Project default: exchanging left and right changes nothing. In a side view a silhouette does not
    show which leg is the left one, so a detector often confuses the two.

    Args:
        keypoints: `[n, s, 17, 3]`, normalised.

    Returns:
        `[n, s, ENCODED]`: keypoints relative to the middle of the hips, their displacement since
        the previous frame (zero in the first frame), limb vectors, confidences.
    """
    points, confidence = keypoints[..., :2], keypoints[..., 2]
    relative = points - points[:, :, HIPS].mean(dim=2, keepdim=True)
    velocities = torch.diff(relative, dim=1, prepend=relative[:, :1])
    left = _at(points, LEFT_ENDS) - _at(points, LEFT_STARTS)
    right = _at(points, LEFT_ENDS + 1) - _at(points, LEFT_STARTS + (LEFT_STARTS > 0))
    numbers = [relative[:, :, 0], velocities[:, :, 0], _both_sides(left, right)]
    numbers += [_both_sides(_at(v, LEFT), _at(v, RIGHT)) for v in (relative, velocities)]
    of_left, of_right = _at(confidence, LEFT), _at(confidence, RIGHT)
    sums, differences = of_left + of_right, (of_left - of_right).abs()
    return torch.cat([*numbers, sums, differences, confidence[..., :1]], dim=2)


def _both_sides(left: Tensor, right: Tensor) -> Tensor:
    """Returns `[n, s, k * 5]`, the same for both orders of two sides' vectors `[n, s, k, 2]`."""
    mean, half = (left + right) / 2, (left - right) / 2
    across = half.prod(dim=3, keepdim=True)
    return torch.cat([mean, half.abs(), across], dim=3).flatten(2)


class KeypointNumbers(nn.Module):
    """The 51 numbers of each frame, unchanged: the paper's input of the pose branch."""

    def forward(self, keypoints: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, s, 51]` of `[n, s, 17, 3]`."""
        return keypoints.flatten(2)


class PoseEncoder(nn.Module):
    """Three convolutions over time on keypoints, velocities and limbs.

    The inputs are those of published pose networks (GaitGraph, Teepe et al. 2021; Gait-TR, Zhang et
    al. 2023). The encoder is a project default, small because the silhouettes carry most of the
    information.

    Args:
        channels: of each convolution and of the result.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Positions, limbs and velocities differ in size, so each number is normalised.
        self.norm = nn.BatchNorm1d(ENCODED)
        widths = (ENCODED, channels, channels)
        self.convs = nn.ModuleList(
            nn.Conv1d(width, channels, 3, padding=1, bias=False) for width in widths
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(channels) for _ in widths)

    def forward(self, keypoints: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, s, channels]` of `[n, s, 17, 3]`, padded frames zero."""
        x = zero_padding(self.norm(pose_numbers(keypoints).transpose(1, 2)), mask)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = zero_padding(leaky_relu(norm(conv(x)), SLOPE), mask)
        return x.transpose(1, 2)


def _at(x: Tensor, indices: Tensor) -> Tensor:
    """Returns `x` `[n, s, 17, …]` at some keypoints, without waiting for a GPU."""
    return x[:, :, indices.to(x.device, non_blocking=True)]
