"""CASIA-B's layout on disk: `001/nm-01/090/*.png` and `001-nm-01-090.avi`."""

import os
import re
from pathlib import Path

from gaittake.sequence import Reject, Sequence
from gaittake.sources import tree
from gaittake.sources.tree import Folders

ARCHIVE = ".tar.gz"  # one of each subject, as the dataset is given out
TOP = re.compile(rf"\d{{3}}({re.escape(ARCHIVE)})?")
_VIEW = re.compile(r"\d{3}")
_VIDEO = re.compile(rf"(\d{{3}})-{tree.WALK}-(\d{{3}})\.avi")
_BACKGROUND = "bkgrd"


def scan(
    subjects: tuple[str, ...], silhouettes: Folders, videos: Folders
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the sequences of some subjects, and what in their folders is none.

    Args:
        subjects: names of folders, `001`.
        silhouettes: folders that hold the subjects' folders.
        videos: folders that hold the videos; a walk without one has no RGB.
    """
    found: list[Sequence] = []
    rejects: list[Reject] = []
    recorded = _videos(subjects, videos, rejects)
    for subject in tree.each(subjects):
        if any((root / subject).is_dir() for root in silhouettes):
            places = tree.places(subject, silhouettes, _view, rejects)
            found += tree.sequences(subject, places, recorded[subject], rejects)
        else:
            rejects.append(tree.missing(subject, silhouettes))
    return found, rejects


def survey(silhouettes: Folders, videos: Folders) -> tuple[dict[str, Path], list[Reject]]:
    """Returns the subjects on disk and where each lies, and what beside them is none.

    Background clips are neither: they show nobody.
    """
    subjects: dict[str, Path] = {}
    rejects: list[Reject] = []
    for root in silhouettes:
        for entry in tree.children(root, rejects):
            subject = entry.name.removesuffix(ARCHIVE)
            if TOP.fullmatch(entry.name) and entry.is_dir() is (entry.name == subject):
                subjects.setdefault(subject, Path(entry.path))
            else:
                rejects.append(Reject(tree.STAGE, entry.path, "not a subject (as 001)"))
    for root in videos:
        for entry in tree.children(root, rejects):
            if _BACKGROUND in entry.name:
                continue
            parsed = _VIDEO.fullmatch(entry.name)
            if parsed:
                subjects.setdefault(parsed[1], Path(entry.path))
            else:
                reason = "not a video of a walk (as 001-nm-01-090.avi)"
                rejects.append(Reject(tree.STAGE, entry.path, reason))
    return subjects, rejects


def _view(entry: os.DirEntry[str]) -> int | None:
    return int(entry.name) if _VIEW.fullmatch(entry.name) and entry.is_dir() else None


def _videos(
    subjects: tuple[str, ...], roots: Folders, rejects: list[Reject]
) -> dict[str, dict[tree.Key, Path]]:
    """Returns the videos of each subject; of two of one walk the second goes to `rejects`."""
    found: dict[str, dict[tree.Key, Path]] = {subject: {} for subject in subjects}
    for root in roots:
        for name in sorted(os.listdir(root)):  # noqa: PTH208 names are all that is needed here
            parsed = None if _BACKGROUND in name else _VIDEO.fullmatch(name)
            if parsed and parsed[1] in found:
                key = tree.Key(parsed[2], int(parsed[3]), int(parsed[4]))
                tree.keep_first(found[parsed[1]], key, root / name, rejects)
    return found
