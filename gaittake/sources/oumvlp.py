"""OU-MVLP's layout: `Silhouette_090-01/00001/0001.png`. The dataset has no colour."""

import re
from pathlib import Path
from typing import NamedTuple

from gaittake.sequence import Identity, Reject, Sequence
from gaittake.sources import tree
from gaittake.sources.tree import Folders

CONDITION = "nm"
TOP = re.compile(r"Silhouette_(\d{3})-(\d{2})")
_SUBJECT = re.compile(r"\d{5}")
_PLACE = re.compile(rf"{TOP.pattern}/(?:{TOP.pattern}/)?({_SUBJECT.pattern})(?:[/#]|$)")


class ViewFolder(NamedTuple):
    """A folder that holds one sequence of every subject, from one view."""

    path: Path
    key: tree.Key


def scan(
    subjects: tuple[str, ...],
    silhouettes: Folders,
    videos: Folders,  # unused; every layout's scan has the same signature
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the subjects' sequences, `nm-00` and `nm-01` per view, and a Reject for all else.

    Args:
        subjects: names of folders, as `00001`.
        silhouettes: folders that hold the `Silhouette_{view}-{sequence}` folders.
        videos: unused.
    """
    found: list[Sequence] = []
    rejects: list[Reject] = []
    view_folders = _view_folders(silhouettes, [])
    for subject in tree.each(subjects):
        places: dict[tree.Key, Path] = {}
        for path, key in view_folders:
            if (path / subject).is_dir():
                tree.keep_first(places, key, path / subject, rejects)
        if not places:
            rejects.append(tree.missing(f"Silhouette_*/{subject}", silhouettes))
        found += tree.sequences(subject, places, {}, rejects)
    return found, rejects


def survey(silhouettes: Folders, videos: Folders) -> tuple[dict[str, Path], list[Reject]]:
    """Returns each subject's path, and a Reject for every other entry."""
    subjects: dict[str, Path] = {}
    rejects: list[Reject] = []
    for path, _ in _view_folders(silhouettes, rejects):
        for entry in tree.children(path, rejects):
            if _SUBJECT.fullmatch(entry.name) and entry.is_dir():
                subjects.setdefault(entry.name, Path(entry.path))
            elif entry.name != path.name or not entry.is_dir():
                rejects.append(
                    Reject(tree.STAGE, entry.path, "not a subject (expected a name like 00001)")
                )
    return subjects, rejects


def _view_folders(roots: Folders, rejects: list[Reject]) -> list[ViewFolder]:
    """Returns the view folders; every other entry goes to `rejects`."""
    found = []
    for root in roots:
        for entry in tree.children(root, rejects):
            parsed = TOP.fullmatch(entry.name)
            if parsed and entry.is_dir():
                key = tree.Key(f"{CONDITION}-{parsed[2]}", parsed[1])
                found.append(ViewFolder(Path(entry.path), key))
                # A common result of unpacking: a folder of the same name within.
                if (nested := Path(entry.path, entry.name)).is_dir():
                    found.append(ViewFolder(nested, key))
            else:
                reason = "not a view folder (expected a name like Silhouette_090-01)"
                rejects.append(Reject(tree.STAGE, entry.path, reason))
    return found


def identity_at(path: str) -> Identity | None:
    """Returns the sequence whose folder is, or holds, a path; None if it is none of this layout."""
    found = _PLACE.search(path)
    return None if found is None else (found[5], f"{CONDITION}-{found[2]}", found[1])
