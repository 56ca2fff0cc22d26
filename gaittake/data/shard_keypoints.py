"""Keypoints of a shard by sequence and frame: predicted, truth, both, or none."""

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from gaittake.arrays import Float32s
from gaittake.io.ragged import RaggedFile, open_ragged
from gaittake.sequence import IDENTITY, Identity, Sequence

Rows = dict[Identity, tuple[int, int]]  # first row and number of rows of each sequence


class ShardKeypoints(AbstractContextManager["ShardKeypoints"]):
    """Keypoint files, read one sequence at a time.

    Args:
        keypoints: file of the predicted keypoints, or None.
        truth: file of the renderer's true keypoints, or None.

    Attributes:
        arrays: names of the cache's arrays: `keypoints`; with both files also `truth`; without
            a file none.
        source: the file of the array `keypoints`: `keypoints` or `truth`; without a file `none`.
    """

    def __init__(self, keypoints: Path | None, truth: Path | None) -> None:
        given = [("keypoints", keypoints), ("truth", truth)]
        self._paths = [(kind, path) for kind, path in given if path is not None]
        self.arrays = ("keypoints", "truth")[: len(self._paths)]
        self.source = self._paths[0][0] if self._paths else "none"
        self._open = ExitStack()
        self._files: list[tuple[str, RaggedFile, Rows]] = []

    def __enter__(self) -> Self:
        for kind, path in self._paths:
            file = self._open.enter_context(open_ragged(path, kind=kind))
            columns = [*IDENTITY, "first_frame", "frame_count"]
            table = file.sequences[columns].itertuples(index=False, name=None)
            rows = {tuple(row[:3]): (int(row[3]), int(row[4])) for row in table}
            self._files.append((kind, file, rows))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def of(self, sequence: Sequence) -> dict[int, Float32s] | None:
        """Returns keypoints `[array, 17, 3]` in pixels of the full frame, by frame number.

        None: there is no file, so that no frame needs keypoints.
        """
        if not self._files:
            return None
        found = [_by_frame(kind, file, rows, sequence) for kind, file, rows in self._files]
        common = set(found[0]).intersection(*found[1:])
        return {number: np.stack([each[number] for each in found]) for number in common}


def _by_frame(kind: str, file: RaggedFile, rows: Rows, sequence: Sequence) -> dict[int, Float32s]:
    """Returns keypoints `[17, 3]` of one file, by frame number; true ones have confidence 1."""
    if sequence.identity not in rows:
        return {}
    first, count = rows[sequence.identity]
    if kind == "truth":
        points = file.read("joints", first, count)
        confidence = np.ones((*points.shape[:2], 1), dtype=np.float32)
        return dict(enumerate(np.concatenate([points, confidence], axis=2), start=1))
    numbers = file.read("frame", first, count)
    keypoints = file.read("keypoints", first, count)
    return {int(number): each for number, each in zip(numbers, keypoints, strict=True)}
