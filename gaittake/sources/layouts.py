"""The layouts of datasets on disk, by the value of `source.layout`."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from gaittake.sequence import Identity, Reject, Sequence
from gaittake.settings import Source
from gaittake.sources import (
    casiab,
    casiae,
    ccpg,
    folder,
    fvg,
    gait3d,
    grew,
    levels,
    opengait,
    oumvlp,
)
from gaittake.sources.own_keypoints import (
    Locate,
    at_its_name,
    at_view_and_sequence,
    beside_silhouettes,
)
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
        locate: returns where the dataset's own keypoints of a sequence are.
    """

    top: re.Pattern[str]
    example: str
    video: re.Pattern[str] | None
    video_example: str
    scan: Callable[[tuple[str, ...], Folders, Folders], tuple[list[Sequence], list[Reject]]]
    survey: Callable[[Folders, Folders], tuple[dict[str, Path], list[Reject]]]
    locate: Locate | None = None


def _named(names: levels.Levels, locate: Locate | None = None) -> Layout:
    """Returns the layout of a tree whose levels have names of one form each."""
    scan, survey = partial(levels.scan, names), partial(levels.survey, names)
    example = f"{names.subject.example}, …"
    return Layout(names.subject.pattern, example, None, "", scan, survey, locate)


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
    "oumvlp": Layout(
        oumvlp.TOP,
        "Silhouette_000-00, …",
        None,
        "",
        oumvlp.scan,
        oumvlp.survey,
        at_view_and_sequence,
    ),
    "gait3d": _named(gait3d.LEVELS, at_its_name),
    "grew": Layout(grew.TOP, "train, test", None, "", grew.scan, grew.survey, beside_silhouettes),
    "ccpg": _named(ccpg.LEVELS),
    "casiae": _named(casiae.LEVELS),
    "fvg": Layout(fvg.TOP, "session1, …", None, "", fvg.scan, fvg.survey),
    "opengait": _named(opengait.LEVELS)._replace(scan=partial(opengait.scan, opengait.Files())),
    "folder": Layout(folder.TOP, "one folder per subject", None, "", folder.scan, folder.survey),
}


def layout_of(source: Source) -> Layout:
    """Returns how to read a source: its layout, with the names of files that it sets."""
    layout = LAYOUTS[source.layout]
    if source.root is None:
        return layout
    silhouettes, keypoints = (
        str(names[0]) if names else None for names in (source.silhouettes, source.keypoints)
    )
    files = opengait.Files(silhouettes, keypoints)
    return layout._replace(scan=partial(opengait.scan, files))


def identities_at(path: str) -> list[Identity]:
    """Returns the sequences that a path may belong to, in any layout.

    Args:
        path: of a folder or file, with `#12` for a frame.
    """
    parts = path.partition("#")[0].split("/")
    # subject/type/view, or a file below; a file beside a view's folder is taken for one, in vain
    found = [
        (parts[place], parts[place + 1], parts[place + 2])
        for place in range(max(0, len(parts) - 4), len(parts) - 2)
    ]
    for identity_at in (oumvlp.identity_at, fvg.identity_at, casiae.identity_at):
        if identity := identity_at(path):
            found.append(identity)
    return found
