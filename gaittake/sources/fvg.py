"""FVG's layout: `session1/001_02/*.png`, video 02 of subject 001. All views are frontal."""

import re
from pathlib import Path

from gaittake.sequence import Identity, Reject, Sequence
from gaittake.sources import tree
from gaittake.sources.levels import Name, descend
from gaittake.sources.tree import Folders

TOP = re.compile(r"session[123]")
VIEW = "front"
_LEVELS = (
    Name(TOP, "session1"),
    Name(re.compile(r"\d{3}_(?:0[1-9]|1[0-2])"), "001_02"),
)
_PLACE = re.compile(r"(session[123])/(\d{3})_(\d{2})(?:[/#]|$)")


def scan(
    subjects: tuple[str, ...],
    silhouettes: Folders,
    videos: Folders,  # unused; every layout's scan has the same signature
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the subjects' sequences, `s1-02` for video 02 of session 1, and the rejects.

    Args:
        subjects: numbers of three digits, as `001`.
        silhouettes: folders that hold `session1`, `session2` and `session3`.
        videos: unused.
    """
    found: list[Sequence] = []
    rejects: list[Reject] = []
    places: dict[str, dict[tree.Key, Path]] = {subject: {} for subject in subjects}
    for root in silhouettes:
        for (session, video), place in descend(root, _LEVELS, []):
            subject, number = video.split("_")
            if subject in places:
                key = tree.Key(_type(session, number), VIEW)
                tree.keep_first(places[subject], key, place, rejects)
    for subject in tree.each(subjects):
        if not places[subject]:
            rejects.append(tree.missing(f"session*/{subject}_*", silhouettes))
        found += tree.sequences(subject, places[subject], {}, rejects)
    return found, rejects


def survey(silhouettes: Folders, videos: Folders) -> tuple[dict[str, Path], list[Reject]]:
    """Returns each subject's path, and a Reject for every other entry."""
    subjects: dict[str, Path] = {}
    rejects: list[Reject] = []
    for root in silhouettes:
        for (_, video), place in descend(root, _LEVELS, rejects):
            subjects.setdefault(video.partition("_")[0], place)
    return subjects, rejects


def identity_at(path: str) -> Identity | None:
    """Returns the sequence whose folder is, or holds, a path; None if it is none of this layout."""
    found = _PLACE.search(path)
    return None if found is None else (found[2], _type(found[1], found[3]), VIEW)


def _type(session: str, number: str) -> str:
    """Returns the type of a video: `s1-02`."""
    return f"s{session[-1]}-{number}"
