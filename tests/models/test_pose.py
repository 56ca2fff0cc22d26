"""The pose beyond the paper: what the encoder sees, and the keypoints drawn as maps."""

import pytest
import torch

from gaittake import keypoints as coco
from gaittake.models.gaittake import GaitTake
from gaittake.models.pose import ENCODED, HIPS, LIMBS, PoseEncoder, pose_numbers, skeleton_maps


def test_the_skeleton_is_the_projects() -> None:
    assert LIMBS == coco.LIMBS
    assert tuple(coco.NAMES[i] for i in HIPS) == ("left_hip", "right_hip")


def test_pose_numbers_are_joints_limbs_velocities_and_confidences() -> None:
    keypoints = torch.rand(2, 4, 17, 3)
    found = pose_numbers(keypoints)
    assert found.shape == (2, 4, ENCODED)
    joints = keypoints[1, :, :, :2]
    middle = (joints[:, 11] + joints[:, 12]) / 2
    for frame in range(4):
        relative = joints[frame] - middle[frame]
        limbs = torch.stack([joints[frame, end] - joints[frame, start] for start, end in LIMBS])
        before = joints[max(0, frame - 1)] - middle[max(0, frame - 1)]
        parts = (relative, limbs, relative - before, keypoints[1, frame, :, 2])
        expected = torch.cat([part.flatten() for part in parts])
        torch.testing.assert_close(found[1, frame], expected)


def test_where_a_pose_stands_does_not_matter_to_the_encoder() -> None:
    encoder, keypoints = PoseEncoder(8).eval(), torch.rand(2, 5, 17, 3)
    moved = keypoints + torch.tensor([0.2, -0.1, 0.0])
    torch.testing.assert_close(encoder(moved, None), encoder(keypoints, None))


def test_a_joint_is_drawn_where_the_silhouette_has_it() -> None:
    keypoints = torch.zeros(1, 2, 17, 3)
    keypoints[0, 0, 0] = torch.tensor([0.5, 0.25, 1.0])  # the middle column, a quarter down
    joints, limbs = skeleton_maps(keypoints, rows=64, columns=44)[0]
    assert joints.shape == (2, 64, 44)
    peak = (joints[0] > 0.99 * joints[0].max()).nonzero()
    assert set(peak[:, 0].tolist()) == {15, 16}
    assert set(peak[:, 1].tolist()) == {21, 22}
    assert not bool(joints[1].any())
    assert not bool(limbs.any())  # the other ends are not certain


def test_a_limb_is_drawn_from_joint_to_joint() -> None:
    keypoints = torch.zeros(1, 1, 17, 3)
    keypoints[0, 0, 5] = torch.tensor([0.3, 0.2, 1.0])  # shoulder
    keypoints[0, 0, 7] = torch.tensor([0.7, 0.6, 0.5])  # elbow, less certain
    limbs = skeleton_maps(keypoints, rows=64, columns=64)[0, 1, 0]
    for share in torch.linspace(0.1, 0.9, 9):
        column, row = 64 * (0.3 + 0.4 * share), 64 * (0.2 + 0.4 * share)
        assert 0.35 < float(limbs[int(row), int(column)]) <= 1.0
    assert float(limbs[10, 50]) < 1e-3
    assert float(limbs.max()) <= 1.0


def test_mirrored_keypoints_draw_mirrored_maps() -> None:
    keypoints = torch.rand(2, 3, 17, 3)
    mirrored = keypoints[:, :, list(coco.MIRROR)] * torch.tensor([-1.0, 1.0, 1.0])
    mirrored = mirrored + torch.tensor([1.0, 0.0, 0.0])
    one, other = (skeleton_maps(k, rows=16, columns=12) for k in (keypoints, mirrored))
    torch.testing.assert_close(one.flip(-1), other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("silhouettes", [True, False])
def test_maps_stand_beside_the_silhouettes_or_in_their_place(silhouettes: bool) -> None:
    torch.manual_seed(0)
    small = {"height": 16, "width": 8, "channels": (2, 3, 4), "strips": 4, "embedding": 5}
    network = GaitTake(**small, silhouettes=silhouettes, keypoints=False, skeleton_maps=True)
    images, keypoints = torch.rand(2, 10, 16, 8), torch.rand(2, 10, 17, 3)
    found = network(images, keypoints)
    assert found.shape == (2, 16, 5)
    assert not found.equal(network(images, keypoints.flip(1)))
    assert found.equal(network(images * 0, keypoints)) is not silhouettes
