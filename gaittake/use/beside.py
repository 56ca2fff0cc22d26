"""Keypoints of another program for a sequence: the file beside it, matched to its masks."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.io.frames import is_video
from gaittake.io.people import ENDINGS, read_people
from gaittake.keypoints import NAMES
from gaittake.pose.image_names import frame_of
from gaittake.pose.people import MIN_IOU, boxes_around, filled, known, overlaps
from gaittake.silhouette import Box, Image, box
from gaittake.use.locate import Shown, seen_in

# A program counts frames from 0 or from 1. Its numbers are shifted if the boxes' mean IoU then is
# larger by so much; it hardly depends on the shift where the person stays in one place.
SHIFTS = (-1, 1)
MIN_LEAD = 0.02
# From this share of frames without a person at the mask on, the file is of other frames.
MOST_ELSEWHERE = 0.5
NOWHERE = np.full((len(NAMES), 3), np.nan, dtype=np.float32)


def keypoints_beside(sequence: Path) -> Path:
    """Returns the file of a sequence's keypoints, `anna.json` or `anna.csv` of `anna.mp4`.

    Raises:
        UserError: there is none, or there are both.
    """
    stem = sequence.stem if is_video(sequence) else sequence.absolute().name
    possible = [sequence.absolute().with_name(f"{stem}{ending}") for ending in ENDINGS]
    found = [path for path in possible if path.is_file()]
    names = " or ".join(path.name for path in possible)
    if len(found) == 1:
        return found[0]
    if found:
        one, other = found
        raise UserError(f"{sequence}: keypoints in {one.name} and {other.name}; remove one of them")
    raise UserError(
        f"{sequence}: the model requires keypoints of the program that it was trained with; put "
        f"them beside the sequence, as {names} (COCO keypoint results or GaitGraph's table), or "
        "use a model with a student"
    )


class KeypointsBeside:
    """The keypoints of a sequence's masks.

    Of several people in a frame, the one at the mask is taken. Gaps of a few frames are
    interpolated, as for training.

    Args:
        file: COCO keypoint results or GaitGraph's table, of this sequence alone; see
            `gaittake.io.people`. The last number of an image's name is the frame's.
        name: of the sequence, for messages.

    Raises:
        UserError: the file is in neither format, damaged, of several sequences, or names no
            frames.
    """

    def __init__(self, file: Path, name: str) -> None:
        self._file, self._name = file, name
        self._people: dict[int, list[Float32s]] = {}
        folders: dict[str, str] = {}
        for people in read_people([file]):
            for row in np.flatnonzero(known(people.keypoints, people.scores)):
                image = people.images[row]
                folders.setdefault(image.rpartition("/")[0], image)
                self._people.setdefault(frame_of(image), []).append(people.keypoints[row])
        if len(folders) > 1:
            one, other, *_ = folders.values()
            raise UserError(
                f"{file}: images of several folders, such as {one} and {other}; a file of {name} "
                "alone is required"
            )
        if not self._people:
            raise UserError(f"{file}: no person with keypoints; those of {name} are required")
        self._numbers: list[int] = []
        self._boxes: dict[int, Box] = {}
        self._found: dict[int, Float32s] | None = None

    def watch(self, masks: Iterable[tuple[int, Image]]) -> Iterator[Image]:
        """Yields the masks `[rows, columns]` of numbered masks, and keeps where the person is."""
        for number, mask in masks:
            self._numbers.append(number)
            if (place := box(mask)) is not None:
                self._boxes[number] = place
            yield mask

    def locate(self, masks: list[Shown]) -> Float32s:
        """Returns keypoints `[n, 17, 3]` of masks that were watched; NaN where there are none.

        Raises:
            UserError: most masks have nobody of the file.
        """
        if self._found is None:
            self._found = self._matched()
        found = [self._found.get(self._numbers[shown.number], NOWHERE) for shown in masks]
        return np.stack([seen_in(rows, shown) for rows, shown in zip(found, masks, strict=True)])

    def _matched(self) -> dict[int, Float32s]:
        """Returns the keypoints `[17, 3]` by the number of the mask."""
        found = self._at(0)
        shifted = max((self._at(shift) for shift in SHIFTS), key=_agreement)
        if _agreement(shifted) > _agreement(found) + MIN_LEAD:
            found = shifted
        near = {number: rows for number, (rows, overlap) in found.items() if overlap >= MIN_IOU}
        if len(near) <= MOST_ELSEWHERE * len(self._boxes):
            raise UserError(
                f"{self._file}: a person at the mask in {len(near)} of {len(self._boxes)} "
                f"frames of {self._name}{self._example(found)}; keypoints of the same frames are "
                "required, in pixels of the masks"
            )
        return filled([number for number in self._numbers if number in self._boxes], near)

    def _at(self, shift: int) -> dict[int, tuple[Float32s, float]]:
        """Returns the nearest person and the IoU with the mask, by the number of the mask."""
        found = {}
        for number, place in self._boxes.items():
            if people := self._people.get(number + shift):
                each = overlaps(place, boxes_around(np.stack(people)))
                found[number] = people[int(each.argmax())], float(each.max())
        return found

    def _example(self, found: dict[int, tuple[Float32s, float]]) -> str:
        if not found:
            frames = sorted(self._people)
            return f", whose frames are not {frames[0]} to {frames[-1]}"
        number = sorted(found)[len(found) // 2]
        around = boxes_around(found[number][0][None])[0]
        keypoints, mask = (
            f"{x1:.0f}-{x2:.0f}, {y1:.0f}-{y2:.0f}"
            for x1, y1, x2, y2 in (around, self._boxes[number])
        )
        return f": frame {number} has keypoints at {keypoints}, a figure at {mask}"


def _agreement(found: dict[int, tuple[Float32s, float]]) -> float:
    """Returns the mean IoU of the people and the masks."""
    return float(np.mean([overlap for _, overlap in found.values()])) if found else 0.0
