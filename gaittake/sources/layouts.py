"""How datasets lie on disk, by the name that `source.layout` has."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gaittake.sequence import Reject, Sequence
from gaittake.sources import casiab, folder, oumvlp
from gaittake.sources.tree import Folders


class Layout(NamedTuple):
    """What is done with the folders of a layout.

    Attributes:
        top: names of what lies right in the folder of silhouettes.
        example: such names, for messages.
        scan: the sequences of some subjects, and what in their folders is none.
        survey: the subjects on disk and where each lies, and what beside them is none.
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
    "folder": Layout(folder.TOP, "a folder for each subject", folder.scan, folder.survey),
}
