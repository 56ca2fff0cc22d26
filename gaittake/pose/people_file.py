"""The people of the user's files, sorted by sequence and frame, in one file of the pipeline."""

import logging
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

import numpy as np
import numpy.typing as npt
import torch

from gaittake.arrays import Int64s
from gaittake.errors import UserError
from gaittake.io.people import read_people
from gaittake.io.ragged import RaggedFile, RaggedWriter, open_ragged
from gaittake.pose.image_names import key_of, keys, place_of
from gaittake.pose.locate import Detections
from gaittake.pose.people import boxes_around, known
from gaittake.sequence import Sequence

logger = logging.getLogger(__name__)
KIND = "people"
ARRAYS = {"keypoints": ("f4", (17, 3)), "score": ("f4", ()), "frame": ("i8", ())}
NUMBERS = 17 * 3 + 1  # of a person on disk: keypoints and score


def collect_people(files: list[Path], *, out: Path) -> None:
    """Writes the people of all files, sorted by sequence and frame.

    Each file is read once. People without a keypoint (confidence 0), or with a value that is not
    finite, are dropped. In memory are 20 bytes a person, whatever the files' size.

    Args:
        files: see `gaittake.io.people`.
        out: the people; the column `subject` has the text of `image_names.place_of`.

    Raises:
        UserError: a file is damaged, an image's name is not understood, or nobody is found.
    """
    texts: dict[str, int] = {}
    codes, frames = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    total = 0
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=out.parent) as raw:
        for people in read_people(files):
            seen = known(people.keypoints, people.scores)
            total += len(seen)
            images = [people.images[row] for row in np.flatnonzero(seen)]
            places = [place_of(image) for image in images]
            codes.append(
                np.array([texts.setdefault(p.sequence, len(texts)) for p in places], np.int32)
            )
            frames.append(np.array([place.frame for place in places], np.int64))
            numbers = people.keypoints[seen].reshape(-1, NUMBERS - 1)
            raw.write(np.column_stack([numbers, people.scores[seen]]).astype("f4").tobytes())
        if not texts:
            raise UserError(
                f"{files[0]}: no person with keypoints among {total} entries of all files"
            )
        raw.flush()
        _write_sorted(raw, np.concatenate(codes), np.concatenate(frames), list(texts), out)
    kept = sum(map(len, frames))
    logger.info(
        "%d people in %d sequences; %d without keypoints dropped", kept, len(texts), total - kept
    )


def _write_sorted(
    raw: IO[bytes], codes: npt.NDArray[np.int32], frames: Int64s, texts: list[str], out: Path
) -> None:
    """Writes the people of a file on disk, sequence by sequence."""
    order = np.lexsort((frames, codes))
    rows = np.memmap(raw, dtype="f4", mode="r", shape=(len(order), NUMBERS))
    stops = np.cumsum(np.bincount(codes, minlength=len(texts)))
    with RaggedWriter(out, kind=KIND, arrays=ARRAYS) as writer:
        for text, start, stop in zip(texts, np.r_[0, stops[:-1]], stops, strict=True):
            chosen = order[start:stop]
            people = rows[chosen]
            writer.append(
                (text, "", ""),
                keypoints=people[:, :-1].reshape(-1, 17, 3),
                score=people[:, -1],
                frame=frames[chosen],
            )


class PeopleFile(AbstractContextManager["PeopleFile"]):
    """The file that `collect_people` writes, read one sequence at a time.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open = ExitStack()
        self._rows: dict[str, list[tuple[int, int]]] = {}
        self.example = ""

    def __enter__(self) -> Self:
        self._file: RaggedFile = self._open.enter_context(open_ragged(self._path, kind=KIND))
        columns = self._file.sequences[["subject", "first_frame", "frame_count"]]
        self.example = str(columns["subject"].iloc[0])
        for text, first, count in columns.itertuples(index=False, name=None):
            for key in dict.fromkeys(keys(text)):
                self._rows.setdefault(key, []).append((int(first), int(count)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def has(self, sequence: Sequence) -> bool:
        """Returns whether the files name a sequence."""
        return key_of(sequence) in self._rows

    def of(self, sequence: Sequence) -> dict[int, Detections]:
        """Returns the people of a sequence by frame number; their boxes enclose the keypoints."""
        found: dict[int, list[Detections]] = {}
        for first, count in self._rows.get(key_of(sequence), []):
            keypoints, scores, frames = (
                self._file.read(name, first, count) for name in ("keypoints", "score", "frame")
            )
            boxes = torch.from_numpy(boxes_around(keypoints))
            starts = np.flatnonzero(np.r_[True, frames[1:] != frames[:-1]])
            for start, stop in zip(starts, [*starts[1:], len(frames)], strict=True):
                people = Detections(
                    boxes[start:stop],
                    torch.from_numpy(scores[start:stop]),
                    torch.from_numpy(keypoints[start:stop]),
                )
                found.setdefault(int(frames[start]), []).append(people)
        return {
            frame: Detections(*map(torch.cat, zip(*parts, strict=True)))
            for frame, parts in found.items()
        }
