"""The frame rate of a recording."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from gaittake.io.frame_rate import frame_rate


def film(path: Path, fps: float) -> Path:
    codec = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (32, 24))
    for level in range(5):
        writer.write(np.full((24, 32, 3), 40 * level, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize("name", ["walk.avi", "walk.mp4"])
@pytest.mark.parametrize("fps", [12.5, 30000 / 1001, 120])
def test_the_rate_of_a_video_is_that_of_its_frames(tmp_path: Path, name: str, fps: float) -> None:
    assert frame_rate(film(tmp_path / name, fps)) == pytest.approx(fps, rel=1e-3)


def test_images_pickles_and_files_that_are_no_videos_have_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "001.png"), np.zeros((24, 32), np.uint8))
    pickled, text = tmp_path / "walk.pkl", tmp_path / "text.avi"
    pickled.write_bytes(pickle.dumps(np.zeros((5, 24, 32), np.uint8)))
    text.write_bytes(b"no video")
    for path in (tmp_path, pickled, text, tmp_path / "none.mp4"):
        assert frame_rate(path) is None
    assert "none.mp4" not in capfd.readouterr().err
