"""One recorded walk of one person from one view: its name, its files, what was refused of it."""

from pathlib import Path
from typing import NamedTuple


class Sequence(NamedTuple):
    """A row of the sequence table.

    Attributes:
        subject: the person, as the dataset names it.
        condition: `nm`, `bg`, `cl`, or the dataset's own word.
        number: which walk of this condition.
        view: degrees.
        frames: number of silhouette files.
        silhouettes: folder or video of the silhouettes.
        video: video or folder of RGB frames of the same walk, or None.
    """

    subject: str
    condition: str
    number: int
    view: int
    frames: int
    silhouettes: Path
    video: Path | None

    @property
    def name(self) -> str:
        """The name that messages use: `001/nm-01/090`."""
        return name_of(self.subject, self.condition, self.number, self.view)


class Reject(NamedTuple):
    """Something that a stage could not use: a row of the rejects table.

    Attributes:
        stage: who refused it.
        path: the file or folder, with `#12` for a frame of a video.
        reason: why, in a few words that are the same for the same fault.
    """

    stage: str
    path: str
    reason: str


def name_of(subject: str, condition: str, number: int, view: int) -> str:
    """Returns a sequence's name, for example `001/nm-01/090`."""
    return f"{subject}/{condition}-{number:02d}/{view:03d}"
