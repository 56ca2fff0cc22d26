"""Reads datasets' own keypoints: pickles, a text file for each frame, OUMVLP-Pose's JSON."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gaittake.arrays import Float32s
from gaittake.io.arrays import ARRAY, read_keypoints_array
from gaittake.keypoints import FROM_18, with_confidences
from gaittake.sequence import Reject

STAGE = "cache"
# The frame's number: before the ending, or, of OUMVLP-Pose's first subject, the four digits.
_TEXT = re.compile(r"(\d+)(?:_2d_pose)?\.txt")
_JSON = re.compile(r"(\d+)(?:_keypoints)?\.json|(?<!\d)(\d{4})(?!\d).*\.json")
DAMAGED = "unreadable file of keypoints"


def read_poses(source: Path, rejects: list[Reject]) -> dict[int, Float32s]:
    """Returns the keypoints of a sequence, `[people, 17, 3]` by frame number, in pixels.

    Args:
        source: a pickle `[n, 17, 3]`, whose frames are numbered from 1; or a folder with a file
            per frame: text `00001_2d_pose.txt` (GREW) or `human_crop_f17279.txt` (Gait3D), height
            and width of the picture and 17 × x, y, confidence; or JSON `0001.json` (OUMVLP-Pose),
            the 18 joints of several people.
        rejects: receives files that cannot be read.
    """
    if source.suffix.lower() == ARRAY:
        try:
            return dict(enumerate(read_keypoints_array(source)[:, None], 1))
        except ValueError as error:
            rejects.append(Reject(STAGE, str(source), str(error)))
            return {}
    found: dict[int, Float32s] = {}
    for path in sorted(source.iterdir()):
        for pattern, read in _FORMS:
            parsed = pattern.search(path.name)
            if not parsed:
                continue
            try:
                people = read(path)
            except (ValueError, TypeError, KeyError, OSError) as error:
                rejects.append(Reject(STAGE, str(path), f"{DAMAGED}: {str(error)[:80]}"))
                continue
            if len(people):
                found[int(next(filter(None, parsed.groups())))] = people
    return found


def _text(path: Path) -> Float32s:
    """Returns `[1, 17, 3]` of a line of comma-separated numbers.

    Raises:
        ValueError: it has another number of them.
    """
    text = path.read_text(encoding="utf-8").replace("\n", ",")
    numbers = [float(number) for number in text.split(",") if number.strip()]
    if len(numbers) != 2 + 17 * 3:
        raise ValueError(f"{len(numbers)} numbers, {2 + 17 * 3} are required")
    return _finite(np.array(numbers[2:], np.float32).reshape(1, 17, 3))


def _json(path: Path) -> Float32s:
    """Returns `[people, 17, 3]`; without people `[0, 17, 3]`.

    Raises:
        ValueError: not JSON, or not 18 joints.
    """
    people = json.loads(path.read_text(encoding="utf-8"))["people"]
    joints = np.array([person["pose_keypoints_2d"] for person in people], np.float32)
    return _finite(joints.reshape(len(people), 18, 3)[:, FROM_18])


def _finite(keypoints: Float32s) -> Float32s:
    if not np.isfinite(keypoints).all():
        raise ValueError("numbers that are not finite")
    return with_confidences(keypoints)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[Path], Float32s]], ...] = (
    (_TEXT, _text),
    (_JSON, _json),
)
