"""Finds the sequence and frame of another program's image by its name.

Accepted are a folder for each sequence (`001-bg-01-000/000012.jpg`, GaitGraph's), the folders of
a dataset (`001/bg-01/000/000012.jpg`), and a file's name alone (`001-bg-01-000-012.png`).
"""

import re
from pathlib import Path
from typing import NamedTuple

from gaittake.errors import UserError
from gaittake.io.people import first_image
from gaittake.sequence import Sequence

FORMS = "001-bg-01-000/000012.jpg, 001/bg-01/000/000012.jpg or 001-bg-01-000-012.png"
_NAME = re.compile(r"(?:(?P<folder>.*)/)?(?P<prefix>[^/]*?)[-_ ]?(?P<frame>\d+)(?:\.[A-Za-z]\w*)?")
_DASHES = 2  # at least, in the name of a sequence in one word
_LARGEST = 2**63 - 1  # HDF5 keeps frame numbers as int64


class Place(NamedTuple):
    """What an image's name says.

    Attributes:
        sequence: text that `keys` can compare with a sequence: up to three folders, and what stands
            before the frame's number.
        frame: number of the frame.
    """

    sequence: str
    frame: int


def place_of(image: str) -> Place:
    """Returns the sequence and the frame that an image's name stands for.

    Raises:
        UserError: it has no form that is understood.
    """
    found = _NAME.fullmatch(image.replace("\\", "/"))
    if found and int(found["frame"]) <= _LARGEST:
        folders = [part for part in (found["folder"] or "").split("/") if part not in ("", ".")]
        sequence = "/".join([*folders[-3:], found["prefix"]])
        if keys(sequence):
            return Place(sequence, int(found["frame"]))
    raise UserError(
        f"image '{image}': no sequence and frame in this name; names like {FORMS} are required: "
        "subject, condition, view, frame"
    )


def frame_of(image: str) -> int:
    """Returns the frame that the name of an image of one sequence stands for: its last number.

    Raises:
        UserError: it has none.
    """
    found = _NAME.fullmatch(image.replace("\\", "/"))
    if found is None:
        raise UserError(f"image '{image}': no number of a frame; a name like 012.jpg is required")
    return int(found["frame"])


def check_people(files: list[Path]) -> None:
    """Checks the first person of the files: their form, and the name of the image.

    Raises:
        UserError: they are not understood.
    """
    image = first_image(files)
    if image is not None:
        try:
            place_of(image)
        except UserError as error:
            raise UserError(f"{files[0]}: {error}") from error


def keys(sequence: str) -> list[str]:
    """Returns the keys of the sequences that `Place.sequence` may stand for."""
    *folders, prefix = sequence.split("/")
    texts = ["-".join(folders[-3:]) if len(folders) >= 3 else "", folders[-1] if folders else ""]
    return [_key(text) for text in (*texts, prefix) if text.count("-") >= _DASHES]


def key_of(sequence: Sequence) -> str:
    """Returns the key of a sequence of the dataset."""
    return _key(sequence.name.replace("/", "-"))


def _key(text: str) -> str:
    """Returns a name without the leading zeros of its numbers: views are 0 or 000."""
    parts = text.split("-")
    return "-".join(part.lstrip("0") or "0" if part.isdecimal() else part for part in parts)
