"""The keypoints of a shard by sequence and frame: predicted, exact, or both."""

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from gaittake.io.ragged import RaggedFile, open_ragged
from gaittake.sequence import Sequence

Floats = npt.NDArray[np.float32]
# First row and row count by subject, condition, number, view.
Places = dict[tuple[str, str, int, int], tuple[int, int]]


class Joints(AbstractContextManager["Joints"]):
    """Files of keypoints, read a sequence at a time.

    Args:
        keypoints: predicted keypoints.
        truth: the renderer's joints.

    Attributes:
        arrays: where the cache keeps them. `keypoints` are the predicted ones, where there are
            such; then the renderer's are `truth`.
        source: whether `keypoints` came from `keypoints` or `truth`.
    """

    def __init__(self, keypoints: Path | None, truth: Path | None) -> None:
        given = [("keypoints", keypoints), ("truth", truth)]
        self._paths = [(kind, path) for kind, path in given if path is not None]
        if not self._paths:
            raise ValueError("keypoints or truth: one of the two files is needed")
        self.arrays = ("keypoints", "truth")[: len(self._paths)]
        self.source = self._paths[0][0]
        self._open = ExitStack()
        self._files: list[tuple[str, RaggedFile, Places]] = []

    def __enter__(self) -> Self:
        for kind, path in self._paths:
            file = self._open.enter_context(open_ragged(path, kind=kind))
            columns = ["subject", "condition", "number", "view", "first_frame", "frame_count"]
            table = file.sequences[columns].itertuples(index=False, name=None)
            places = {
                (s, c, int(n), int(v)): (int(first), int(count))
                for s, c, n, v, first, count in table
            }
            self._files.append((kind, file, places))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def of(self, sequence: Sequence) -> dict[int, Floats]:
        """Returns keypoints `[array, 17, 3]` in pixels of the full frame, by the frame's number."""
        found = [_by_frame(kind, file, places, sequence) for kind, file, places in self._files]
        common = set(found[0]).intersection(*found[1:])
        return {number: np.stack([rows[number] for rows in found]) for number in common}


def _by_frame(
    kind: str,
    file: RaggedFile,
    places: Places,
    sequence: Sequence,
) -> dict[int, Floats]:
    """Returns keypoints `[17, 3]` of one file, by the frame's number."""
    if sequence[:4] not in places:
        return {}
    first, count = places[sequence[:4]]
    if kind == "truth":
        joints = file.read("joints", first, count)
        certain = np.ones((*joints.shape[:2], 1), dtype=np.float32)
        return dict(enumerate(np.concatenate([joints, certain], axis=2), start=1))
    numbers = file.read("frame", first, count)
    keypoints = file.read("keypoints", first, count)
    return {int(number): rows for number, rows in zip(numbers, keypoints, strict=True)}
