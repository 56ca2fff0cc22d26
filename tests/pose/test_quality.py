"""The quality of the keypoints where there is nothing to measure it by."""

from pathlib import Path

import numpy as np
import pytest

from gaittake.pose import quality
from gaittake.pose.keypoint_file import SequenceKeypoints


@pytest.mark.parametrize("sure", [0.0, 0.9])
def test_a_comparison_without_a_visible_keypoint_is_null(
    sure: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SequenceKeypoints(
        frame=np.array([1, 2]),
        keypoints=np.full((2, 17, 2), 5, dtype=np.float32),
        confidence=np.full((2, 17), sure, dtype=np.float32),
        boxes=np.array([[0, 0, 10, 20]] * 2, dtype=np.float32),
    )
    key = ("001", "nm-01", "090")
    monkeypatch.setattr(quality, "read_keypoints", lambda *_: {key: found})
    files = ("keypoints", [Path("one.h5")])
    assert (quality.compare(files, files, None) is None) == (sure == 0)
