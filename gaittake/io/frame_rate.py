"""The frame rate of a recording."""

from pathlib import Path

import cv2

from gaittake.io.arrays import ARRAY
from gaittake.io.frames import is_video
from gaittake.io.video import open_video

TIMED = 60  # frames whose time stamps are compared


def frame_rate(source: Path) -> float | None:
    """Returns the frames per second of a sequence; None for images, which have none.

    They are measured by the time stamps of the first frames, since headers may hold the unit of the
    time stamps or, of a variable rate, the highest. None also for a pickled array, and for a file
    that is no video.

    Args:
        source: folder or video.
    """
    if not (is_video(source) and source.is_file()) or source.suffix.lower() == ARRAY:
        return None
    capture = open_video(source)
    try:
        times: list[float] = []
        while len(times) < TIMED and capture.grab():
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        said = capture.get(cv2.CAP_PROP_FPS)
    finally:
        capture.release()
    passed = times[-1] - times[0] if times else 0.0
    rate = (len(times) - 1) / passed if passed > 0 else said
    return rate if rate > 0 else None
