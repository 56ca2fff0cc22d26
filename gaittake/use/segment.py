"""The segment stage: silhouettes of a dataset that consists of videos only."""

import logging
from pathlib import Path

import cv2
import torch

from gaittake.io.atomic import whole_folder
from gaittake.io.frames import frame_files
from gaittake.io.progress import progress
from gaittake.io.tables import write_rejects
from gaittake.sequence import Reject, Sequence, count_rejects
from gaittake.settings import SegmentStage
from gaittake.sources.layouts import LAYOUTS
from gaittake.use import Silhouettes, usable
from gaittake.use.masks import MaskReader, mask_reader
from gaittake.use.usable import JUMP, NOBODY, Figure

logger = logging.getLogger(__name__)
STAGE = "segment"


def segment_subjects(settings: SegmentStage, *, out: Path, rejects: Path) -> None:
    """Writes the silhouettes of some subjects, as images with the numbers of the videos' frames.

    Args:
        settings: the source and the subjects.
        out: folder of the subjects' folders, in the layout `folder`.
        rejects: table of frames without a whole, plausible figure.

    Raises:
        UserError: a network is unavailable, or the background cannot be computed.
    """
    videos = settings.source.videos
    sequences, _ = LAYOUTS[settings.source.layout].scan(settings.subjects, videos, videos)
    kind = Silhouettes(str(settings.source.masks_from_rgb))
    read = mask_reader(kind, empty_scene=None, device=torch.device("cpu"))
    rejected: list[Reject] = []
    with (
        whole_folder(out) as folder,
        progress(STAGE, len(sequences), unit="sequences") as advance,
    ):
        for sequence in sequences:
            _segment(sequence, read, folder.joinpath(*sequence.identity), rejected)
            advance()
    logger.info("%d sequences segmented; skipped: %s", len(sequences), count_rejects(rejected))
    write_rejects(rejected, rejects)


def _segment(sequence: Sequence, read: MaskReader, folder: Path, rejects: list[Reject]) -> None:
    """Writes those masks of a sequence that show a whole person."""
    source = sequence.silhouettes
    addresses = dict(frame_files(source))
    folder.mkdir(parents=True)
    kept: list[tuple[int, Path, Figure]] = []
    for number, mask in read(source, rejects):
        found = usable.measure(mask)
        reason = NOBODY if found is None else usable.fault(found)
        if found is None or reason:
            rejects.append(Reject(STAGE, str(addresses[number]), str(reason)))
            continue
        path = folder / f"{number:06d}.png"
        cv2.imwrite(str(path), mask)
        kept.append((number, path, found))
    jumping = usable.jumps([found for _, _, found in kept])
    for (number, path, _), jumps in zip(kept, jumping, strict=True):
        if jumps:
            path.unlink()
            rejects.append(Reject(STAGE, str(addresses[number]), JUMP))
