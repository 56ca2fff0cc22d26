"""Left and right of limbs, followed through a sequence."""

import numpy as np
import numpy.typing as npt
import pytest

from gaittake.pose.follow import LIMBS, follow

Floats = npt.NDArray[np.float64]
FRAMES = 24
HEIGHT = 100.0
LEGS = (13, 14, 15, 16)
TIME = np.arange(FRAMES) / 15
NUMBERS = np.arange(1, FRAMES + 1)
HEIGHTS = np.full(FRAMES, HEIGHT)


def walk(frames: int = FRAMES) -> Floats:
    """Returns keypoints `[s, 17, 2]` of a person who walks to the right, seen from the side."""
    time = np.arange(frames) / 15
    swing = np.sin(2 * np.pi * time)  # a stride a second
    points = np.zeros((frames, 17, 2))
    points[:, :5] = (0, 5)
    points[:, [5, 6]], points[:, [11, 12]] = (0, 20), (0, 50)
    for one, sign in ((0, 1), (1, -1)):
        points[:, 7 + one] = np.stack([-5 * sign * swing, np.full(frames, 34.0)], 1)
        points[:, 9 + one] = np.stack([-11 * sign * swing, np.full(frames, 45.0)], 1)
        points[:, 13 + one] = np.stack([9 * sign * swing, np.full(frames, 73.0)], 1)
        points[:, 15 + one] = np.stack([20 * sign * swing, np.full(frames, 96.0)], 1)
    points[..., 0] += 50 + 80 * time[:, None]
    return points


def seen(points: Floats, left: Floats) -> npt.NDArray[np.float32]:
    """Returns candidates of the truth `points`.

    Args:
        points: `[s, 17, 2]`.
        left: `[s]`, the probability that a limb's heatmaps give to the true side; the rest goes to
            the other side.
    """
    found = np.zeros((len(points), 17, 3, 3))
    found[:, :, 0, :2], found[:, :, 0, 2] = points, 0.9
    for one, other in (pair for limb in LIMBS for pair in (limb.upper, limb.lower)):
        for joint, twin, own in ((one, other, 1), (other, one, 2)):
            found[:, joint, 1, :2], found[:, joint, 2, :2] = points[:, one], points[:, other]
            found[:, joint, own, 2], found[:, joint, 3 - own, 2] = left, 1 - left
            best = np.where(left >= 0.5, joint, twin)
            found[:, joint, 0, :2] = points[np.arange(len(points)), best]
            found[:, joint, 0, 2] = np.maximum(left, 1 - left)
    return found.astype(np.float32)


def error(keypoints: npt.NDArray[np.float32], points: Floats) -> float:
    """Returns the largest distance of a leg's joint to the truth, pixels."""
    return float(np.abs(keypoints[:, LEGS, :2] - points[:, LEGS]).max())


def test_sides_exchanged_in_some_frames_are_put_right() -> None:
    points = walk()
    left = np.full(FRAMES, 0.8)
    left[[3, 4, 5, 11, 18, 19]] = 0.1
    candidates = seen(points, left)
    assert error(candidates[:, :, 0], points) > 10
    assert error(follow(candidates, NUMBERS, HEIGHTS), points) < 1e-3


def test_both_ankles_on_one_leg_are_parted() -> None:
    points = walk()
    candidates = seen(points, np.full(FRAMES, 0.7))
    # Both heatmaps prefer the left leg a little; the right leg has much of both.
    for joint in (15, 16):
        candidates[8:14, joint, 0] = candidates[8:14, 15, 0]
        candidates[8:14, joint, 1:, 2] = (0.52, 0.48)
    assert (candidates[8:14, 15, 0] == candidates[8:14, 16, 0]).all()
    assert error(follow(candidates, NUMBERS, HEIGHTS), points) < 1e-3


def test_without_a_hint_in_the_heatmaps_a_leg_stays_the_same_leg() -> None:
    points = walk()
    found = follow(seen(points, np.full(FRAMES, 0.5)), NUMBERS, HEIGHTS)
    other = points.copy()
    other[:, [13, 14, 15, 16]] = points[:, [14, 13, 16, 15]]
    assert min(error(found, points), error(found, other)) < 1e-3


def test_sure_frames_are_believed() -> None:
    points = walk()
    candidates = seen(points, np.full(FRAMES, 0.99))
    found = follow(candidates, NUMBERS, HEIGHTS)
    assert np.allclose(found[..., :2], candidates[:, :, 0, :2], atol=1e-3)


def test_other_keypoints_and_single_frames_are_unchanged() -> None:
    candidates = seen(walk(), np.full(FRAMES, 0.1))
    found = follow(candidates, NUMBERS, HEIGHTS)
    rest = [0, 1, 2, 3, 4, 5, 6, 11, 12]
    assert np.array_equal(found[:, rest], candidates[:, rest, 0])
    for frame in range(3):
        one = slice(frame, frame + 1)
        alone = follow(candidates[one], NUMBERS[one], HEIGHTS[one])
        assert np.array_equal(alone, candidates[one, :, 0])
    assert follow(candidates[:0], NUMBERS[:0], HEIGHTS[:0]).shape == (0, 17, 3)


def test_nothing_is_followed_over_a_gap() -> None:
    points = walk()
    left = np.where(np.arange(FRAMES) < 12, 0.9, 0.2)  # exchanged in the second half
    candidates = seen(points, left)
    numbers = NUMBERS + np.where(np.arange(FRAMES) < 12, 0, 7)
    together, apart = (follow(candidates, n, HEIGHTS) for n in (NUMBERS, numbers))
    assert error(together, points) < 1e-3
    halves = [
        follow(candidates[part], NUMBERS[part], HEIGHTS[part])
        for part in (slice(12), slice(12, None))
    ]
    assert np.array_equal(apart, np.concatenate(halves))
    assert error(apart[12:], points[12:]) > 10
    # Time stamps as numbers: what counts is the usual step.
    assert np.array_equal(follow(candidates, 40 * NUMBERS, HEIGHTS), together)


def test_size_and_position_in_the_frame_do_not_matter() -> None:
    points = walk()
    left = np.random.default_rng(0).uniform(0.2, 0.9, FRAMES)
    plain = follow(seen(points, left), NUMBERS, HEIGHTS)
    moved = follow(seen(3 * points + 500, left), NUMBERS, 3 * HEIGHTS)
    assert np.allclose(moved[..., :2], 3 * plain[..., :2] + 500, atol=1e-2)


def test_confidence_is_that_one_of_the_pair_is_at_the_place() -> None:
    points = walk()
    found = follow(seen(points, np.full(FRAMES, 0.5)), NUMBERS, HEIGHTS)
    apart = np.abs(points[:, 15, 0] - points[:, 16, 0]) > 10
    assert found[apart][:, [15, 16], 2] == pytest.approx(1.0)


def towards(nose: float, *, near: int, lower: float = 1.6) -> Floats:
    """Returns keypoints as `walk`'s.

    Args:
        nose: pixels that the nose is to the right of the shoulders.
        near: keypoint of the ankle near the camera.
        lower: pixels that it is lower for it.
    """
    points = walk()
    points[:, 0, 0] += nose
    points[:, near, 1] += lower
    return points


@pytest.mark.parametrize(("nose", "near"), [(8, 16), (-8, 15)])
@pytest.mark.parametrize("left", [0.5, 0.45])
def test_the_foot_that_stands_lower_is_the_nearer_one(nose: float, near: int, left: float) -> None:
    points = towards(nose, near=near)
    found = follow(seen(points, np.full(FRAMES, left)), NUMBERS, HEIGHTS)
    assert error(found, points) < 1e-3


def test_clear_heatmaps_are_believed_before_the_ground() -> None:
    points = towards(8, near=15)  # as on uneven ground
    found = follow(seen(points, np.full(FRAMES, 0.9)), NUMBERS, HEIGHTS)
    assert error(found, points) < 1e-3


@pytest.mark.parametrize("near", [15, 16])
def test_the_ground_says_nothing_about_people_seen_from_the_front(near: int) -> None:
    points = towards(0, near=near)
    found = follow(seen(points, np.full(FRAMES, 0.51)), NUMBERS, HEIGHTS)
    assert error(found, points) < 1e-3


def test_the_ground_says_nothing_before_the_feet_have_passed_each_other() -> None:
    points = towards(8, near=15)[:6]
    heatmaps = seen(points, np.full(6, 0.51))
    assert error(follow(heatmaps, NUMBERS[:6], HEIGHTS[:6]), points) < 1e-3
