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
        scan: returns some subjects' sequences, and rejects.
        survey: returns all subjects' paths, and rejects.
    """

    top: re.Pattern[str]
    example: str
    scan: Callable[[tuple[str, ...], Folders, Folders], tuple[list[Sequence], list[Reject]]]
    survey: Callable[[Folders, Folders], tuple[dict[str, Path], list[Reject]]]


_CASIAB = Layout(casiab.TOP, "001, 002, …", casiab.scan, casiab.survey)
LAYOUTS = {
    "walkers": _CASIAB,  # rendered in CASIA-B's layout
    "casiab": _CASIAB,
    "oumvlp": Layout(oumvlp.TOP, "Silhouette_000-00, …", oumvlp.scan, oumvlp.survey),
    "folder": Layout(folder.TOP, "one folder per subject", folder.scan, folder.survey),
}
