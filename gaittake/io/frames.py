"""Frames of a sequence: a folder of images or a video file. Unreadable frames become rejects.

A frame is identified by its number: the last number in an image's name, or its position in the
video, from 1. Its address is the image's path, or `video.avi#12` for a frame of a video.
"""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.sequence import Reject

Image = npt.NDArray[np.uint8]
VIDEOS = frozenset({".avi", ".mp4", ".m4v", ".mov", ".mkv", ".mpg", ".mpeg", ".webm"})
_NUMBER = re.compile(r"(\d+)\.(?:png|jpg|jpeg|bmp)$", re.IGNORECASE)
_ADDRESS = re.compile(r"(.+)#(\d+)")
_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_JPEG_END = b"\xff\xd9"


def is_hidden(name: str) -> bool:
    """Returns whether a file is hidden, or created by an operating system for its own use."""
    return name.startswith(".") or name.lower() in _SYSTEM


def is_video(path: Path) -> bool:
    """Returns whether the name is that of a video file."""
    return path.suffix.lower() in VIDEOS


def count_frames(source: Path, *, stage: str, rejects: list[Reject]) -> int:
    """Returns the number of frames of a folder or video; other files go to `rejects`.

    Raises:
        OSError: the folder does not exist, or is a file.
    """
    if is_video(source):
        count = _video_length(source)
        if not count:
            rejects.append(Reject(stage, str(source), "unreadable video"))
        return count
    frames, others = _list(source)
    rejects += [Reject(stage, str(source / name), reason) for name, reason in others]
    return len(frames)


def frame_files(source: Path) -> list[tuple[int, Path]]:
    """Returns number and address of each frame, in order; skips other files."""
    if is_video(source):
        count = _video_length(source)
        return [(number, Path(f"{source}#{number}")) for number in range(1, count + 1)]
    return [(number, source / name) for number, name in _list(source)[0]]


def read_silhouette(path: Path) -> Image | None:
    """Returns a silhouette `[rows, columns]` uint8 of 0 and 255, or None if it cannot be read.

    Args:
        path: the address of a frame.
    """
    address = _ADDRESS.fullmatch(str(path))
    if address and is_video(Path(address[1])):
        numbers = {int(address[2])}
        frames = read_silhouettes(Path(address[1]), stage="", rejects=[], numbers=numbers)
        return next((image for _, image in frames), None)
    image = _read_image(path, cv2.IMREAD_GRAYSCALE)
    return None if image is None else _binary(image)


def read_silhouettes(
    source: Path, *, stage: str, rejects: list[Reject], numbers: Collection[int] | None = None
) -> Iterator[tuple[int, Image]]:
    """Yields number and silhouette of the frames; unreadable ones go to `rejects`.

    Args:
        source: folder or video.
        stage: the stage that reads, for the rejects.
        rejects: receives frames and videos that cannot be read.
        numbers: the frames to read; None: all.
    """
    for number, image in _read(source, cv2.IMREAD_GRAYSCALE, stage, rejects, numbers):
        yield number, _binary(image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def read_colour(
    source: Path, *, stage: str, rejects: list[Reject], numbers: Collection[int] | None = None
) -> Iterator[tuple[int, Image]]:
    """Yields number and RGB image `[rows, columns, 3]` uint8 of the frames.

    A video that cannot be opened, or has fewer frames than its header states, goes to `rejects`.

    Args:
        source: folder or video.
        stage: the stage that reads, for the rejects.
        rejects: receives frames and videos that cannot be read.
        numbers: the frames to read; None: all.
    """
    for number, image in _read(source, cv2.IMREAD_COLOR, stage, rejects, numbers):
        yield number, np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _list(folder: Path) -> tuple[list[tuple[int, str]], list[tuple[str, str]]]:
    """Returns number and name of the frames in order, and name and reason of other files."""
    frames: dict[int, str] = {}
    others = []
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 only names are needed
        number = _NUMBER.search(name)
        if is_hidden(name):
            others.append((name, "hidden or system file"))
        elif not number:
            others.append((name, "not a numbered image"))
        elif frames.setdefault(int(number[1]), name) != name:
            others.append((name, "duplicate frame number"))
    return sorted(frames.items()), others


def _read(
    source: Path,
    flag: int,
    stage: str,
    rejects: list[Reject],
    numbers: Collection[int] | None,
) -> Iterator[tuple[int, Any]]:
    if is_video(source):
        yield from _read_video(source, stage, rejects, numbers)
        return
    for number, path in frame_files(source):
        if numbers is None or number in numbers:
            image = _read_image(path, flag)
            if image is None:
                rejects.append(Reject(stage, str(path), "unreadable image"))
            else:
                yield number, image


def _read_image(path: Path, flag: int) -> Any:
    """Returns the image, or None if it is damaged, truncated or unreadable."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    # OpenCV fills the missing part of a truncated JPEG with grey, without an error.
    truncated = path.suffix.lower() in (".jpg", ".jpeg") and _JPEG_END not in content[-64:]
    if not content or truncated:
        return None
    return cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flag)


def _read_video(
    path: Path, stage: str, rejects: list[Reject], numbers: Collection[int] | None
) -> Iterator[tuple[int, Any]]:
    """Yields number and BGR image; skips the last frame of a truncated video: it may be partial."""
    capture = cv2.VideoCapture(str(path))
    try:
        expected = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        count, last = 0, None
        while capture.grab():
            if last is not None:
                yield count, last
                last = None
            count += 1
            if numbers is None or count in numbers:
                good, image = capture.retrieve()
                last = image if good else None
        if not count:
            rejects.append(Reject(stage, str(path), "unreadable video"))
        elif count < expected:
            rejects.append(Reject(stage, f"{path}#{count}", "truncated video"))
        elif last is not None:
            yield count, last
    finally:
        capture.release()


def _video_length(path: Path) -> int:
    """Returns the number of frames in a video's header, or counts them if the header has none."""
    capture = cv2.VideoCapture(str(path))
    try:
        stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        if stated > 0:
            return stated
        count = 0
        while capture.isOpened() and capture.grab():
            count += 1
        return count
    finally:
        capture.release()


def _binary(image: Any) -> Image:
    return np.where(image > 127, 255, 0).astype(np.uint8)
