"""Skeleton maps against plain restatements, and the two ways to draw them."""

import math

import pytest
import torch

from gaittake import keypoints as coco
from gaittake.keypoints import SKELETONGAIT_LIMBS
from gaittake.models.maps import skeleton_maps


def test_a_keypoint_is_drawn_at_its_place_in_the_silhouette() -> None:
    keypoints = torch.zeros(1, 2, 17, 3)
    keypoints[0, 0, 0] = torch.tensor([0.5, 0.25, 1.0])  # the middle column, a quarter down
    joints, limbs = skeleton_maps(keypoints, rows=64, columns=44)[0]
    assert joints.shape == (2, 64, 44)
    peak = (joints[0] > 0.99 * joints[0].max()).nonzero()
    assert set(peak[:, 0].tolist()) == {15, 16}
    assert set(peak[:, 1].tolist()) == {21, 22}
    assert not bool(joints[1].any())
    assert not bool(limbs.any())  # the other ends are not certain


def test_a_limb_is_drawn_between_its_keypoints() -> None:
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


def test_every_pixel_has_the_highest_gaussian_times_confidence() -> None:
    torch.manual_seed(0)
    keypoints = torch.rand(1, 1, 17, 3)
    joints, limbs = skeleton_maps(keypoints, rows=12, columns=8, deviation=1 / 16)[0, :, 0]
    points = [
        ((x - 0.5) * 12 + 4, y * 12, confidence) for x, y, confidence in keypoints[0, 0].tolist()
    ]

    def near(row: int, column: int, ends: list[tuple[float, float, float]]) -> float:
        along = [share / 2000 for share in range(2001)] if len(ends) == 2 else [0.0]
        (x, y, one), (u, v, other) = ends[0], ends[-1]
        nearest = min(
            math.dist((column + 0.5, row + 0.5), (x + s * (u - x), y + s * (v - y))) for s in along
        )
        return min(one, other) * math.exp(-((nearest / (12 / 16)) ** 2) / 2)

    for row, column in ((0, 0), (3, 5), (7, 2), (11, 7)):
        expected = max(near(row, column, [point]) for point in points)
        assert float(joints[row, column]) == pytest.approx(expected, abs=1e-5)
        expected = max(near(row, column, [points[a], points[b]]) for a, b in coco.LIMBS)
        assert float(limbs[row, column]) == pytest.approx(expected, abs=1e-3)


def test_centred_maps_do_not_depend_on_the_place_and_size_of_a_skeleton() -> None:
    keypoints = torch.rand(2, 3, 17, 3)
    scaled = keypoints.clone()
    scaled[..., :2] = 0.3 * keypoints[..., :2] + torch.tensor([0.4, 0.1])
    one, other = (skeleton_maps(k, rows=32, columns=22, centred=True) for k in (keypoints, scaled))
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    aligned = skeleton_maps(scaled, rows=32, columns=22)
    assert not torch.allclose(other, aligned, atol=0.1)


def test_a_centred_skeleton_has_the_hips_in_the_middle_and_the_published_height() -> None:
    keypoints = torch.zeros(1, 1, 17, 3)
    keypoints[0, 0, :, :2] = torch.tensor([0.3, 0.5])
    keypoints[0, 0, 0] = torch.tensor([0.3, 0.1, 1.0])  # the nose, on top
    keypoints[0, 0, 15] = torch.tensor([0.3, 0.8, 1.0])  # an ankle, below
    drawn = {"rows": 128, "columns": 88, "deviation": 1 / 64, "centred": True}
    joints = skeleton_maps(keypoints, **drawn)[0, 0, 0]
    assert int(joints.amax(dim=0).argmax()) in (43, 44)
    rows = (joints[:, 43] > 0.9).nonzero().flatten()
    assert int(rows[-1] - rows[0]) == pytest.approx(85, abs=2)
    # Hips at 0.5, the nose 0.4 above, of an extent of 0.7.
    assert int(rows[0]) == pytest.approx(64 - 85 * 4 / 7, abs=1.5)


def test_frames_of_padding_draw_nothing_however_they_are_drawn() -> None:
    for centred in (False, True):
        maps = skeleton_maps(torch.zeros(1, 2, 17, 3), rows=16, columns=12, centred=centred)
        assert maps.equal(torch.zeros(1, 2, 2, 16, 12))


def test_the_published_limbs_join_the_nose_to_the_shoulders() -> None:
    assert len(SKELETONGAIT_LIMBS) == 17
    assert set(SKELETONGAIT_LIMBS) - set(coco.LIMBS) == {(0, 5), (0, 6)}
    assert set(coco.LIMBS) - set(SKELETONGAIT_LIMBS) == {(5, 6)}
