"""Frames of a video file or a pickled array, with their right numbers despite damaged frames."""

from collections.abc import Collection, Generator
from pathlib import Path
from typing import Any

import cv2

from gaittake.io.arrays import ARRAY, read_silhouettes_array
from gaittake.io.complete import is_cut_off
from gaittake.sequence import Reject

UNREADABLE = "unreadable video"
FIRST = 30  # one of so many frames must be readable
MOST_DAMAGED = 1000  # frames in a row that are passed over


def open_video(path: Path) -> cv2.VideoCapture:
    """Returns OpenCV's reader of a video; `isOpened` is false if there is none."""
    # FFmpeg takes what stands before a colon for a protocol: `2026-11-30T12:30.mp4`.
    return cv2.VideoCapture(str(path.absolute()))


def video_length(path: Path) -> int:
    """Returns the number of frames in a video's header; counts them if the header has no number.

    Returns 0 if no frame can be decoded: not a video, or its codec is not available.
    """
    if path.suffix.lower() == ARRAY:
        try:
            return len(read_silhouettes_array(path))
        except ValueError:
            return 0
    capture = open_video(path)
    try:
        if not (capture.isOpened() and _grab_first(capture)):
            return 0
        said = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if said > 0:
            return said
        count = 1
        while capture.grab():
            count += 1
        return count
    finally:
        capture.release()


def why_unreadable(path: Path) -> str:
    """Returns the reason for rejecting a file of length 0."""
    if path.suffix.lower() == ARRAY:
        try:
            read_silhouettes_array(path)
        except ValueError as error:
            return str(error)
    return UNREADABLE


def read_video(
    path: Path, *, stage: str, rejects: list[Reject], numbers: Collection[int] | None
) -> Generator[tuple[int, Any], None, None]:
    """Yields number and BGR or grey image; damaged frames and truncated files go to `rejects`.

    The last frame of a file that was cut off may be half a frame: it is skipped with those that
    are missing. A header with too large a count is no proof of truncation.

    Args:
        path: the video.
        stage: the stage that reads, for the rejects.
        rejects: receives what cannot be read.
        numbers: frames that are wanted, from 1; None: all of them.
    """
    if path.suffix.lower() == ARRAY:
        try:
            frames = read_silhouettes_array(path)
        except ValueError as error:
            rejects.append(Reject(stage, str(path), str(error)))
            return
        for number, frame in enumerate(frames, 1):
            if numbers is None or number in numbers:
                yield number, frame
        return
    capture = open_video(path)
    try:
        expected = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        number, last = 0, None
        while step := _next(capture, number, expected):
            if last is not None:
                yield number, last
                last = None
            if numbers is not None and number >= max(numbers, default=0):
                return
            rejects += [
                Reject(stage, f"{path}#{missing}", "unreadable frame of a video")
                for missing in range(number + 1, number + step)
                if numbers is None or missing in numbers
            ]
            number += step
            if numbers is None or number in numbers:
                good, image = capture.retrieve()
                last = image if good else None
                if not good:
                    rejects.append(Reject(stage, f"{path}#{number}", "unreadable frame of a video"))
        if not number:
            rejects.append(Reject(stage, str(path), UNREADABLE))
        elif number < expected and is_cut_off(path):
            rejects.append(Reject(stage, f"{path}#{number}", "truncated video"))
        else:
            if number < expected - 1:
                reason = "video with fewer frames than its header counts"
                rejects.append(Reject(stage, f"{path}#{number + 1}", reason))
            if last is not None:
                yield number, last
    finally:
        capture.release()


def _grab_first(capture: cv2.VideoCapture) -> bool:
    return any(capture.grab() for _ in range(FIRST)) and bool(capture.retrieve()[0])


def _next(capture: cv2.VideoCapture, number: int, expected: int) -> int:
    """Goes to the next frame that can be decoded; returns how many frames later it is, 0: none.

    OpenCV passes a damaged frame over, so that the frames behind it would get its number: the time
    of the next one tells how many were lost.
    """
    before = capture.get(cv2.CAP_PROP_POS_MSEC) if number else None
    if capture.grab():
        return 1
    for lost in range(1, min(expected - number, MOST_DAMAGED) + 1):
        if capture.grab():
            rate = capture.get(cv2.CAP_PROP_FPS)
            if before is None or rate <= 0:
                return 1 + lost
            passed = (capture.get(cv2.CAP_PROP_POS_MSEC) - before) * rate / 1000
            return min(max(1, round(passed)), expected - number)
    return 0
