"""CASIA-B's layout: silhouettes `001/nm-01/090/*.png` and videos `001-nm-01-090.avi`."""

import os
import re
from pathlib import Path

from gaittake.protocol import TYPE
from gaittake.sequence import Reject, Sequence
from gaittake.sources import tree
from gaittake.sources.tree import Folders

ARCHIVE = ".tar.gz"  # the dataset is distributed as one archive per subject
TOP = re.compile(rf"\d{{3}}({re.escape(ARCHIVE)})?")
_VIEW = re.compile(r"\d{3}")
VIDEO = re.compile(rf"(\d{{3}})-({TYPE})-(\d{{3}})\.avi")
_BACKGROUND = "bkgrd"


def scan(
    subjects: tuple[str, ...], silhouettes: Folders, videos: Folders
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the subjects' sequences, and a Reject for every entry that is not one.

    Args:
        subjects: names of folders, as `001`.
        silhouettes: folders that hold the subjects' folders.
        videos: folders that hold the videos; a sequence without a video has no colour.
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
    """Returns each subject's path, and a Reject for every other entry.

    Background videos, which show no subject, are ignored.
    """
    subjects: dict[str, Path] = {}
    rejects: list[Reject] = []
    for root in silhouettes:
        for entry in tree.children(root, rejects):
            subject = entry.name.removesuffix(ARCHIVE)
            if TOP.fullmatch(entry.name) and entry.is_dir() is (entry.name == subject):
                subjects.setdefault(subject, Path(entry.path))
            else:
                rejects.append(
                    Reject(tree.STAGE, entry.path, "not a subject (expected a name like 001)")
                )
    for root in videos:
        for entry in tree.children(root, rejects):
            if _BACKGROUND in entry.name:
                continue
            parsed = VIDEO.fullmatch(entry.name)
            if parsed:
                subjects.setdefault(parsed[1], Path(entry.path))
            else:
                reason = "not a video of a sequence (expected a name like 001-nm-01-090.avi)"
                rejects.append(Reject(tree.STAGE, entry.path, reason))
    return subjects, rejects


def _view(entry: os.DirEntry[str]) -> str | None:
    return entry.name if _VIEW.fullmatch(entry.name) and entry.is_dir() else None


def _videos(
    subjects: tuple[str, ...], roots: Folders, rejects: list[Reject]
) -> dict[str, dict[tree.Key, Path]]:
    """Returns each subject's videos; a second video of a sequence goes to `rejects`."""
    found: dict[str, dict[tree.Key, Path]] = {subject: {} for subject in subjects}
    for root in roots:
        for name in sorted(os.listdir(root)):  # noqa: PTH208 names suffice here
            parsed = None if _BACKGROUND in name else VIDEO.fullmatch(name)
            if parsed and parsed[1] in found:
                key = tree.Key(parsed[2], parsed[3])
                tree.keep_first(found[parsed[1]], key, root / name, rejects)
    return found
