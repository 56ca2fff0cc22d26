"""The layout of a user's own dataset: `subject/nm-01/090/*.png`, or videos `090.mp4`.

Colour, if there is any, has the same layout in separate folders. A silhouette and a colour frame
with the same number belong together.
"""

import os
import re
from pathlib import Path

from gaittake.io.frames import is_video
from gaittake.protocol import canonical_name
from gaittake.sequence import Reject, Sequence, view_at
from gaittake.sources import tree
from gaittake.sources.tree import Folders

TOP = re.compile(r"[^.].*")
_VIEW = re.compile(r"\d{1,3}")


def scan(
    subjects: tuple[str, ...], silhouettes: Folders, videos: Folders
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the subjects' sequences, and a Reject for every entry that is not one.

    Args:
        subjects: names of folders.
        silhouettes: folders that hold the subjects' folders.
        videos: the same for colour; a sequence without an entry there has none.
    """
    found: list[Sequence] = []
    rejects: list[Reject] = []
    for subject in tree.each(subjects):
        if tree.subject_folders(subject, silhouettes):
            places = tree.places(subject, silhouettes, _view, rejects)
            recorded = tree.places(subject, videos, _view, rejects)
            found += tree.sequences(subject, places, recorded, rejects)
        else:
            rejects.append(tree.missing(subject, silhouettes))
    return found, rejects


def survey(silhouettes: Folders, videos: Folders) -> tuple[dict[str, Path], list[Reject]]:
    """Returns each subject's path, and a Reject for every other entry."""
    subjects: dict[str, Path] = {}
    rejects: list[Reject] = []
    for root in silhouettes + videos:
        for entry in tree.children(root, rejects):
            if entry.is_dir():
                subjects.setdefault(canonical_name(entry.name), Path(entry.path))
            else:
                rejects.append(Reject(tree.STAGE, entry.path, "not a subject (a folder)"))
    return subjects, rejects


def _view(entry: os.DirEntry[str]) -> str | None:
    path = Path(entry.name)
    if not entry.is_dir() and not is_video(path):
        return None
    name = path.name if entry.is_dir() else path.stem
    return view_at(int(name)) if _VIEW.fullmatch(name) else None
