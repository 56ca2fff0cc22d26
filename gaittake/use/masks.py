"""The masks of a walk: given, or made from colour frames."""

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

STAGE = "masks"
Read = Callable[[Path, list[Reject]], Iterator[Image]]
# Levels that a mask, even one out of a compressed video, hardly has.
GREY = (48, 208)
MOST_GREY = 0.1


def reader(kind: Silhouettes, *, empty_scene: Path | None, device: torch.device) -> Read:
    """Returns what yields the masks of a walk, `[rows, columns]` uint8 of 0 and 255.

    It takes a folder or a video, and a list that gets what cannot be read. It raises UserError
    where there is nothing to read, or nothing of this kind.

    Args:
        kind: the files are masks, or colour frames: of a static camera (background), or for
            torchvision's Mask R-CNN.
        empty_scene: for `background`: the view without anybody.
        device: where Mask R-CNN computes.

    Raises:
        UserError: an empty scene that is not used, or Mask R-CNN's weights cannot be had.
    """
    if empty_scene is not None and kind is not Silhouettes.BACKGROUND:
        raise UserError(f"--empty-scene {empty_scene}: used with --silhouettes background alone")
    if kind is Silhouettes.MASKS:
        return _masks
    if kind is Silhouettes.BACKGROUND:
        return lambda source, rejects: background_masks(
            _there(source),
            empty_scene=None if empty_scene is None else _there(empty_scene),
            rejects=rejects,
        )
    model = published_maskrcnn().to(device)
    return lambda source, rejects: maskrcnn_masks(
        _there(source), model, device=device, rejects=rejects
    )


def _masks(source: Path, rejects: list[Reject]) -> Iterator[Image]:
    _require_masks(_there(source))
    for _, image in read_silhouettes(source, stage=STAGE, rejects=rejects):
        yield image


def _there(source: Path) -> Path:
    """Returns a walk's folder or video, which exists and has frames."""
    if not (source.is_file() if is_video(source) else source.is_dir()):
        raise UserError(f"{source}: a folder of numbered images or a video is needed")
    if not frame_files(source):
        raise UserError(f"{source}: no frame; numbered images (001.png, …) or a video are needed")
    return source


def _require_masks(source: Path) -> None:
    first = frame_files(source)[0][0]
    for _, image in read_colour(source, stage=STAGE, rejects=[], numbers={first}):
        grey = float(np.mean((image.min(axis=2) > GREY[0]) & (image.max(axis=2) < GREY[1])))
        if grey > MOST_GREY:
            raise UserError(
                f"{source}: masks are needed, white on black, and {100 * grey:.0f} % of the first "
                "frame is neither; for colour frames: --silhouettes background"
            )
