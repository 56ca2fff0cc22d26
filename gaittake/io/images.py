"""The images of a folder: which files are frames, and their pixels."""

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gaittake.io.complete import is_whole_jpeg
from gaittake.io.masks import is_mask, shows_something

_NUMBER = re.compile(r"(\d+)\.(?:png|jpg|jpeg|bmp|tif|tiff|webp|gif)$", re.IGNORECASE)
_SEVERAL = frozenset({".gif", ".tif", ".tiff", ".webp"})  # formats that hold more than one image
_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_LARGEST = 2**63 - 1  # HDF5 keeps frame numbers as int64
_COMPARED = 3  # frames of each series, where two lie side by side


def is_hidden(name: str) -> bool:
    """Returns whether a file is hidden, or created by an operating system for its own use."""
    return name.startswith(".") or name.lower() in _SYSTEM


def list_images(
    folder: Path, *, colour: bool = False
) -> tuple[list[tuple[int, str]], list[tuple[str, str]]]:
    """Returns number and name of the frames in order, and name and reason of everything else.

    Where several files have one number, a mask is taken before a photograph (for colour, a
    photograph before a mask), then the first by name.
    """
    found: dict[int, list[str]] = defaultdict(list)
    others = []
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 only names are needed
        number = _NUMBER.search(name)
        if is_hidden(name):
            others.append((name, "hidden or system file"))
        elif not number:
            others.append((name, "not a numbered image"))
        elif int(number[1]) > _LARGEST:
            others.append((name, "frame number of too many digits"))
        else:
            found[int(number[1])].append(name)
    if any(len(names) > 1 for names in found.values()):
        _sort_by_content(folder, found, colour=colour)
    for names in found.values():
        others += [(name, "duplicate frame number") for name in names[1:]]
    return [(number, found[number][0]) for number in sorted(found)], others


def _sort_by_content(folder: Path, found: dict[int, list[str]], *, colour: bool) -> None:
    """Puts the masks first in each list of names of one number; for colour, the photographs."""
    series: dict[str, list[str]] = defaultdict(list)
    for names in found.values():
        if len(names) > 1:
            for name in names:
                series[_NUMBER.sub("", name) + Path(name).suffix.lower()].append(name)
    masks = {kind: _are_masks(folder, names) for kind, names in series.items()}
    for names in found.values():
        if len(names) > 1:
            names.sort(
                key=lambda name: (
                    masks[_NUMBER.sub("", name) + Path(name).suffix.lower()] is colour,
                    name,
                )
            )


def _are_masks(folder: Path, names: list[str]) -> bool:
    """Returns whether the files of a series are masks, by some that show something."""
    shown = []
    for name in names[len(names) // 2 :] + names[: len(names) // 2]:
        image = read_image(folder / name, cv2.IMREAD_UNCHANGED)
        if image is not None and shows_something(image):
            shown.append(image)
        if len(shown) == _COMPARED:
            break
    return bool(shown) and is_mask(shown)


def holds_several(path: Path) -> bool:
    """Returns whether a file is an animation or has several pages: it would count as one frame."""
    return path.suffix.lower() in _SEVERAL and cv2.imcount(str(path)) > 1


def read_image(path: Path, flag: int) -> Any:
    """Returns the image, or None if it is damaged, truncated or unreadable."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    # OpenCV fills the missing part of a truncated JPEG with grey, without an error.
    if not content or not is_whole_jpeg(content) or holds_several(path):
        return None
    try:
        return cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flag)
    except cv2.error:  # a damaged header, for example of 65000 x 65000 pixels
        return None
