"""People that another program found in images: COCO's keypoint results, and GaitGraph's CSV.

Both formats have 17 COCO keypoints as 51 numbers: x, y and confidence of each. Files are read in
blocks, so that memory does not depend on their size.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.io.json_items import json_items
from gaittake.keypoints import NAMES, with_confidences

BLOCK = 20_000  # people
ENDINGS = (".json", ".csv")
NUMBERS = 3 * len(NAMES)
UNKNOWN = "COCO keypoint results (.json) or GaitGraph's table (.csv) are required"
Images = dict[str, str]  # name of an image by its id


class People(NamedTuple):
    """m people, in the order of the file.

    Attributes:
        images: name or path of the image of each.
        keypoints: `[m, 17, 3]`: x and y in pixels of the image, confidence in 0…1.
        scores: `[m]` of the detections; 1 where the file has none.
    """

    images: list[str]
    keypoints: Float32s
    scores: Float32s


def people_files(places: Iterable[Path], *, setting: str) -> list[Path]:
    """Returns the files of some files and folders, in the order of their names.

    Args:
        places: a folder stands for all files of known endings in it, at any depth.
        setting: that names them, for messages.

    Raises:
        UserError: one does not exist, or has no such file.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            files = sorted(path for path in place.rglob("*") if path.suffix.lower() in ENDINGS)
            if not files:
                raise UserError(f"{place}: no file in it; {setting} names it, and {UNKNOWN}")
            found += files
        elif not place.exists():
            raise UserError(f"{place}: no such file or folder; {setting} names it")
        elif place.suffix.lower() not in ENDINGS:
            raise UserError(f"{place}: {UNKNOWN}; {setting} names it")
        else:
            found.append(place)
    return found


def first_image(files: list[Path]) -> str | None:
    """Returns the name of the first image; None if its name may be in another file.

    It tells early whether the file and its names are understood.

    Raises:
        UserError: the file is in neither format, or has nobody.
    """
    path = files[0]
    if _is_table(path):
        blocks = _read_table(path, 1)
    elif (first := next(json_items(path), None)) and first[0] == "images":
        return next(iter(_named(path, first[1]).values()))
    else:
        blocks = _read_results(path, None, 1)
    for people in blocks:
        if people.images:
            return people.images[0] or None
    raise UserError(f"{path}: no person in it; {UNKNOWN}")


def read_people(files: list[Path]) -> Iterator[People]:
    """Yields the people of all files in blocks.

    Args:
        files: JSON files are lists of `{image_id or file_name, keypoints, score}`, or objects with
            such a list, `annotations`. A number as `image_id` needs the object's list `images`,
            `{id, file_name}`, in this or another of the files. A CSV has `image_name` and the 51
            numbers.

    Raises:
        UserError: a file is in neither format, or damaged; names the file and the entry.
    """
    images: Images = {}
    for path in files:
        if not _is_table(path):
            images |= _images(path)
    for path in files:
        yield from (
            _read_table(path, BLOCK) if _is_table(path) else _read_results(path, images, BLOCK)
        )


def _is_table(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _read_table(path: Path, block: int) -> Iterator[People]:
    """Yields the people of a CSV file."""
    import pandas as pd  # JSON files are also read where it is not installed

    wanted = [f"{name}_{part}" for name in NAMES for part in ("x", "y", "conf")]
    try:
        header = list(pd.read_csv(path, nrows=0).columns)
        if header != ["image_name", *wanted]:
            other = [c for c, w in zip(header, ["image_name", *wanted], strict=False) if c != w]
            raise UserError(
                f"{path}: {len(wanted) + 1} columns image_name, {', '.join(wanted[:3])}, … "
                f"{wanted[-1]} are required in this order, found {len(header)}"
                + (f", '{other[0]}' is another" if other else "")
            )
        types = {"image_name": str} | dict.fromkeys(wanted, np.float32)
        for table in pd.read_csv(path, dtype=types, chunksize=block, keep_default_na=True):
            unnamed = np.flatnonzero(table["image_name"].isna())
            if len(unnamed):
                raise UserError(f"{path}: row {table.index[unnamed[0]] + 1} has no image_name")
            keypoints = table[wanted].to_numpy(np.float32).reshape(-1, len(NAMES), 3)
            ones = np.ones(len(table), dtype=np.float32)
            yield People(table["image_name"].tolist(), with_confidences(keypoints), ones)
    except (OSError, ValueError) as error:  # pandas and UnicodeDecodeError: ValueErrors
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: not a readable CSV table of keypoints ({reason})") from error


def _read_results(path: Path, images: Images | None, block: int) -> Iterator[People]:
    """Yields the people of a JSON file."""
    entries = _people(path, images)
    while rows := list(islice(entries, block)):
        names, keypoints, scores = zip(*rows, strict=True)
        numbers = np.array(keypoints, dtype=np.float32).reshape(-1, len(NAMES), 3)
        yield People(list(names), with_confidences(numbers), np.array(scores, dtype=np.float32))


def _images(path: Path) -> Images:
    """Returns the name of each image by its id, if the JSON file has a list `images`."""
    found: Images = {}
    for name, item in json_items(path):
        if not name:
            break  # a list of people
        if name == "images":
            found |= _named(path, item)
    return found


def _named(path: Path, item: Any) -> Images:
    """Returns an entry of `images`."""
    if not isinstance(item, dict) or not {"id", "file_name"} <= item.keys():
        raise UserError(f"{path}: an entry of 'images' lacks id or file_name: {str(item)[:80]}")
    return {str(item["id"]): str(item["file_name"])}


def _people(path: Path, images: Images | None) -> Iterator[tuple[str, list[float], float]]:
    """Yields image, 51 numbers and score of each person.

    Raises:
        UserError: an entry lacks one of them.
    """
    place = 0
    for name, item in json_items(path):
        if name not in ("", "annotations"):
            continue
        place += 1
        where = f"{path}: entry {place}"
        keypoints = item.get("keypoints") if isinstance(item, dict) else None
        if keypoints is None and name:
            continue  # annotations may have boxes alone
        if not isinstance(keypoints, list):
            raise UserError(f"{where} has no list of keypoints; {UNKNOWN}")
        if len(keypoints) != NUMBERS or not all(isinstance(n, int | float) for n in keypoints):
            raise UserError(
                f"{where} has {len(keypoints)} keypoint values; {NUMBERS} numbers are required: "
                "x, y and confidence of COCO's 17 keypoints"
            )
        score = item.get("score", 1.0)
        if not isinstance(score, int | float):
            raise UserError(f"{where} has the score {score!r}; a number is required")
        yield _image_of(where, item, images), keypoints, float(score)


def _image_of(where: str, item: dict[str, Any], images: Images | None) -> str:
    """Returns the name of an entry's image; '' if it is a number, and `images` is not read."""
    name = item.get("file_name", item.get("image_id"))
    if name is None:
        raise UserError(f"{where} has neither image_id nor file_name")
    if images is not None and str(name) in images:
        return images[str(name)]
    if not isinstance(name, int):
        return str(name)
    if images is None:
        return ""
    raise UserError(
        f"{where} is of image {name}, a number; add the JSON file whose list 'images' gives its "
        "file_name"
    )
