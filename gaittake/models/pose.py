"""The pose beyond the paper: a learned encoder of the keypoints, and the keypoints drawn as maps.

Both are off in the paper's presets, which append the 51 numbers of a frame as they are.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gaittake.models.blocks import SLOPE
from gaittake.models.frames import zero_padding

HIPS = slice(11, 13)
LIMBS = (
    (0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10),
    (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
)  # fmt: skip
STARTS, ENDS = (torch.tensor(ends) for ends in zip(*LIMBS, strict=True))
LEFT = torch.arange(1, 17, 2)  # the nose is 0; behind each joint of the left comes its twin
RIGHT = LEFT + 1
# Limbs of the left side, and of the head's left half; those across the body are left out.
LEFT_STARTS, LEFT_ENDS = (
    torch.tensor(ends)
    for ends in zip(*((a, b) for a, b in LIMBS if b in LEFT and (a in LEFT or a == 0)), strict=True)
)
ENCODED = 2 * 2 + (2 * len(LEFT) + len(LEFT_ENDS)) * 5 + len(LEFT) * 2 + 1
LIMB_POINTS = 8


def pose_numbers(keypoints: Tensor) -> Tensor:
    """Returns what moves in a pose: joints, limbs, velocities and confidences (GaitGraph's inputs).

    Ours: they stay the same when left and right are exchanged. Seen from the side, a silhouette
    does not tell its left leg from its right one, and a detector guesses.

    Args:
        keypoints: `[n, s, 17, 3]`, normalised.

    Returns:
        `[n, s, ENCODED]`: the joints relative to the middle of the hips, each joint's way since the
        frame before (the first frame: none), the vectors of the limbs, the confidences.
    """
    joints, confidence = keypoints[..., :2], keypoints[..., 2]
    relative = joints - joints[:, :, HIPS].mean(dim=2, keepdim=True)
    velocities = torch.diff(relative, dim=1, prepend=relative[:, :1])
    left = _at(joints, LEFT_ENDS) - _at(joints, LEFT_STARTS)
    right = _at(joints, LEFT_ENDS + 1) - _at(joints, LEFT_STARTS + (LEFT_STARTS > 0))
    numbers = [relative[:, :, 0], velocities[:, :, 0], _both_sides(left, right)]
    numbers += [_both_sides(_at(v, LEFT), _at(v, RIGHT)) for v in (relative, velocities)]
    certain, twin = _at(confidence, LEFT), _at(confidence, RIGHT)
    return torch.cat([*numbers, certain + twin, (certain - twin).abs(), confidence[..., :1]], dim=2)


def _both_sides(left: Tensor, right: Tensor) -> Tensor:
    """Returns `[n, s, k * 5]`: what two sides' vectors `[n, s, k, 2]` are, not which is which."""
    mean, half = (left + right) / 2, (left - right) / 2
    across = half.prod(dim=3, keepdim=True)
    return torch.cat([mean, half.abs(), across], dim=3).flatten(2)


class PoseEncoder(nn.Module):
    """Three convolutions over time on the joints, their velocities and the limbs.

    The published pose networks (GaitGraph, Teepe et al. 2021; Gait-TR, Zhang et al. 2023) take
    these inputs; the encoder is ours, small because it stands beside the silhouettes.

    Args:
        channels: of each convolution, and of the result.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Joints, limbs and velocities are numbers of unlike size; so each is scaled to its own.
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


def skeleton_maps(keypoints: Tensor, *, rows: int, columns: int) -> Tensor:
    """Returns the keypoints drawn as two images: joints and limbs (SkeletonGait, Fan et al. 2024).

    A joint is a Gaussian, a limb a row of Gaussians between its joints, each as bright as the
    keypoint is certain. ASSUME: sum, cut at 1; a standard deviation of a 32nd of the height.

    Args:
        keypoints: `[n, s, 17, 3]`, normalised as `gaittake.keypoints.normalise` does.
        rows: of the silhouettes that they are laid upon.
        columns: of the silhouettes.

    Returns:
        `[n, 2, s, rows, columns]` in 0…1; frames of no confidence are zero.
    """
    along = torch.linspace(0, 1, LIMB_POINTS, device=keypoints.device)[:, None]
    start, end = (
        _at(keypoints, ends)[:, :, :, None] for ends in (STARTS, ENDS)
    )  # [n, s, 16, 1, 3]
    limbs = start + (end - start) * along  # [n, s, 16, points, 3]
    certain = torch.minimum(start, end)[..., 2].expand(limbs.shape[:-1])
    limbs = torch.cat([limbs[..., :2], certain[..., None]], dim=-1).flatten(2, 3)
    maps = [_drawn(points, rows, columns) for points in (keypoints, limbs)]
    return torch.stack(maps, dim=1)


def _at(x: Tensor, joints: Tensor) -> Tensor:
    """Returns `x` `[n, s, 17, …]` at these joints; a GPU takes their numbers without a wait."""
    return x[:, :, joints.to(x.device, non_blocking=True)]


def _drawn(points: Tensor, rows: int, columns: int) -> Tensor:
    """Returns `[n, s, rows, columns]`: a Gaussian at each of `[n, s, k, 3]`, summed, at most 1."""
    deviation = rows / 32
    x = (points[..., 0] - 0.5) * rows + columns / 2  # pixels; the middle column is x = 0.5
    y = points[..., 1] * rows
    down = torch.arange(rows, device=points.device) + 0.5
    across = torch.arange(columns, device=points.device) + 0.5
    vertical = (-((down - y[..., None]) / deviation).square() / 2).exp()  # [n, s, k, rows]
    horizontal = (-((across - x[..., None]) / deviation).square() / 2).exp()
    horizontal = horizontal * points[..., 2:]
    return torch.einsum("nskh,nskw->nshw", vertical, horizontal).clamp(max=1.0)
