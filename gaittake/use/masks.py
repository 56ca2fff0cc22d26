"""Masks of a sequence: read from files, or segmented from colour frames."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gaittake.errors import UserError
from gaittake.io.frames import (
    VIDEOS,
    count_frames,
    frame_files,
    is_video,
    judge_masks,
    read_silhouettes,
)
from gaittake.io.images import is_hidden
from gaittake.io.masks import USUAL
from gaittake.io.video import UNREADABLE, why_unreadable
from gaittake.sequence import Reject
from gaittake.silhouette import Image
from gaittake.use import Masks, Silhouettes
from gaittake.use.background import background_masks
from gaittake.use.model_file import unreadable
from gaittake.use.people import people_masks, published_blazepose

if TYPE_CHECKING:
    import torch

STAGE = "masks"
SEQUENCE = "a folder of numbered images (001.png, …) or a video"
# Yields numbers and masks of a sequence, `[rows, columns]` uint8, 0 or 255.
MaskReader = Callable[[Path, list[Reject]], Iterator[tuple[int, Image]]]


def mask_reader(
    kind: Silhouettes,
    *,
    masks: Masks = Masks.AUTO,
    empty_scene: Path | None,
    device: "torch.device | str",
) -> MaskReader:
    """Returns a function that yields numbers and masks `[rows, columns]` uint8, 0 or 255.

    The function takes a folder or a video, and a list for rejected frames. It raises UserError if
    the folder or video has no frames, or frames of another kind.

    Args:
        kind: masks, or how to segment colour frames.
        masks: which pixels of a mask are the person.
        empty_scene: only for `background`: the same view without people.
        device: where Mask R-CNN computes.

    Raises:
        UserError: an empty scene without `background` or without frames, or the networks of
            `people` or `maskrcnn` are unavailable.
    """
    if empty_scene is not None and kind is not Silhouettes.BACKGROUND:
        raise UserError(f"--empty-scene {empty_scene}: requires --silhouettes background")
    if kind is Silhouettes.MASKS:
        return lambda source, rejects: _masks(source, masks, rejects)
    if masks is not Masks.AUTO:
        raise UserError(f"--masks {masks}: requires --silhouettes masks")
    if kind is Silhouettes.BACKGROUND:
        scene = None if empty_scene is None else require_frames(empty_scene)
        return lambda source, rejects: background_masks(
            require_frames(source), empty_scene=scene, rejects=rejects
        )
    if kind is Silhouettes.PEOPLE:
        networks = published_blazepose()
        return lambda source, rejects: people_masks(
            require_frames(source), networks, rejects=rejects
        )
    # torchvision takes a second, and masks do not need it.
    import torch

    from gaittake.use.maskrcnn import maskrcnn_masks, published_maskrcnn

    chosen = torch.device(device)
    model = published_maskrcnn().to(chosen)
    return lambda source, rejects: maskrcnn_masks(
        require_frames(source), model, device=chosen, rejects=rejects
    )


def _masks(source: Path, masks: Masks, rejects: list[Reject]) -> Iterator[tuple[int, Image]]:
    verdict = judge_masks(require_frames(source), masks)
    if verdict.fault is not None:
        colours = "for colour frames, use --silhouettes people (or background)"
        advice = verdict.fault.advice(masks="use --masks", colours=colours)
        raise UserError(f"{source}: not masks: {advice}")
    rule = str(verdict.rule or USUAL[masks])
    yield from read_silhouettes(source, stage=STAGE, rejects=rejects, masks=rule)


def require_frames(source: Path) -> Path:
    """Returns the folder or video.

    Raises:
        UserError: it does not exist, cannot be read, or has no frames.
    """
    if source.is_dir() and is_video(source):
        raise UserError(
            f"{source}: a folder whose name ends as that of a file; rename it, without "
            f"'{source.suffix}'"
        )
    if source.is_file() and not is_video(source):
        raise UserError(
            f"{source}: not a folder, and not the name of a video; {SEQUENCE} is required. Names "
            f"of videos end with {', '.join(sorted(VIDEOS))}: convert others, for example to H.264 "
            "in .mp4."
        )
    try:
        if is_video(source):
            source.open("rb").close()  # OpenCV does not report why it cannot open a file
        frames = frame_files(source)
    except OSError as error:
        raise unreadable(source, error, required=SEQUENCE) from error
    if not frames and is_video(source):
        raise UserError(f"{source}: {_not_decoded(source)}")
    if not frames:
        others = sorted(path.name for path in source.iterdir())
        found = f" but {', '.join(others[:3])}{' …' * (len(others) > 3)}" if others else ""
        raise UserError(f"{source}: no frames{found}; {SEQUENCE} is required.")
    return source


def not_frames(source: Path) -> list[Reject]:
    """Returns the files in a sequence's folder that are not read, without hidden ones."""
    rejects: list[Reject] = []
    if not is_video(source):
        count_frames(source, stage=STAGE, rejects=rejects)
    return [row for row in rejects if not is_hidden(Path(row.path).name)]


def _not_decoded(video: Path) -> str:
    """Returns why a file has no frames, and what to do."""
    if (reason := why_unreadable(video)) != UNREADABLE:  # of a pickle
        return f"{reason}; one uint8 array [frames, rows, columns] of 0 and 255 is required"
    return (
        "no frame can be decoded: the file is empty, damaged or cut off, is no video, or OpenCV "
        "lacks its codec (often AV1). Copy it again, or convert it, for example to H.264."
    )
