"""GREW's layout: `train/00001/{seq}/`, `test/gallery/00001/{seq}/` and `test/probe/{seq}/`.

A folder has silhouettes of 64×64 pixels, `00001.png`, and keypoints, `00001_2d_pose.txt`. Names of
subjects and types are OpenGait's: `00001train/00`, `00001/01` and `00001/02`, `probe/03`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from gaittake.sequence import ALIGNED, Reject, Sequence
from gaittake.sources import tree
from gaittake.sources.levels import Name, descend
from gaittake.sources.tree import Folders

TOP = re.compile(r"train|test|distractors")
PROBE = "probe"
GALLERY_SEQUENCES = 2  # of each subject
_SUBJECT = Name(re.compile(r"\d{5}"), "00001")
_SEQUENCE = Name(re.compile(r"[^.].*"), "a sequence")
# What lies beside the silhouettes and is no frame.
BESIDE = re.compile(r"\d+_[23]d_pose\.txt|.*_gei\.png")


def scan(
    subjects: tuple[str, ...],
    silhouettes: Folders,
    videos: Folders,  # unused; every layout's scan has the same signature
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the subjects' sequences, each a view of its own, and a Reject for all else.

    Args:
        subjects: `00001train`, `00001`, or `probe`: the probes, whose subjects are not published.
        silhouettes: folders that hold `train` and `test`.
        videos: unused.
    """
    found: list[Sequence] = []
    rejects: list[Reject] = []
    for subject in tree.each(subjects):
        places: dict[tree.Key, Path] = {}
        for root in silhouettes:
            for key, place in _places(root, subject, rejects):
                tree.keep_first(places, key, place, rejects)
        if not places:
            rejects.append(tree.missing(subject, silhouettes))
        rows = tree.sequences(subject, places, {}, rejects, beside=BESIDE)
        found += [row._replace(masks=ALIGNED) for row in rows]
    return found, rejects


def _places(root: Path, subject: str, rejects: list[Reject]) -> Iterator[tuple[tree.Key, Path]]:
    """Yields type, view and path of a subject's sequences."""
    if subject == PROBE:
        folder, types = root / "test/probe", ["03"]
    elif subject.endswith("train"):
        folder, types = root / "train" / subject.removesuffix("train"), ["00"]
    else:
        folder, types = root / "test/gallery" / subject, ["01", "02"]
    if not folder.is_dir():
        return
    for place, ((name,), path) in enumerate(descend(folder, (_SEQUENCE,), rejects)):
        if len(types) == 1:
            yield tree.Key(types[0], name), path
        elif place < GALLERY_SEQUENCES:
            yield tree.Key(types[place], name), path
        else:
            rejects.append(Reject(tree.STAGE, str(path), "third gallery sequence of a subject"))


def survey(silhouettes: Folders, videos: Folders) -> tuple[dict[str, Path], list[Reject]]:
    """Returns each subject's path, and a Reject for every other entry."""
    subjects: dict[str, Path] = {}
    rejects: list[Reject] = []
    for root in silhouettes:
        for folder, suffix in ((root / "train", "train"), (root / "test/gallery", "")):
            for (name,), path in _subjects(folder, rejects):
                subjects.setdefault(name + suffix, path)
        if (root / "test/probe").is_dir():
            subjects.setdefault(PROBE, root / "test/probe")
        if (root / "distractors").is_dir():
            reason = "distractors, which no protocol here uses"
            rejects.append(Reject(tree.STAGE, str(root / "distractors"), reason))
    return subjects, rejects


def _subjects(folder: Path, rejects: list[Reject]) -> Iterator[tuple[tuple[str, ...], Path]]:
    if folder.is_dir():
        yield from descend(folder, (_SUBJECT,), rejects)
