"""The index stage: from a dataset's folders to the table of its sequences."""

import logging
from pathlib import Path

from gaittake.errors import UserError
from gaittake.io.tables import count_rejects, write_rejects, write_sequences
from gaittake.settings import IndexStage
from gaittake.sources.colour import check_sizes
from gaittake.sources.layouts import LAYOUTS
from gaittake.sources.masks import with_masks

logger = logging.getLogger(__name__)


def index_sequences(
    settings: IndexStage,
    *,
    roots: list[Path] | None,
    unpacked: Path | None = None,
    out: Path,
    rejects: Path,
) -> None:
    """Writes the sequences of some subjects, and what was found that is no sequence.

    Args:
        settings: the source and the subjects.
        roots: rendered folders with `silhouettes/` and `videos/`; None: those of the source.
        unpacked: folder of subjects that came in archives, beside those of the source.
        out: table of sequences.
        rejects: table of what was refused.

    Raises:
        UserError: a folder is missing, or holds nothing of the layout; the silhouettes are no
            masks, or of another size than the colour frames.
    """
    if roots is None:
        silhouettes, videos = settings.source.silhouettes, settings.source.videos
        check_folders(settings)
    else:
        silhouettes = tuple(root / "silhouettes" for root in roots)
        videos = tuple(root / "videos" for root in roots)
    if unpacked is not None:
        silhouettes = (*silhouettes, unpacked)
    found, refused = LAYOUTS[settings.source.layout].scan(settings.subjects, silhouettes, videos)
    if not settings.source.rendered:
        found = with_masks(found, settings.source.masks, refused)
        check_sizes(found)
    logger.info(
        "%d sequences of %d subjects; refused: %s",
        len(found),
        len({row.subject for row in found}),
        count_rejects(refused),
    )
    write_rejects(refused, rejects)
    write_sequences(found, out)


def check_folders(settings: IndexStage) -> None:
    """Looks whether the source's folders are there and are the right ones.

    Raises:
        UserError: they are not; what was found, and what to set.
    """
    source, layout = settings.source, LAYOUTS[settings.source.layout]
    if not source.silhouettes:
        raise UserError("source.silhouettes is empty: set it to the folder that holds the subjects")
    for field, folders in (("silhouettes", source.silhouettes), ("videos", source.videos)):
        for folder in folders:
            if not folder.is_dir():
                raise UserError(
                    f"{folder}: there is no such folder; set source.{field} to where the dataset "
                    "lies (config/README.md)"
                )
    names = sorted(child.name for folder in source.silhouettes for child in folder.iterdir())
    if not any(layout.top.fullmatch(name) for name in names):
        found = f"holds {', '.join(names[:5])}" if names else "the dataset is empty"
        raise UserError(
            f"{source.silhouettes[0]}: {found}; needed there for source.layout '{source.layout}': "
            f"{layout.example} (config/README.md shows it)"
        )
