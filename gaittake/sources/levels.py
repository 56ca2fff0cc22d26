"""Trees of folders in which each level has names of one form, as `0001/camid0_videoid2/seq0`."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from gaittake.protocol import canonical_name
from gaittake.sequence import Reject, Sequence
from gaittake.sources import tree
from gaittake.sources.tree import Folders


class Name(NamedTuple):
    """What the folders of one level are called: a pattern, and an example for messages."""

    pattern: re.Pattern[str]
    example: str


class Levels(NamedTuple):
    """How a dataset's folders are named.

    Attributes:
        subject: the upper level.
        below: the levels below, down to the folders of frames.
        key: returns type and view of the names of these levels.
    """

    subject: Name
    below: tuple[Name, ...]
    key: Callable[[tuple[str, ...]], tree.Key] = lambda names: tree.Key(*names)


def scan(
    levels: Levels, subjects: tuple[str, ...], silhouettes: Folders, videos: Folders
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the subjects' sequences of images, and a Reject for every entry that is not one.

    Args:
        levels: the names.
        subjects: names of folders.
        silhouettes: folders that hold the subjects' folders.
        videos: the same for colour; a sequence without an entry there has none.
    """
    found: list[Sequence] = []
    rejects: list[Reject] = []
    for subject in tree.each(subjects):
        if tree.subject_folders(subject, silhouettes):
            shown = places(levels, subject, silhouettes, rejects)
            recorded = places(levels, subject, videos, rejects)
            found += tree.sequences(subject, shown, recorded, rejects)
        else:
            rejects.append(tree.missing(subject, silhouettes))
    return found, rejects


def places(
    levels: Levels, subject: str, roots: Folders, rejects: list[Reject]
) -> dict[tree.Key, Path]:
    """Returns the path of each sequence of a subject; every other entry goes to `rejects`.

    Nested `001/001`, a common result of unpacking, is accepted, also beside other sequences.
    """
    found: dict[tree.Key, Path] = {}
    for folder in tree.subject_folders(subject, roots):
        nested = folder / folder.name
        doubled = _is_doubled(nested, levels)
        for names, place in descend(
            folder, levels.below, rejects, known=nested if doubled else None
        ):
            tree.keep_first(found, levels.key(names), place, rejects)
        for names, place in descend(nested, levels.below, rejects) if doubled else ():
            tree.keep_first(found, levels.key(names), place, rejects)
    return found


def _is_doubled(nested: Path, levels: Levels) -> bool:
    """Returns whether a subject's folder of its own name holds sequences as the subject's does.

    A type may have the subject's name, if the layout has no names of its own: then the frames are
    one level higher.
    """
    if not levels.below[0].pattern.fullmatch(nested.name):
        return nested.is_dir()
    return any(path.is_dir() for path in nested.glob("/".join("*" for _ in levels.below)))


def descend(
    folder: Path, levels: tuple[Name, ...], rejects: list[Reject], *, known: Path | None = None
) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Yields the names of all levels and the path of each folder of the lowest.

    Args:
        folder: of the upper level.
        levels: the names from there down.
        rejects: receives every other entry.
        known: a folder of the upper level that is read elsewhere.
    """
    name, *rest = levels
    for entry in tree.children(folder, rejects):
        if known is not None and entry.path == str(known):
            continue
        if not (name.pattern.fullmatch(entry.name) and entry.is_dir()):
            reason = f"not a folder of the layout: {name.example} is required"
            rejects.append(Reject(tree.STAGE, entry.path, reason))
        elif rest:
            for names, place in descend(Path(entry.path), tuple(rest), rejects):
                yield (entry.name, *names), place
        else:
            yield (entry.name,), Path(entry.path)


def survey(
    levels: Levels, silhouettes: Folders, videos: Folders
) -> tuple[dict[str, Path], list[Reject]]:
    """Returns each subject's path, and a Reject for every other entry."""
    subjects: dict[str, Path] = {}
    rejects: list[Reject] = []
    for root in silhouettes + videos:
        for (name,), place in descend(root, (levels.subject,), rejects):
            subjects.setdefault(canonical_name(name), place)
    return subjects, rejects
