"""A sequence: one recording of a subject from one view. A reject: data that a stage skipped."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

Identity = tuple[str, str, str]
IDENTITY = ("subject", "type", "view")  # its columns in tables
ALIGNED = "aligned"
_ANGLE = re.compile(r"[0-2]\d\d|3[0-5]\d")


class Sequence(NamedTuple):
    """A row of the sequence table. Subject, type and view identify the sequence.

    Attributes:
        subject: the dataset's name of the person.
        type: what was recorded and which time: `nm-01`, or the dataset's own name, `U0_D0_BG`.
        view: degrees in three digits, `090`, or the dataset's own name of a camera, `00_1`.
        frames: number of silhouette files.
        silhouettes: folder or video of the silhouettes.
        video: video or folder of colour frames of the same recording, or None.
        masks: which pixels of the silhouette files are the person, as `gaittake.io.masks.Rule`; or
            `ALIGNED`: the files are cropped, scaled and centred, and used with all their levels.
        keypoints: file of the sequence's own keypoints, in layouts that have them, or None.
    """

    subject: str
    type: str
    view: str
    frames: int
    silhouettes: Path
    video: Path | None
    masks: str = "grey>127"
    keypoints: Path | None = None

    @property
    def identity(self) -> Identity:
        """Subject, type and view."""
        return self[:3]

    @property
    def name(self) -> str:
        """The name in messages: `001/nm-01/090`."""
        return name_of(*self.identity)


class Reject(NamedTuple):
    """Data that a stage skipped, or used with a note: a row of the rejects table.

    Attributes:
        stage: the stage that skipped it.
        path: the file or folder, with `#12` for a frame of a video.
        reason: a few words, the same for each occurrence; figures may follow a colon.
        used: `no`; `yes`: the data was used, and the reason is a note.
    """

    stage: str
    path: str
    reason: str
    used: str = "no"

    @property
    def kind(self) -> str:
        """The reason without its figures."""
        return self.reason.partition(": ")[0]


def count_rejects(rejects: Iterable[Reject]) -> str:
    """Returns counts by reason, the most frequent first: `3 empty folder, 1 unreadable image`."""
    counts = Counter(row.kind for row in rejects)
    return ", ".join(f"{count} {reason}" for reason, count in ranked(counts)) or "nothing"


def ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """Returns names and counts, the most frequent first, then in the order of the names."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def name_of(subject: str, kind: str, view: str) -> str:
    """Returns a sequence's name, for example `001/nm-01/090`."""
    return f"{subject}/{kind}/{view}"


def type_of(condition: str, number: int) -> str:
    """Returns the type of a condition's recording: `nm-01`."""
    return f"{condition}-{number:02d}"


def condition_of(kind: str) -> str:
    """Returns the condition of a type, `nm` of `nm-01`; a type of another form is its own."""
    condition, _, number = kind.rpartition("-")
    return condition if condition and number.isdecimal() else kind


def view_at(degrees: int) -> str:
    """Returns the name of the view at an angle: `090`. Text order is the order of the angles."""
    return f"{degrees:03d}"


def angle_of(view: str) -> int | None:
    """Returns a view's angle in degrees; None if its name is not an angle (three digits)."""
    return int(view) if _ANGLE.fullmatch(view) else None


def view_title(view: str) -> str:
    """Returns a view for readers: `90°`, or its name if it is not an angle."""
    angle = angle_of(view)
    return view if angle is None else f"{angle}°"
