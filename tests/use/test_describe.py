"""What is said of a distance and of a sequence."""

from collections import Counter

import numpy as np
import pytest

from gaittake.use.describe import describe_comparison, usable_frames
from gaittake.use.model import Model
from gaittake.use.motion import without_stride


def test_a_distance_outside_the_calibration_gets_no_verdict(model: Model) -> None:
    largest = model.about.calibration.largest
    inside, outside = (describe_comparison(f * largest, model.about) for f in (0.99, 1.01))
    assert "accepted as one person" in inside
    assert "accepted" not in outside
    assert "unlike anything seen in calibration" in outside
    assert "SYNTHETIC" in outside


def test_usable_frames_are_counted_with_the_reasons_of_the_others() -> None:
    dropped = Counter({"too small": 1, "cut by the border": 45})
    expected = "14 of 60 frames usable (45 cut by the border, 1 too small)"
    assert usable_frames(14, dropped) == expected
    assert usable_frames(14, Counter()) == "14 of 14 frames usable"


def walking(frames: int, step: int) -> np.ndarray:
    images = np.zeros((frames, 64, 44), np.uint8)
    images[:, :40, 17:27] = 255
    for n in range(frames):
        reach = round(2 + 14 * abs(np.sin(np.pi * n / step)))
        images[n, 40:, 22 - reach : 22 + reach] = 255
    return images


@pytest.mark.parametrize(
    ("frames", "step", "expected"),
    [
        (60, 15, None),
        (28, 16, "less than one stride"),
        (60, 120, "no step is repeated"),
        (30, 6000, "hardly changes"),
    ],
)
def test_sequences_without_a_whole_stride_give_a_warning(
    frames: int, step: int, expected: str | None
) -> None:
    warning = without_stride("anna", walking(frames, step))
    assert (warning is None) if expected is None else (expected in str(warning))
