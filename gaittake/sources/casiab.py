"""CASIA-B's layout on disk: `001/nm-01/090/*.png` and `001-nm-01-090.avi`."""

import re
from collections.abc import Iterable
from pathlib import Path

from gaittake.io.frames import frame_files
from gaittake.sequence import Reject, Sequence

STAGE = "index"
_WALK = re.compile(r"([a-z]+)-(\d{2})")
_VIEW = re.compile(r"\d{3}")


def scan_subject(
    subject: str, silhouettes: Iterable[Path], videos: Iterable[Path]
) -> tuple[list[Sequence], list[Reject]]:
    """Returns the sequences of one subject, and what under its folder is none.

    Args:
        subject: the folder's name, `001`.
        silhouettes: folders that hold the subjects' folders.
        videos: folders that hold the videos; a walk without one has no RGB.
    """
    sequences: list[Sequence] = []
    rejects: list[Reject] = []
    folders = [root / subject for root in silhouettes if (root / subject).is_dir()]
    if not folders:
        where = ", ".join(str(root / subject) for root in silhouettes)
        return [], [Reject(STAGE, where, "subject of the protocol missing")]
    for folder in folders:
        # Often unpacked with a doubled level: 001/001/nm-01.
        inner = folder / subject
        for walk in _children(inner if inner.is_dir() else folder, rejects):
            parsed = _WALK.fullmatch(walk.name)
            if not walk.is_dir() or not parsed:
                rejects.append(Reject(STAGE, str(walk), "not a walk (condition-number)"))
                continue
            for view in _children(walk, rejects):
                if not view.is_dir() or not _VIEW.fullmatch(view.name):
                    rejects.append(Reject(STAGE, str(view), "not a view (three digits)"))
                    continue
                frames = len(frame_files(view))
                if not frames:
                    rejects.append(Reject(STAGE, str(view), "empty folder"))
                    continue
                name = f"{subject}-{walk.name}-{view.name}.avi"
                video = next((v / name for v in videos if (v / name).is_file()), None)
                sequences.append(
                    Sequence(
                        subject, parsed[1], int(parsed[2]), int(view.name), frames, view, video
                    )
                )
    return sequences, rejects


def _children(folder: Path, rejects: list[Reject]) -> list[Path]:
    """Returns what a folder holds, in order; hidden files go to the rejects."""
    children = sorted(folder.iterdir())
    hidden = [child for child in children if child.name.startswith(".")]
    rejects += [Reject(STAGE, str(child), "hidden file") for child in hidden]
    return [child for child in children if child not in hidden]
