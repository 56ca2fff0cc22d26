"""Extensions of the pose branch: the encoder's inputs, maps as inputs, separate heads."""

import pytest
import torch

from gaittake import keypoints as coco
from gaittake.models.build import build_gaittake
from gaittake.models.gaittake import GaitTake
from gaittake.models.pose import (
    ENCODED,
    HIPS,
    LEFT,
    RIGHT,
    PoseEncoder,
    pose_numbers,
)


def test_left_and_right_keypoints_are_those_of_coco() -> None:
    assert tuple(coco.NAMES[HIPS]) == ("left_hip", "right_hip")
    assert [coco.MIRROR[joint] for joint in LEFT] == RIGHT.tolist()
    assert all(coco.NAMES[joint].startswith("left_") for joint in LEFT)


def test_pose_numbers_are_positions_velocities_limbs_and_confidences_of_both_sides() -> None:
    keypoints = torch.rand(2, 4, 17, 3)
    found = pose_numbers(keypoints)
    assert found.shape == (2, 4, ENCODED)
    joints = keypoints[1, :, :, :2]
    relative = joints - (joints[:, 11:12] + joints[:, 12:13]) / 2
    sides = [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)]
    limbs = [(0, 1), (1, 3), (5, 7), (7, 9), (5, 11), (11, 13), (13, 15)]
    twin = {0: 0} | dict(sides)
    for frame in range(4):
        moved = relative[frame] - relative[max(0, frame - 1)]
        bones = [
            (joints[frame, b] - joints[frame, a], joints[frame, twin[b]] - joints[frame, twin[a]])
            for a, b in limbs
        ]
        pairs = bones + [
            (v[left], v[right]) for v in (relative[frame], moved) for left, right in sides
        ]
        expected = [*relative[frame, 0], *moved[0]]
        for left, right in pairs:
            half = (left - right) / 2
            expected += [*(left + right) / 2, *half.abs(), half[0] * half[1]]
        certain = keypoints[1, frame, :, 2]
        expected += [certain[left] + certain[right] for left, right in sides]
        expected += [(certain[left] - certain[right]).abs() for left, right in sides]
        torch.testing.assert_close(found[1, frame], torch.stack([*expected, certain[0]]))


def test_the_encoder_does_not_depend_on_which_side_is_called_left() -> None:
    encoder, keypoints = PoseEncoder(8).eval(), torch.rand(2, 5, 17, 3)
    exchanged = encoder(keypoints[:, :, list(coco.MIRROR)], None)
    torch.testing.assert_close(exchanged, encoder(keypoints, None))
    assert not torch.allclose(encoder(keypoints.flip(2), None), encoder(keypoints, None))


def test_the_encoder_does_not_depend_on_the_position_of_a_pose() -> None:
    encoder, keypoints = PoseEncoder(8).eval(), torch.rand(2, 5, 17, 3)
    moved = keypoints + torch.tensor([0.2, -0.1, 0.0])
    torch.testing.assert_close(encoder(moved, None), encoder(keypoints, None))


@pytest.mark.parametrize("silhouettes", [True, False])
def test_maps_are_added_to_the_silhouettes_or_replace_them(silhouettes: bool) -> None:
    torch.manual_seed(0)
    small = {"height": 16, "width": 8, "channels": (2, 3, 4), "strips": 4, "embedding": 5}
    network = build_gaittake(**small, silhouettes=silhouettes, keypoints=False, skeleton_maps=True)
    images, keypoints = torch.rand(2, 10, 16, 8), torch.rand(2, 10, 17, 3)
    found = network(images, keypoints)
    assert found.shape == (2, 16, 5)
    assert not found.equal(network(images, keypoints.flip(1)))
    assert found.equal(network(images * 0, keypoints)) is not silhouettes


def apart() -> GaitTake:
    torch.manual_seed(0)
    small = {"height": 16, "width": 8, "channels": (2, 3, 4), "strips": 4, "embedding": 5}
    return build_gaittake(**small, pose_channels=6, fusion="apart")


def test_separate_heads_use_separate_inputs() -> None:
    network, images, keypoints = apart().eval(), torch.rand(2, 10, 16, 8), torch.rand(2, 10, 17, 3)
    found = network(images, keypoints)
    assert found.shape == (2, 16 + 8, 5)
    assert network(images, keypoints.flip(1))[:, :16].equal(found[:, :16])
    assert not network(images, keypoints.flip(1))[:, 16:].equal(found[:, 16:])
    assert network(images.flip(1), keypoints)[:, 16:].equal(found[:, 16:])
    assert not network(images.flip(1), keypoints)[:, :16].equal(found[:, :16])


def test_parts_have_equal_spread_in_evaluation_and_their_own_in_training() -> None:
    network, images, keypoints = apart(), torch.rand(6, 10, 16, 8), torch.rand(6, 10, 17, 3)
    with torch.no_grad():
        network.heads.pose.weight *= 100
        raw = network(images, keypoints)
        for _ in range(200):
            network.heads.scale.update(raw)
        assert network.heads.scale(raw).equal(raw)
        divided = network.heads.scale.eval()(raw)
    centred = divided - divided.mean(dim=0)
    spread = centred.square().sum(dim=2).mean(dim=0).sqrt()
    torch.testing.assert_close(spread, torch.ones(24), atol=1e-3, rtol=1e-3)
