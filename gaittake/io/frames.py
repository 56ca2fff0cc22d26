"""Frames from image folders and videos. What cannot be read is reported, never skipped silently."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.sequence import Reject

Image = npt.NDArray[np.uint8]
_NUMBER = re.compile(r"(\d+)\.(?:png|jpg|jpeg|bmp)$", re.IGNORECASE)


def frame_files(folder: Path) -> list[tuple[int, Path]]:
    """Returns the frames of a folder in order: the last number of a file's name, and its path.

    Hidden files and files that are no images are left out.
    """
    found = []
    for path in folder.iterdir():
        number = _NUMBER.search(path.name)
        if number and not path.name.startswith("."):
            found.append((int(number[1]), path))
    return sorted(found)


def read_silhouette(path: Path) -> Image | None:
    """Returns a silhouette `[rows, columns]` uint8 of 0 and 255, or None if it cannot be read."""
    image: Any = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        return None
    return np.where(image > 127, 255, 0).astype(np.uint8)


def read_silhouettes(
    folder: Path, *, stage: str, rejects: list[Reject]
) -> Iterator[tuple[int, Image]]:
    """Yields frame number and silhouette of each readable frame; the others go to `rejects`."""
    for number, path in frame_files(folder):
        image = read_silhouette(path)
        if image is None:
            rejects.append(Reject(stage, str(path), "unreadable image"))
        else:
            yield number, image


def read_video(path: Path, *, stage: str, rejects: list[Reject]) -> Iterator[tuple[int, Image]]:
    """Yields frame number (from 1) and RGB frame `[rows, columns, 3]` uint8 of a video.

    A video that cannot be opened, or ends before its own count of frames, goes to `rejects`.
    """
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            rejects.append(Reject(stage, str(path), "unreadable video"))
            return
        expected = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        number = 0
        while True:
            good, image = capture.read()
            if not good:
                break
            number += 1
            yield number, np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        if number < expected:
            rejects.append(Reject(stage, f"{path}#{number + 1}", "truncated video"))
    finally:
        capture.release()
