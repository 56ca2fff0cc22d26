"""The index stage: from a dataset's folders to the table of its sequences."""

import logging
from pathlib import Path

from gaittake.errors import UserError
from gaittake.io.tables import write_rejects, write_sequences
from gaittake.sequence import Reject, Sequence
from gaittake.sources import casiab, oumvlp
from gaittake.stages import IndexStage

logger = logging.getLogger(__name__)
# Walkers are rendered in CASIA-B's layout.
SCANS = {
    "walkers": casiab.scan_subject,
    "casiab": casiab.scan_subject,
    "oumvlp": oumvlp.scan_subject,
}


def index_sequences(
    settings: IndexStage, *, roots: list[Path] | None, out: Path, rejects: Path
) -> None:
    """Writes the sequences of some subjects, and what was found that is no sequence.

    Args:
        settings: the source and the subjects.
        roots: rendered folders with `silhouettes/` and `videos/`; None: those of the source.
        out: table of sequences.
        rejects: table of what was refused.

    Raises:
        UserError: a folder is missing, or holds no subject at all.
    """
    if roots is None:
        silhouettes, videos = settings.source.silhouettes, settings.source.videos
    else:
        silhouettes = tuple(root / "silhouettes" for root in roots)
        videos = tuple(root / "videos" for root in roots)
    if not silhouettes:
        raise UserError("source.silhouettes is empty: set it to the folder that holds the subjects")
    for field, folders in (("silhouettes", silhouettes), ("videos", videos)):
        for folder in folders:
            if not folder.is_dir():
                raise UserError(
                    f"{folder}: there is no such folder; set source.{field} to where the dataset "
                    "lies (config/README.md)"
                )
    if not any(child.is_dir() for folder in silhouettes for child in folder.iterdir()):
        raise UserError(
            f"{silhouettes[0]}: the dataset is empty, a folder for each subject is needed there "
            "(config/README.md shows the layout)"
        )
    found: list[Sequence] = []
    refused: list[Reject] = []
    scan = SCANS[settings.source.layout]
    for subject in settings.subjects:
        sequences, unusable = scan(subject, silhouettes, videos)
        found += sequences
        refused += unusable
    logger.info(
        "%d sequences of %d subjects, %d refused", len(found), len(settings.subjects), len(refused)
    )
    write_rejects(refused, rejects)
    write_sequences(found, out)
