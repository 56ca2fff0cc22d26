"""The layouts of datasets on disk, by the value of `source.layout`."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gaittake.sequence import Reject, Sequence
from gaittake.sources import casiab, folder, oumvlp
from gaittake.sources.tree import Folders


class Layout(NamedTuple):
    """How to read the folders of one layout.

    Attributes:
        top: pattern of the names directly in the folder of silhouettes.
        example: examples of these names, for messages.
        video: pattern of the names directly in a folder of videos; None: as in the silhouettes'.
        video_example: an example of these names, for messages.
        scan: returns some subjects' sequences, and rejects.
        survey: returns all subjects' paths, and rejects.
    """

    top: re.Pattern[str]
    example: str
    video: re.Pattern[str] | None
    video_example: str
    scan: Callable[[tuple[str, ...], Folders, Folders], tuple[list[Sequence], list[Reject]]]
    survey: Callable[[Folders, Folders], tuple[dict[str, Path], list[Reject]]]


_CASIAB = Layout(
    casiab.TOP,
    "001, 002, …",
    casiab.VIDEO,
    "001-nm-01-090.avi, …",
    casiab.scan,
    casiab.survey,
)
LAYOUTS = {
    "walkers": _CASIAB,  # rendered in CASIA-B's layout
    "casiab": _CASIAB,
    "oumvlp": Layout(oumvlp.TOP, "Silhouette_000-00, …", None, "", oumvlp.scan, oumvlp.survey),
    "folder": Layout(folder.TOP, "one folder per subject", None, "", folder.scan, folder.survey),
}
