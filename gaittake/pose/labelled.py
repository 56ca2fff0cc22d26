"""Files of keypoints per frame: the form that pseudo-labels and predictions share."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gaittake.io.ragged import RaggedWriter
from gaittake.pose.match import Box
from gaittake.sequence import Sequence

ARRAYS = {"keypoints": ("f4", (17, 3)), "boxes": ("f4", (4,)), "frame": ("i4", ())}


class Labelled(NamedTuple):
    """A frame with its keypoints.

    Attributes:
        number: frame number, from the file's name.
        box: of the figure in the silhouette, pixels.
        keypoints: `[17, 3]`: x and y in pixels of the full frame, confidence.
    """

    number: int
    box: Box
    keypoints: npt.NDArray[np.float32]


def append_walk(writer: RaggedWriter, walk: Sequence, frames: list[Labelled]) -> None:
    """Adds one sequence, which may have no frame at all."""
    writer.append(
        subject=walk.subject,
        condition=walk.condition,
        number=walk.number,
        view=walk.view,
        keypoints=np.array([f.keypoints for f in frames], dtype=np.float32).reshape(-1, 17, 3),
        boxes=np.array([f.box for f in frames], dtype=np.float32).reshape(-1, 4),
        frame=np.array([f.number for f in frames], dtype=np.int32),
    )
