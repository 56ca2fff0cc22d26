"""Reads trees of the form `subject/type/view`, which two layouts share."""

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from gaittake.io.arrays import ARRAY
from gaittake.io.frames import count_frames, is_video
from gaittake.io.images import is_hidden
from gaittake.io.progress import progress
from gaittake.protocol import TYPE, canonical_name
from gaittake.sequence import Reject, Sequence

STAGE = "index"
HIDDEN = "hidden or system file"
MISSING = "subject of the protocol missing"
_TYPE = re.compile(TYPE)
Folders = tuple[Path, ...]
ViewOf = Callable[[os.DirEntry[str]], str | None]


class Key(NamedTuple):
    """Identifies a sequence of one subject."""

    type: str
    view: str


def children(folder: Path, rejects: list[Reject]) -> list[os.DirEntry[str]]:
    """Returns a folder's entries, sorted.

    Hidden files, links in a loop and an empty folder go to `rejects`.
    """
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    loops = {entry.name for entry in entries if entry.is_symlink() and _is_loop(entry)}
    rejects += [
        Reject(STAGE, entry.path, "link in a loop") for entry in entries if entry.name in loops
    ]
    entries = [entry for entry in entries if entry.name not in loops]
    shown = [entry for entry in entries if not is_hidden(entry.name)]
    rejects += [Reject(STAGE, entry.path, HIDDEN) for entry in entries if is_hidden(entry.name)]
    if not shown and not loops:
        rejects.append(Reject(STAGE, str(folder), "empty folder"))
    return shown


def _is_loop(entry: os.DirEntry[str]) -> bool:
    """Returns whether a link leads back to itself or to a folder above it."""
    try:
        entry.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    target = os.path.realpath(entry.path)
    above = os.path.realpath(Path(entry.path).parent)
    return os.path.commonpath((target, above)) == target


def subject_folders(subject: str, roots: Folders) -> list[Path]:
    """Returns the folders of a subject; their names may have either normal form of Unicode."""
    if subject.isascii():
        return [folder for root in roots if (folder := root / subject).is_dir()]
    return [
        folder
        for root in roots
        for folder in sorted(root.iterdir())
        if canonical_name(folder.name) == subject and folder.is_dir()
    ]


def places(subject: str, roots: Folders, view_of: ViewOf, rejects: list[Reject]) -> dict[Key, Path]:
    """Returns the path of each sequence of a subject; every other entry goes to `rejects`.

    Args:
        subject: the folder's name; nested `001/001`, a common result of unpacking, is accepted.
        roots: folders that hold the subjects' folders.
        view_of: returns the view of an entry in a type's folder, or None.
        rejects: extended by hidden files, empty folders, wrong names and duplicates.
    """
    found: dict[Key, Path] = {}
    folders = subject_folders(subject, roots)
    for folder in folders:
        for entry in children(folder, rejects):
            if canonical_name(entry.name) == subject and entry.is_dir():
                folders.append(Path(entry.path))
                continue
            if not _TYPE.fullmatch(entry.name) or not entry.is_dir():
                rejects.append(
                    Reject(STAGE, entry.path, "not a sequence (expected a name like nm-01)")
                )
                continue
            for inner in children(Path(entry.path), rejects):
                view = view_of(inner)
                if view is None:
                    rejects.append(
                        Reject(STAGE, inner.path, "not a view (expected a name like 090)")
                    )
                else:
                    keep_first(found, Key(entry.name, view), Path(inner.path), rejects)
    return found


def each(subjects: tuple[str, ...]) -> Iterator[str]:
    """Yields the subjects and reports progress."""
    with progress(STAGE, len(subjects), unit="subjects") as advance:
        for subject in subjects:
            yield subject
            advance()


def keep_first(found: dict[Key, Path], key: Key, place: Path, rejects: list[Reject]) -> None:
    """Adds a sequence's path; a second path of the same sequence goes to `rejects`."""
    if found.setdefault(key, place) != place:
        rejects.append(Reject(STAGE, str(place), "second path of one sequence"))


def sequences(
    subject: str,
    silhouettes: Mapping[Key, Path],
    videos: Mapping[Key, Path],
    rejects: list[Reject],
    *,
    beside: re.Pattern[str] | None = None,
) -> list[Sequence]:
    """Returns the sequences that have frames, each with its video if there is one.

    Args:
        subject: its name.
        silhouettes: folder or video of each sequence.
        videos: colour of each sequence that has it.
        rejects: receives files that are not frames, and folders without frames.
        beside: names of files that a layout has beside the frames; they are no rejects.
    """
    found = []
    for key, place in silhouettes.items():
        place, frames = _frames_of(place, rejects, beside)
        if frames:
            found.append(Sequence(subject, *key, frames, place, videos.get(key)))
        elif not is_video(place):
            rejects.append(Reject(STAGE, str(place), "empty folder"))
    without = [path for key, path in videos.items() if key not in silhouettes]
    rejects += [Reject(STAGE, str(path), "video without silhouettes") for path in without]
    return found


def _frames_of(
    place: Path, rejects: list[Reject], beside: re.Pattern[str] | None
) -> tuple[Path, int]:
    """Returns the path and number of a view's frames.

    The path is that of a pickled array where the folder holds one in place of images.
    """
    others: list[Reject] = []
    frames = count_frames(place, stage=STAGE, rejects=others, beside=beside)
    if not frames and len(others) == 1 and others[0].path.lower().endswith(ARRAY):
        place = Path(others.pop().path)
        frames = count_frames(place, stage=STAGE, rejects=others)
    rejects += others
    return place, frames


def missing(subject: str, roots: Folders) -> Reject:
    """Returns the Reject of a subject that is not on disk."""
    where = ", ".join(str(root / subject) for root in roots)
    return Reject(STAGE, where, MISSING)
