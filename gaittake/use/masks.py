"""Masks of a sequence: read from files, or segmented from colour frames."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from gaittake.errors import UserError
from gaittake.io.frames import frame_files, is_video, read_colour, read_silhouettes
from gaittake.sequence import Reject
from gaittake.silhouette import Image
from gaittake.use import Silhouettes
from gaittake.use.background import background_masks
from gaittake.use.maskrcnn import maskrcnn_masks, published_maskrcnn
from gaittake.use.model_file import unreadable

STAGE = "masks"
SEQUENCE = "a folder of numbered images (001.png, …) or a video"
# Yields the masks of a sequence, `[rows, columns]` uint8, 0 or 255.
MaskReader = Callable[[Path, list[Reject]], Iterator[Image]]
# Grey levels that are rare in masks, also in those of compressed video.
GREY = (48, 208)
MOST_GREY = 0.1


def mask_reader(kind: Silhouettes, *, empty_scene: Path | None, device: torch.device) -> MaskReader:
    """Returns a function that yields the masks of a sequence, `[rows, columns]` uint8, 0 or 255.

    The function takes a folder or a video, and a list for rejected frames. It raises UserError if
    the folder or video has no frames, or frames of another kind.

    Args:
        kind: masks, or how to segment colour frames.
        empty_scene: only for `background`: the same view without people.
        device: where Mask R-CNN computes.

    Raises:
        UserError: an empty scene without `background` or without frames, or Mask R-CNN's weights
            are unavailable.
    """
    if empty_scene is not None and kind is not Silhouettes.BACKGROUND:
        raise UserError(f"--empty-scene {empty_scene}: requires --silhouettes background")
    if kind is Silhouettes.MASKS:
        return _masks
    if kind is Silhouettes.BACKGROUND:
        scene = None if empty_scene is None else require_frames(empty_scene)
        return lambda source, rejects: background_masks(
            require_frames(source), empty_scene=scene, rejects=rejects
        )
    model = published_maskrcnn().to(device)
    return lambda source, rejects: maskrcnn_masks(
        require_frames(source), model, device=device, rejects=rejects
    )


def _masks(source: Path, rejects: list[Reject]) -> Iterator[Image]:
    _require_masks(require_frames(source))
    for _, image in read_silhouettes(source, stage=STAGE, rejects=rejects):
        yield image


def require_frames(source: Path) -> Path:
    """Returns the folder or video.

    Raises:
        UserError: it does not exist, cannot be read, or has no frames.
    """
    try:
        if is_video(source):
            source.open("rb").close()  # OpenCV does not report why it cannot open a file
        frames = frame_files(source)
    except OSError as error:
        raise unreadable(source, error, required=SEQUENCE) from error
    if not frames:
        raise UserError(f"{source}: no frames; {SEQUENCE} is required.")
    return source


def _require_masks(source: Path) -> None:
    first = frame_files(source)[0][0]
    for _, image in read_colour(source, stage=STAGE, rejects=[], numbers={first}):
        grey = float(np.mean((image.min(axis=2) > GREY[0]) & (image.max(axis=2) < GREY[1])))
        if grey > MOST_GREY:
            raise UserError(
                f"{source}: not masks: {100 * grey:.0f} % of the first frame is neither black nor "
                "white; for colour frames, use --silhouettes background"
            )
