"""Trees of the form `subject/condition-number/view`, from which two layouts are made."""

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from gaittake.io.frames import count_frames, is_hidden, is_video
from gaittake.io.progress import progress
from gaittake.protocol import canonical_name
from gaittake.sequence import Reject, Sequence

STAGE = "index"
WALK = r"([A-Za-z][A-Za-z0-9_]*)-(\d{2}|[1-9]\d{2,})"
_WALK = re.compile(WALK)
Folders = tuple[Path, ...]
ViewOf = Callable[[os.DirEntry[str]], int | None]


class Key(NamedTuple):
    """Which sequence of a subject."""

    condition: str
    number: int
    view: int


def children(folder: Path, rejects: list[Reject]) -> list[os.DirEntry[str]]:
    """Returns what a folder holds, in order.

    Hidden files, links in a loop, and that the folder is empty, go to `rejects`.
    """
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    loops = {entry.name for entry in entries if entry.is_symlink() and _is_loop(entry)}
    rejects += [
        Reject(STAGE, entry.path, "link in a loop") for entry in entries if entry.name in loops
    ]
    entries = [entry for entry in entries if entry.name not in loops]
    shown = [entry for entry in entries if not is_hidden(entry.name)]
    rejects += [
        Reject(STAGE, entry.path, "hidden or system file")
        for entry in entries
        if is_hidden(entry.name)
    ]
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
    """Returns where each sequence of a subject lies; what is none goes to `rejects`.

    Args:
        subject: the folder's name; archives are often unpacked doubled, as `001/001`.
        roots: folders that hold the subjects' folders.
        view_of: the view, in degrees, of an entry of a walk's folder; None if it is none.
        rejects: gets hidden files, empty folders, names that do not parse, second places.
    """
    found: dict[Key, Path] = {}
    folders = subject_folders(subject, roots)
    for folder in folders:
        for walk in children(folder, rejects):
            if canonical_name(walk.name) == subject and walk.is_dir():
                folders.append(Path(walk.path))
                continue
            parsed = _WALK.fullmatch(walk.name)
            if not parsed or not walk.is_dir():
                rejects.append(Reject(STAGE, walk.path, "not a walk (as nm-01)"))
                continue
            for entry in children(Path(walk.path), rejects):
                view = view_of(entry)
                if view is None:
                    rejects.append(Reject(STAGE, entry.path, "not a view (as 090)"))
                else:
                    keep_first(
                        found, Key(parsed[1], int(parsed[2]), view), Path(entry.path), rejects
                    )
    return found


def each(subjects: tuple[str, ...]) -> Iterator[str]:
    """Yields the subjects, and tells how many are done."""
    with progress(STAGE, len(subjects), unit="subjects") as advance:
        for subject in subjects:
            yield subject
            advance()


def keep_first(found: dict[Key, Path], key: Key, place: Path, rejects: list[Reject]) -> None:
    """Adds a place; one that another place has been found for goes to `rejects`."""
    if found.setdefault(key, place) != place:
        rejects.append(Reject(STAGE, str(place), "second place of one sequence"))


def sequences(
    subject: str, silhouettes: Mapping[Key, Path], videos: Mapping[Key, Path], rejects: list[Reject]
) -> list[Sequence]:
    """Returns the sequences that have frames, each with its video if there is one.

    What in a frame folder is no frame, and what has no frame at all, goes to `rejects`.
    """
    found = []
    for key, place in silhouettes.items():
        frames = count_frames(place, stage=STAGE, rejects=rejects)
        if frames:
            found.append(Sequence(subject, *key, frames, place, videos.get(key)))
        elif not is_video(place):
            rejects.append(Reject(STAGE, str(place), "empty folder"))
    without = [path for key, path in videos.items() if key not in silhouettes]
    rejects += [Reject(STAGE, str(path), "video without silhouettes") for path in without]
    return found


def missing(subject: str, roots: Folders) -> Reject:
    """Returns the row of a subject that is not on disk."""
    where = ", ".join(str(root / subject) for root in roots)
    return Reject(STAGE, where, "subject of the protocol missing")
