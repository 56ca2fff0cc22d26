"""A sequence: one recording of a subject from one view. A reject: data that a stage skipped."""

from pathlib import Path
from typing import NamedTuple


class Sequence(NamedTuple):
    """A row of the sequence table.

    Attributes:
        subject: the dataset's name of the person.
        condition: `nm`, `bg`, `cl`, or the dataset's own name.
        number: of the recording within its condition.
        view: degrees.
        frames: number of silhouette files.
        silhouettes: folder or video of the silhouettes.
        video: video or folder of RGB frames of the same recording, or None.
        masks: which pixels of the silhouette files are the person, as `gaittake.io.masks.Rule`.
        keypoints: file of the sequence's own keypoints, in layouts that have them, or None.
    """

    subject: str
    condition: str
    number: int
    view: int
    frames: int
    silhouettes: Path
    video: Path | None
    masks: str = "grey>127"
    keypoints: Path | None = None

    @property
    def name(self) -> str:
        """The name in messages: `001/nm-01/090`."""
        return name_of(self.subject, self.condition, self.number, self.view)


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


def name_of(subject: str, condition: str, number: int, view: int) -> str:
    """Returns a sequence's name, for example `001/nm-01/090`."""
    return f"{subject}/{condition}-{number:02d}/{view:03d}"
