"""Skeleton maps in the form that OpenGait reads."""

import numpy as np
import numpy.typing as npt
import pytest

from gaittake.arrays import Float32s
from gaittake.keypoints import NAMES, SKELETONGAIT_LIMBS
from gaittake.sources.skeleton import CANVAS, DEVIATION, EXTENT, skeleton_maps


def standing(confidence: float = 1.0) -> Float32s:
    """Returns `[1, 17, 3]`: somebody of height 0.9 with spread arms, the hips at (0.5, 0.5)."""
    y = [0.08, 0.06, 0.06, 0.07, 0.07, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5, 0.7, 0.7, 0.96, 0.96]
    x = [0.5, 0.51, 0.49, 0.53, 0.47, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2, 0.56, 0.44, 0.58, 0.42, 0.6]
    x.append(0.4)
    points = np.stack([x, y, np.full(17, confidence)], axis=1)
    return points[None].astype(np.float32)


def plain(points: Float32s) -> npt.NDArray[np.float64]:
    """Returns the unscaled maps of one frame, pixel by pixel, without the crop."""
    hips = points[[NAMES.index("left_hip"), NAMES.index("right_hip")], :2].mean(axis=0)
    scale = EXTENT / (points[:, 1].max() - points[:, 1].min())
    at = (points[:, :2] - hips) * scale + CANVAS / 2
    maps = np.zeros((2, CANVAS, CANVAS))
    for row in range(0, CANVAS, 9):
        for column in range(0, CANVAS, 9):
            here = np.array([column, row])
            for a, b in SKELETONGAIT_LIMBS:
                line = at[b] - at[a]
                along = np.clip(np.dot(here - at[a], line) / max(np.dot(line, line), 1e-6), 0, 1)
                near = np.square(here - at[a] - along * line).sum()
                value = min(points[a, 2], points[b, 2]) * np.exp(-near / 2 / DEVIATION**2)
                maps[0, row, column] = max(maps[0, row, column], value)
            for joint, confidence in zip(at, points[:, 2], strict=True):
                value = confidence * np.exp(-np.square(here - joint).sum() / 2 / DEVIATION**2)
                maps[1, row, column] = max(maps[1, row, column], value)
    return maps


def test_a_map_is_drawn_as_a_plain_loop_draws_it() -> None:
    from gaittake.sources import skeleton

    points = standing()[0]
    points[3, 2], points[9, 2] = 0.2, 0.6
    hips = points[[11, 12], :2].mean(axis=0)
    at = (points[:, :2] - hips) * (EXTENT / np.ptp(points[:, 1])) + CANVAS / 2
    drawn = skeleton._drawn(at.astype(np.float32), points[:, 2])
    expected = plain(points)
    assert np.abs(drawn[:, ::9, ::9] - 255 * expected[:, ::9, ::9]).max() <= 1


def test_place_and_size_of_the_skeleton_do_not_change_its_map() -> None:
    points = standing()
    moved = (points * (240, 240, 1) + (300, 80, 0)).astype(np.float32)
    difference = skeleton_maps(points).astype(int) - skeleton_maps(moved)
    assert np.abs(difference).max() <= 1


def test_form_and_confidence() -> None:
    maps = skeleton_maps(np.concatenate([standing(), standing(0.5), standing(0.0)]))
    assert maps.shape == (3, 2, 64, 64)
    assert maps.dtype == np.uint8
    assert maps[0].max() > 240
    assert 0.45 < maps[1].max() / maps[0].max() < 0.55
    assert not maps[2].any()
    assert maps[0, 0].sum() > maps[0, 1].sum()  # limbs cover more than joints
    assert maps[0].any(axis=(0, 2)).all()  # every row holds something


@pytest.mark.parametrize("frames", [0, 2])
def test_without_a_skeleton_maps_are_black(frames: int) -> None:
    maps = skeleton_maps(np.zeros((frames, 17, 3), np.float32))
    assert maps.shape == (frames, 2, 64, 64)
    assert not maps.any()
