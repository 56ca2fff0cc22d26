"""The pose beyond the paper: a learned encoder of the keypoints, and the keypoints drawn as maps.

Both are off in the paper's presets, which append the 51 numbers of a frame as they are.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gaittake.models.blocks import SLOPE
from gaittake.models.frames import zero_padding

HIPS = (11, 12)
LIMBS = (
    (0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10),
    (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
)  # fmt: skip
STARTS, ENDS = (list(ends) for ends in zip(*LIMBS, strict=True))
ENCODED = 17 * 2 + 16 * 2 + 17 * 2 + 17
LIMB_POINTS = 8


def pose_numbers(keypoints: Tensor) -> Tensor:
    """Returns what moves in a pose: joints, bones, velocities and confidences (GaitGraph's inputs).

    Args:
        keypoints: `[n, s, 17, 3]`, normalised.

    Returns:
        `[n, s, ENCODED]`: the joints relative to the middle of the hips, the vectors of the limbs,
        each joint's way since the frame before (the first frame: none), the confidences.
    """
    joints, confidence = keypoints[..., :2], keypoints[..., 2]
    relative = joints - joints[:, :, HIPS].mean(dim=2, keepdim=True)
    bones = joints[:, :, ENDS] - joints[:, :, STARTS]
    velocities = torch.diff(relative, dim=1, prepend=relative[:, :1])
    vectors = torch.cat([relative, bones, velocities], dim=2).flatten(2)
    return torch.cat([vectors, confidence], dim=2)


class PoseEncoder(nn.Module):
    """Two convolutions over time on the joints, their velocities and the limbs.

    The published pose networks (GaitGraph, Teepe et al. 2021; Gait-TR, Zhang et al. 2023) take
    these inputs; the encoder is ours, small because it stands beside the silhouettes.

    Args:
        channels: of each convolution, and of the result.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Joints, limbs and velocities are numbers of unlike size; so each is scaled to its own.
        self.norm = nn.BatchNorm1d(ENCODED)
        self.one = nn.Conv1d(ENCODED, channels, 3, padding=1, bias=False)
        self.two = nn.Conv1d(channels, channels, 3, padding=1, bias=False)

    def forward(self, keypoints: Tensor, mask: Tensor | None) -> Tensor:
        """Returns `[n, s, channels]` of `[n, s, 17, 3]`, padded frames zero."""
        x = pose_numbers(keypoints).transpose(1, 2)  # [n, ENCODED, s]
        x = zero_padding(self.norm(x), mask)
        x = zero_padding(leaky_relu(self.one(x), SLOPE), mask)
        x = zero_padding(leaky_relu(self.two(x), SLOPE), mask)
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
    start, end = keypoints[:, :, STARTS, None], keypoints[:, :, ENDS, None]  # [n, s, 16, 1, 3]
    limbs = start + (end - start) * along  # [n, s, 16, points, 3]
    certain = torch.minimum(start, end)[..., 2].expand(limbs.shape[:-1])
    limbs = torch.cat([limbs[..., :2], certain[..., None]], dim=-1).flatten(2, 3)
    maps = [_drawn(points, rows, columns) for points in (keypoints, limbs)]
    return torch.stack(maps, dim=1)


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
