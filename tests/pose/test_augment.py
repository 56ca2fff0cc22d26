"""Augmentation: labels move with the pixels."""

import numpy as np
import pytest

from gaittake.pose.augment import Sample, augment, move


def marked() -> Sample:
    """Returns a frame whose only bright pixels are keypoints 1 (left eye) and 2 (right eye)."""
    image = np.zeros((60, 80, 3), dtype=np.uint8)
    image[20:23, 30:33], image[40:43, 50:53] = 255, 255
    keypoints = np.zeros((17, 3), dtype=np.float32)
    keypoints[1], keypoints[2] = (31.5, 21.5, 1), (51.5, 41.5, 1)
    return Sample(image, np.array([25, 15, 60, 50], dtype=np.float32), keypoints)


def brightness(sample: Sample, keypoint: int) -> int:
    x, y = sample.keypoints[keypoint, :2]
    return int(sample.image[int(y), int(x), 0])


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize(("scale", "shift"), [(1.0, (4.0, -3.0)), (1.2, (0.0, 0.0)), (0.8, (9, 9))])
def test_keypoints_move_with_the_pixels(
    scale: float, shift: tuple[float, float], smooth: bool
) -> None:
    moved = move(marked(), scale, shift, smooth=smooth)
    assert brightness(moved, 1) > 200
    assert brightness(moved, 2) > 200
    width = moved.keypoints[2, 0] - moved.keypoints[1, 0]
    assert width == pytest.approx(20 * scale, abs=1e-4)


def test_the_box_stays_inside_the_frame() -> None:
    random = np.random.default_rng(0)
    sample = marked()._replace(box=np.array([0, 0, 79, 60], dtype=np.float32))
    for _ in range(50):
        box = augment(sample, random, colour=True).box
        assert (box >= -1e-3).all()
        assert (box <= np.array([80, 60, 80, 60]) + 1e-3).all()


def test_silhouettes_keep_their_two_values() -> None:
    random = np.random.default_rng(1)
    for _ in range(10):
        assert set(np.unique(augment(marked(), random, colour=False).image)) <= {0, 255}
