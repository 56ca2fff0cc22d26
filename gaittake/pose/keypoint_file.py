"""Keypoint files: the keypoints of each sequence, as pseudo-labels, predictions or the truth."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float32s
from gaittake.io.ragged import RaggedFile, RaggedWriter, open_ragged
from gaittake.sequence import Identity, Sequence
from gaittake.silhouette import Box

# Of pseudo-labels and predictions; the renderer writes the truth.
ARRAYS = {"keypoints": ("f4", (17, 3)), "boxes": ("f4", (4,)), "frame": ("i8", ())}


class FrameKeypoints(NamedTuple):
    """The keypoints of one frame.

    Attributes:
        number: frame number, from the file's name.
        box: of the silhouette.
        keypoints: `[17, 3]`: x and y in pixels of the full frame, confidence.
    """

    number: int
    box: Box
    keypoints: Float32s


class SequenceKeypoints(NamedTuple):
    """The keypoints of one sequence.

    Attributes:
        frame: `[s]` frame numbers.
        keypoints: `[s, 17, 2]` pixels.
        confidence: `[s, 17]`; in the truth 1 for visible, 0 for hidden keypoints.
        boxes: `[s, 4]` pixels.
    """

    frame: npt.NDArray[np.int64]
    keypoints: Float32s
    confidence: Float32s
    boxes: Float32s


def append_sequence(writer: RaggedWriter, sequence: Sequence, frames: list[FrameKeypoints]) -> None:
    """Appends one sequence, which may have no frames."""
    writer.append(
        sequence.identity,
        keypoints=np.array([f.keypoints for f in frames], dtype=np.float32).reshape(-1, 17, 3),
        boxes=np.array([f.box for f in frames], dtype=np.float32).reshape(-1, 4),
        frame=np.array([f.number for f in frames], dtype=np.int64),
    )


def read_keypoints(
    path: Path, kind: str, subjects: set[str] | None
) -> dict[Identity, SequenceKeypoints]:
    """Returns the keypoints of each sequence.

    Args:
        path: the file.
        kind: `keypoints`, `pseudo_labels` or `truth`.
        subjects: the subjects to read; None: all.

    Raises:
        UserError: not a complete file of this kind.
    """
    with open_ragged(path, kind=kind) as file:
        return dict(_sequences(file, subjects, truth=kind == "truth"))


def _sequences(
    file: RaggedFile, subjects: set[str] | None, *, truth: bool
) -> Iterator[tuple[Identity, SequenceKeypoints]]:
    for row in file.sequences.to_dict("records"):
        if subjects is not None and row["subject"] not in subjects:
            continue
        key = (row["subject"], row["type"], row["view"])
        rows = (row["first_frame"], row["frame_count"])
        boxes = file.read("boxes", *rows)
        if truth:
            # The renderer's frames are numbered from 1, without gaps.
            frame = np.arange(1, row["frame_count"] + 1)
            keypoints, confidence = file.read("joints", *rows), file.read("visible", *rows)
        else:
            frame, found = file.read("frame", *rows), file.read("keypoints", *rows)
            keypoints, confidence = found[..., :2], found[..., 2]
        yield key, SequenceKeypoints(frame, keypoints, confidence.astype(np.float32), boxes)
