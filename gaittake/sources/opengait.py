"""OpenGait's form: `subject/type/view/*.pkl`, aligned silhouettes, and keypoints beside them."""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from gaittake.errors import UserError
from gaittake.io.arrays import ARRAY, read_keypoints_array, read_silhouettes_array
from gaittake.sequence import ALIGNED, Reject, Sequence
from gaittake.sources import tree
from gaittake.sources.levels import Levels, Name, places
from gaittake.sources.tree import Folders

_ANY = Name(re.compile(r"[^.].*"), "a folder")
LEVELS = Levels(subject=_ANY, below=(_ANY, _ANY))


class Files(NamedTuple):
    """Patterns of the names of a sequence's files, as a shell's.

    Attributes:
        silhouettes: None: each folder has one `.pkl` only.
        keypoints: None: keypoints are not read.
    """

    silhouettes: str | None = None
    keypoints: str | None = None


def scan(
    files: Files, subjects: tuple[str, ...], silhouettes: Folders, videos: Folders
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the subjects' sequences, and a Reject for every entry that is not one.

    Args:
        files: which files of a sequence are used; the others are ignored.
        subjects: names of folders.
        silhouettes: folders that hold the subjects' folders.
        videos: unused; every layout's scan has the same arguments.

    Raises:
        UserError: a folder has several pickles, and no pattern chooses one.
    """
    found: list[Sequence] = []
    rejects: list[Reject] = []
    for subject in tree.each(subjects):
        if not tree.subject_folders(subject, silhouettes):
            rejects.append(tree.missing(subject, silhouettes))
        for key, folder in places(LEVELS, subject, silhouettes, rejects).items():
            sequence = _sequence(subject, key, folder, files, rejects)
            if sequence is not None:
                found.append(sequence)
    return found, rejects


def _sequence(
    subject: str, key: tree.Key, folder: Path, files: Files, rejects: list[Reject]
) -> Sequence | None:
    """Returns the sequence of a folder; None, and a Reject, if it cannot be used."""
    names = sorted(entry.name for entry in tree.children(folder, rejects))
    others = [name for name in names if not name.lower().endswith(ARRAY)]
    rejects += [Reject(tree.STAGE, str(folder / name), "not a pickle") for name in others]
    pickles = [name for name in names if name not in others]
    if files.silhouettes is None and len(pickles) > 1:
        raise UserError(
            f"{folder}: {len(pickles)} pickles, {', '.join(pickles)}; set source.silhouettes to a "
            "pattern of the silhouettes' file names, for example '*sils.pkl'"
        )
    path = _chosen(folder, pickles, files.silhouettes or "*", rejects)
    if path is None:
        return None
    try:
        frames = len(read_silhouettes_array(path))
    except ValueError as error:
        rejects.append(Reject(tree.STAGE, str(path), str(error)))
        return None
    keypoints = None
    if files.keypoints is not None:
        keypoints = _chosen(folder, pickles, files.keypoints, rejects)
        if keypoints is None or not _of_length(keypoints, frames, rejects):
            return None
    return Sequence(subject, *key, frames, path, None, ALIGNED, keypoints)


def _chosen(folder: Path, pickles: list[str], pattern: str, rejects: list[Reject]) -> Path | None:
    """Returns the one file of a pattern; None, and a Reject, if there are none or several."""
    chosen = [name for name in pickles if fnmatchcase(name, pattern)]
    if len(chosen) == 1:
        return folder / chosen[0]
    if not pickles:
        return None  # an empty folder has its row
    held = f"'{pattern}' among {', '.join(pickles)}"
    reason = f"several pickles match: {held}" if chosen else f"no pickle matches: {held}"
    rejects.append(Reject(tree.STAGE, str(folder), reason))
    return None


def _of_length(keypoints: Path, frames: int, rejects: list[Reject]) -> bool:
    """Returns whether a file has keypoints of so many frames; if not, it goes to `rejects`."""
    try:
        count = len(read_keypoints_array(keypoints))
    except ValueError as error:
        rejects.append(Reject(tree.STAGE, str(keypoints), str(error)))
        return False
    if count != frames:
        counts = f"{frames} silhouettes, {count} keypoints"
        reason = f"silhouettes and keypoints differ in their number of frames: {counts}"
        rejects.append(Reject(tree.STAGE, str(keypoints), reason))
    return count == frames
