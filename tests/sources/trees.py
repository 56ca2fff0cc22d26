"""Writes small datasets: a block that moves through frames of 48×40 pixels."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.io.ragged import RaggedWriter
from gaittake.io.tables import read_sequences
from gaittake.sequence import Reject

Image = npt.NDArray[np.uint8]
SIZE = (40, 48)
FRAMES = (7, 8, 9)


def silhouette(number: int) -> Image:
    """Returns a block of 24×12 pixels; it moves two pixels to the right per frame."""
    image = np.zeros(SIZE, dtype=np.uint8)
    left = 2 * (number % 18)
    image[8:32, left : left + 12] = 255
    return image


def write_frames(folder: Path, stem: str = "", frames: tuple[int, ...] = FRAMES) -> None:
    """Writes silhouettes `{stem}007.png`, …"""
    folder.mkdir(parents=True, exist_ok=True)
    for number in frames:
        cv2.imwrite(str(folder / f"{stem}{number:03d}.png"), silhouette(number))


def write_video(path: Path, frames: int = 12, size: tuple[int, int] = SIZE) -> None:
    """Writes a video whose frame `n`, from 1, shows `silhouette(n)` as RGB, scaled to `size`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = "MJPG" if path.suffix == ".avi" else "mp4v"
    rows, columns = size
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25.0, (columns, rows))
    assert writer.isOpened()
    for number in range(1, frames + 1):
        image = cv2.resize(silhouette(number), (columns, rows), interpolation=cv2.INTER_NEAREST)
        writer.write(np.repeat(image[..., None], 3, axis=-1))
    writer.release()


def write_casiab(
    root: Path,
    subjects: tuple[str, ...] = ("001", "002"),
    sequences: tuple[str, ...] = ("nm-01", "nm-02"),
    views: tuple[int, ...] = (0, 90),
) -> None:
    """Writes silhouettes in CASIA-B's naming."""
    for subject in subjects:
        for sequence in sequences:
            for view in views:
                stem = f"{subject}-{sequence}-{view:03d}-"
                write_frames(root / subject / sequence / f"{view:03d}", stem)


def write_keypoints(path: Path, index: Path, frames: tuple[int, ...] = FRAMES) -> None:
    """Writes keypoints of these frames for each sequence of an index, as `predict` does."""
    arrays = {"keypoints": ("float32", (17, 3)), "frame": ("int32", ())}
    with RaggedWriter(path, kind="keypoints", arrays=arrays) as out:
        for row in read_sequences(index):
            out.append(
                row.identity,
                keypoints=np.full((len(frames), 17, 3), 0.5, dtype=np.float32),
                frame=np.array(frames, dtype=np.int32),
            )


def reasons(rejects: list[Reject], root: Path) -> list[tuple[str, str]]:
    """Returns path, below `root`, and reason of each row, sorted."""
    return sorted((row.path.replace(f"{root}/", ""), row.reason) for row in rejects)
