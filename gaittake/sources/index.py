"""The index stage: writes the table of sequences found in a dataset's folders."""

import logging
from pathlib import Path

from gaittake.io.tables import write_rejects, write_sequences
from gaittake.sequence import count_rejects
from gaittake.settings import IndexStage
from gaittake.sources.colour import check_sizes
from gaittake.sources.folders import check_folders
from gaittake.sources.layouts import layout_of
from gaittake.sources.masks import with_masks
from gaittake.sources.own_keypoints import with_keypoints

logger = logging.getLogger(__name__)


def index_sequences(
    settings: IndexStage,
    *,
    roots: list[Path] | None,
    unpacked: Path | None = None,
    segmented: Path | None = None,
    out: Path,
    rejects: Path,
) -> None:
    """Writes the subjects' sequences, and a table of everything that is not one.

    Args:
        settings: the source and the subjects.
        roots: rendered folders with `silhouettes/` and `videos/`; None uses the source's folders.
        unpacked: folder of subjects extracted from archives, read in addition to the source's.
        segmented: folder of silhouettes made from the source's videos.
        out: table of sequences to write.
        rejects: table of rejects to write.

    Raises:
        UserError: a folder is missing, or holds nothing that fits the layout; the silhouettes are
            not masks, or differ from the colour frames in size.
    """
    source = settings.source
    layout = layout_of(source)
    if roots is None:
        silhouettes, videos = source.folders, source.videos
        check_folders(source)
    else:
        silhouettes = tuple(root / "silhouettes" for root in roots)
        videos = tuple(root / "videos" for root in roots)
    silhouettes += tuple(folder for folder in (unpacked, segmented) if folder is not None)
    found, refused = layout.scan(settings.subjects, silhouettes, videos)
    if not source.rendered:
        found = with_masks(found, source.masks, refused)
        check_sizes(found)
    if layout.locate is not None and source.given_keypoints == "own":
        found = with_keypoints(found, layout.locate, source.keypoints, refused)
    logger.info(
        "%d sequences of %d subjects; skipped: %s",
        len(found),
        len({row.subject for row in found}),
        count_rejects(refused),
    )
    write_rejects(refused, rejects)
    write_sequences(found, out)
