"""Skeleton maps: keypoints drawn as two images (SkeletonGait, Fan et al., AAAI 2024)."""

import torch
from torch import Tensor

from gaittake.keypoints import LIMBS, SKELETONGAIT_LIMBS

LEFT_HIP, RIGHT_HIP = 11, 12
EXTENT = 85 / 128  # height of a centred skeleton, as a share of the map's


def skeleton_maps(
    keypoints: Tensor,
    *,
    rows: int,
    columns: int,
    deviation: float = 1 / 32,
    centred: bool = False,
) -> Tensor:
    """Returns the keypoints drawn as two images: points and limbs.

    A keypoint is a Gaussian around a point, a limb one around a line; the highest value of all
    counts. Brightness is the confidence, for a limb the lower one of its ends.

    Args:
        keypoints: `[n, s, 17, 3]`, normalised as `gaittake.keypoints.normalise` does.
        rows: of the silhouettes.
        columns: of the silhouettes.
        deviation: standard deviation of the Gaussians, as a share of the height; SkeletonGait's is
            1/16 (8 of 128 pixels). ASSUME, for GaitTAKE: 1/32.
        centred: as SkeletonGait draws each frame: the middle of the hips in the middle, and all
            skeletons of one height. Otherwise the skeleton lies on its silhouette.

    Returns:
        `[n, 2, s, rows, columns]` in 0…1; frames without confidence are zero.
    """
    points, certain = keypoints[..., :2].float(), keypoints[..., 2].float().log()
    if centred:
        points = _centred(points)
    scale = deviation * rows * 2**0.5
    # In units of the Gaussian; the middle column is x = 0.5.
    x = ((points[..., 0] - 0.5) * rows + columns / 2) / scale
    y = points[..., 1] * rows / scale
    across = (torch.arange(columns, device=points.device) + 0.5) / scale
    down = (torch.arange(rows, device=points.device) + 0.5) / scale
    right = across - x[..., None, None]  # [n, s, 17, 1, columns], from each keypoint
    below = down[:, None] - y[..., None, None]  # [n, s, 17, rows, 1]
    shape = (*keypoints.shape[:2], rows, columns)
    # Logarithms are compared, so that there is one exponential for all points.
    joints = points.new_full(shape, -torch.inf)
    for k in range(points.shape[2]):
        value = certain[:, :, k, None, None] - right[:, :, k].square() - below[:, :, k].square()
        joints = torch.maximum(joints, value)
    limbs = points.new_full(shape, -torch.inf)
    for start, end in SKELETONGAIT_LIMBS if centred else LIMBS:
        along_x = (x[:, :, end] - x[:, :, start])[..., None, None]
        along_y = (y[:, :, end] - y[:, :, start])[..., None, None]
        length = (along_x.square() + along_y.square()).clamp(min=1e-6)
        near_x, near_y = right[:, :, start], below[:, :, start]
        share = (near_x * (along_x / length) + near_y * (along_y / length)).clamp_(0, 1)
        distance = (near_x - share * along_x).square() + (near_y - share * along_y).square()
        lower = torch.minimum(certain[:, :, start], certain[:, :, end])[..., None, None]
        limbs = torch.maximum(limbs, lower - distance)
    return torch.stack([joints, limbs], dim=1).exp()


def _centred(points: Tensor) -> Tensor:
    """Returns points `[n, s, 17, 2]` with the hips in the middle and a height of `EXTENT`."""
    hips = (points[:, :, LEFT_HIP] + points[:, :, RIGHT_HIP]) / 2
    y = points[..., 1]
    height = (y.amax(dim=2) - y.amin(dim=2)).clamp(min=1e-3)[:, :, None, None]
    return (points - hips[:, :, None]) * (EXTENT / height) + 0.5
