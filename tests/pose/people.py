"""Files of keypoints as other programs write them, of the tiny dataset's bar."""

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from gaittake.arrays import Float32s
from gaittake.keypoints import NAMES
from tests.pose.tiny import FRAMES, SUBJECTS, bar

COLUMNS = ("image_name", *(f"{name}_{part}" for name in NAMES for part in ("x", "y", "conf")))
Row = tuple[str, Float32s]


def points_in(box: tuple[float, float, float, float]) -> Float32s:
    """Returns keypoints `[17, 3]` whose surrounding box is about `box`."""
    x1, y1, x2, y2 = box
    share = np.linspace(0, 1, len(NAMES), dtype=np.float32)
    x = x1 + 2 + (x2 - x1 - 4) * np.abs(2 * share - 1)
    return np.stack([x, y1 + 3 + (y2 - y1 - 5) * share, np.full_like(x, 0.8)], axis=1)


def rows(
    form: str = "./{subject}-nm-01-090/{frame:06d}.jpg",
    *,
    subjects: Iterable[str] = SUBJECTS,
    shift: int = 0,
    change: Callable[[Float32s], Float32s] = lambda points: points,
    leave: Iterable[int] = (),
) -> list[Row]:
    """Returns image and keypoints of each silhouette of the tiny dataset.

    Args:
        form: of an image's name.
        subjects: names.
        shift: number of an image minus number of its silhouette.
        change: of the keypoints.
        leave: numbers of silhouettes without keypoints.
    """
    return [
        (form.format(subject=subject, frame=number + shift), change(points_in(bar(number))))
        for subject in subjects
        for number in range(1, FRAMES + 1)
        if number not in set(leave)
    ]


def write_table(path: Path, found: Iterable[Row]) -> Path:
    """Writes GaitGraph's CSV."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([name, *points.ravel().tolist()] for name, points in found)
    return path


def entries(found: Iterable[Row], score: float = 0.95) -> list[dict[str, Any]]:
    """Returns COCO's keypoint results."""
    return [
        {
            "image_id": name,
            "category_id": 1,
            "keypoints": points.ravel().tolist(),
            "score": score,
        }
        for name, points in found
    ]


def write_results(path: Path, found: Iterable[Row], score: float = 0.95) -> Path:
    """Writes COCO's keypoint results."""
    path.write_text(json.dumps(entries(found, score)))
    return path
