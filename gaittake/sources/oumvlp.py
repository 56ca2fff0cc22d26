"""OU-MVLP's layout on disk: `Silhouette_090-01/00001/0001.png`. No RGB is distributed."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from gaittake.io.frames import frame_files
from gaittake.sequence import Reject, Sequence

STAGE = "index"
CONDITION = "nm"
_WALK = re.compile(r"Silhouette_(\d{3})-(\d{2})")


def scan_subject(
    subject: str,
    silhouettes: Iterable[Path],
    videos: Iterable[Path],  # the form that every layout has
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the sequences of one subject, `nm-00` and `nm-01` by view, and what is none.

    Args:
        subject: the folder's name, `00001`.
        silhouettes: folders that hold the `Silhouette_{view}-{sequence}` folders.
        videos: not used.
    """
    sequences: list[Sequence] = []
    rejects: list[Reject] = []
    roots = tuple(silhouettes)
    for walk, view, number in _walks(roots):
        folder = walk / subject
        if not folder.is_dir():
            continue
        frames = len(frame_files(folder))
        if frames:
            sequences.append(Sequence(subject, CONDITION, number, view, frames, folder, None))
        else:
            rejects.append(Reject(STAGE, str(folder), "empty folder"))
    if not sequences and not rejects:
        where = ", ".join(str(root / "Silhouette_*" / subject) for root in roots)
        rejects.append(Reject(STAGE, where, "subject of the protocol missing"))
    return sequences, rejects


@cache
def _walks(roots: tuple[Path, ...]) -> list[tuple[Path, int, int]]:
    """Returns folder, view and number of each `Silhouette_*` folder; listed once a run."""
    found = []
    for root in roots:
        for folder in sorted(root.iterdir()):
            parsed = _WALK.fullmatch(folder.name)
            if parsed:
                found.append((folder, int(parsed[1]), int(parsed[2])))
    return found
