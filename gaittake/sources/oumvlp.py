"""OU-MVLP's layout on disk: `Silhouette_090-01/00001/0001.png`. No RGB is distributed."""

import re
from pathlib import Path
from typing import NamedTuple

from gaittake.sequence import Reject, Sequence
from gaittake.sources import tree
from gaittake.sources.tree import Folders

CONDITION = "nm"
TOP = re.compile(r"Silhouette_(\d{3})-(\d{2})")
_SUBJECT = re.compile(r"\d{5}")


class Walk(NamedTuple):
    """A folder that holds one walk of every subject, from one view."""

    folder: Path
    view: int
    number: int


def scan(
    subjects: tuple[str, ...],
    silhouettes: Folders,
    videos: Folders,  # the form that every layout has
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the sequences of some subjects, `nm-00` and `nm-01` by view, and what is none.

    Args:
        subjects: names of folders, `00001`.
        silhouettes: folders that hold the `Silhouette_{view}-{sequence}` folders.
        videos: not used.
    """
    found: list[Sequence] = []
    rejects: list[Reject] = []
    walks = _walks(silhouettes, [])
    for subject in tree.each(subjects):
        places: dict[tree.Key, Path] = {}
        for walk in walks:
            key = tree.Key(CONDITION, walk.number, walk.view)
            if (walk.folder / subject).is_dir():
                tree.keep_first(places, key, walk.folder / subject, rejects)
        if not places:
            rejects.append(tree.missing(f"Silhouette_*/{subject}", silhouettes))
        found += tree.sequences(subject, places, {}, rejects)
    return found, rejects


def survey(silhouettes: Folders, videos: Folders) -> tuple[dict[str, Path], list[Reject]]:
    """Returns the subjects on disk and where each lies, and what beside them is none."""
    subjects: dict[str, Path] = {}
    rejects: list[Reject] = []
    for walk in _walks(silhouettes, rejects):
        for entry in tree.children(walk.folder, rejects):
            if _SUBJECT.fullmatch(entry.name) and entry.is_dir():
                subjects.setdefault(entry.name, Path(entry.path))
            else:
                rejects.append(Reject(tree.STAGE, entry.path, "not a subject (as 00001)"))
    return subjects, rejects


def _walks(roots: Folders, rejects: list[Reject]) -> list[Walk]:
    """Returns the walks' folders; what beside them is none goes to `rejects`."""
    found = []
    for root in roots:
        for entry in tree.children(root, rejects):
            parsed = TOP.fullmatch(entry.name)
            if parsed and entry.is_dir():
                found.append(Walk(Path(entry.path), int(parsed[1]), int(parsed[2])))
            else:
                rejects.append(Reject(tree.STAGE, entry.path, "not a walk (as Silhouette_090-01)"))
    return found
