"""Frames of a sequence: a folder of images or a video file. Unreadable frames become rejects.

A frame is identified by its number: the last number in an image's name, or its position in the
video, from 1. Its address is the image's path, or `video.avi#12` for a frame of a video.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gaittake.io.arrays import ARRAY
from gaittake.io.images import holds_several, list_images, read_image
from gaittake.io.mask_faults import EXCHANGED, NO_ALPHA, PHOTO
from gaittake.io.masks import (
    STANDARD,
    Rule,
    Verdict,
    is_around,
    is_grey,
    judge,
    judge_aligned,
    parse_rule,
    person_of,
    shows_something,
)
from gaittake.io.video import read_video, video_length, why_unreadable
from gaittake.sequence import ALIGNED, Reject
from gaittake.silhouette import Image

Size = tuple[int, int]  # rows, columns
VIDEOS = frozenset(
    {".avi", ".mp4", ".m4v", ".mov", ".mkv", ".mpg", ".mpeg", ".webm", ".gif", ARRAY}
)
_ADDRESS = re.compile(r"(.+)#(\d+)")
_GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH


def is_video(path: Path) -> bool:
    """Returns whether the name is that of a file of many frames: a video or a pickled array."""
    return path.suffix.lower() in VIDEOS


def count_frames(
    source: Path, *, stage: str, rejects: list[Reject], beside: re.Pattern[str] | None = None
) -> int:
    """Returns the number of frames of a folder or video; other files go to `rejects`.

    Args:
        source: folder or video.
        stage: the stage that counts, for the rejects.
        rejects: receives other files, and videos that cannot be read.
        beside: names of other files that are no rejects.

    Raises:
        OSError: the folder does not exist, or is a file.
    """
    if is_video(source):
        count = video_length(source)
        if not count:
            rejects.append(Reject(stage, str(source), why_unreadable(source)))
        return count
    frames, others = list_images(source)
    rejects += [
        Reject(stage, str(source / name), reason)
        for name, reason in others
        if not (beside and beside.fullmatch(name))
    ]
    return len(frames)


def frame_files(source: Path) -> list[tuple[int, Path]]:
    """Returns number and address of each frame, in order; skips other files."""
    if is_video(source):
        count = video_length(source)
        return [(number, Path(f"{source}#{number}")) for number in range(1, count + 1)]
    return [(number, source / name) for number, name in list_images(source)[0]]


def read_silhouette(path: Path, *, masks: str = str(STANDARD)) -> Image | None:
    """Returns a silhouette `[rows, columns]` uint8, or None if it cannot be read.

    Its levels are 0 and 255, or, if it is aligned already, those that are stored.

    Args:
        path: the address of a frame.
        masks: which pixels are the person, as `Sequence.masks`.
    """
    rule = _rule(masks)
    address = _ADDRESS.fullmatch(str(path))
    if address and is_video(Path(address[1])):
        numbers = {int(address[2])}
        frames = read_silhouettes(
            Path(address[1]), stage="", rejects=[], numbers=numbers, masks=masks
        )
        return next((image for _, image in frames), None)
    image = read_image(path, _flag(rule))
    if image is None:
        return None
    found = _silhouette(image, rule)
    return None if isinstance(found, str) else found


def read_silhouettes(
    source: Path,
    *,
    stage: str,
    rejects: list[Reject],
    numbers: Collection[int] | None = None,
    masks: str = str(STANDARD),
) -> Iterator[tuple[int, Image]]:
    """Yields number and silhouette of the frames; frames that are not masks are rejects.

    Levels are 0 and 255; those of silhouettes that are aligned already stay as they are stored.

    Args:
        source: folder or video.
        stage: the stage that reads, for the rejects.
        rejects: receives frames and videos that cannot be read.
        numbers: the frames to read; None: all.
        masks: which pixels are the person, as `Sequence.masks`.
    """
    rule = _rule(masks)
    for number, image in _read(source, _flag(rule), stage, rejects, numbers):
        found = _silhouette(image, rule)
        if isinstance(found, str):
            rejects.append(Reject(stage, f"{source}#{number}", found))
        else:
            yield number, found


def read_colour(
    source: Path, *, stage: str, rejects: list[Reject], numbers: Collection[int] | None = None
) -> Iterator[tuple[int, Image]]:
    """Yields number and RGB image `[rows, columns, 3]` uint8 of the frames.

    A video that cannot be opened, or is truncated, goes to `rejects`.

    Args:
        source: folder or video.
        stage: the stage that reads, for the rejects.
        rejects: receives frames and videos that cannot be read.
        numbers: the frames to read; None: all.
    """
    for number, image in _read(source, cv2.IMREAD_COLOR, stage, rejects, numbers):
        code = cv2.COLOR_BGR2RGB if image.ndim == 3 else cv2.COLOR_GRAY2RGB
        yield number, np.asarray(cv2.cvtColor(image, code), dtype=np.uint8)


def judge_masks(source: Path, masks: str = "auto") -> Verdict:
    """Returns the rule of a sequence's masks, or why they are not masks, from some of its frames.

    Args:
        source: folder or video.
        masks: the setting `source.masks`; `ALIGNED` for silhouettes that are aligned already.
    """
    aligned = masks == ALIGNED
    flag = _flag(None) if aligned else cv2.IMREAD_UNCHANGED
    numbers = [number for number, _ in frame_files(source)]
    shown: list[Any] = []
    others: list[Any] = []
    for parts in (4, 8):  # frames 1/4, 2/4, 3/4 through, then those between
        places = {len(numbers) * part // parts for part in range(1, parts, 1 if parts == 4 else 2)}
        chosen = {numbers[place] for place in places if place < len(numbers)}
        for _, image in _read(source, flag, "", [], chosen):
            (shown if shows_something(image) else others).append(image)
        if shown:
            break
    return judge_aligned(shown or others) if aligned else judge(shown or others, masks)


SIZES_DIFFER = "colour frames and silhouettes differ in size"


def describe_sizes(colour: Size | None, silhouettes: Size | None) -> str:
    """Returns both sizes, columns before rows: `320×240 colour, 64×64 silhouettes`."""
    parts = ((colour, "colour"), (silhouettes, "silhouettes"))
    return ", ".join(f"{size[1]}×{size[0]} {what}" for size, what in parts if size is not None)


def colour_size(source: Path) -> Size | None:
    """Returns rows and columns of the first readable colour frame, or None."""
    if not is_video(source):
        return _first_size(source, cv2.IMREAD_COLOR)
    frames = read_video(source, stage="", rejects=[], numbers=None)
    try:
        return next((image.shape[:2] for _, image in frames), None)
    finally:
        frames.close()


def mask_size(source: Path) -> Size | None:
    """Returns rows and columns of the first readable silhouette, or None."""
    return colour_size(source) if is_video(source) else _first_size(source, _GREY)


def _first_size(folder: Path, flag: int) -> Size | None:
    images = (image for _, image in _read(folder, flag, "", [], None))
    return next((image.shape[:2] for image in images), None)


def _rule(masks: str) -> Rule | None:
    """Returns the rule of `Sequence.masks`, or None for silhouettes that are aligned already."""
    return None if masks == ALIGNED else parse_rule(masks)


def _flag(rule: Rule | None) -> int:
    if rule is None:
        return cv2.IMREAD_GRAYSCALE
    return cv2.IMREAD_UNCHANGED if rule.channel == "alpha" else _GREY


def _silhouette(image: Any, rule: Rule | None) -> Image | str:
    """Returns the silhouette of an image, or the reason for rejecting it."""
    if rule is None:
        return _aligned(np.asarray(image, dtype=np.uint8))
    if rule.channel == "alpha":
        if image.ndim < 3 or image.shape[2] < 4:
            return NO_ALPHA.reason
        image = image[..., 3]
    elif image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if rule == STANDARD and is_grey(image) and judge([image], "bright").fault:
        return PHOTO
    found = person_of(image, rule)
    return _background_fault(found) or found


def _aligned(image: Image) -> Image | str:
    """Returns a silhouette that is aligned already, as it is, or the reason for rejecting it."""
    if max(image[:, 0].max(), image[:, -1].max()) <= STANDARD.cut:
        return image  # dark on both sides, as nearly all: nothing bright lies around
    return _background_fault(person_of(image, STANDARD)) or image


def _background_fault(person: Image) -> str | None:
    """Returns the reason for rejecting a silhouette without a background around it, or None."""
    if person.all():
        return "mask fills the whole frame"
    return EXCHANGED if is_around(person) else None


def _read(
    source: Path,
    flag: int,
    stage: str,
    rejects: list[Reject],
    numbers: Collection[int] | None,
) -> Iterator[tuple[int, Any]]:
    if is_video(source):
        yield from read_video(source, stage=stage, rejects=rejects, numbers=numbers)
        return
    for number, name in list_images(source, colour=flag == cv2.IMREAD_COLOR)[0]:
        if numbers is None or number in numbers:
            path = source / name
            image = read_image(path, flag)
            if image is None:
                several = holds_several(path)
                reason = "file of several images" if several else "unreadable image"
                rejects.append(Reject(stage, str(path), reason))
            else:
                yield number, image
