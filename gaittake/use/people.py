"""Masks by MediaPipe's BlazePose: the person is found once, then followed from frame to frame."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gaittake.io.frames import read_colour
from gaittake.io.mediapipe import blazepose_files
from gaittake.sequence import Reject
from gaittake.silhouette import Image, figure
from gaittake.use.blazepose import MIN_SCORE, BlazePose, Person, Region

STAGE = "people"


def published_blazepose() -> BlazePose:
    """Returns BlazePose with MediaPipe's networks.

    Raises:
        UserError: LiteRT is not installed, or the networks are unavailable.
    """
    return BlazePose(*blazepose_files())


def people_masks(
    source: Path, networks: BlazePose, *, rejects: list[Reject]
) -> Iterator[tuple[int, Image]]:
    """Yields number and mask `[rows, columns]` uint8 of each frame, 0 or 255.

    The mask is empty if the frame shows no person. If the picture shows several people, the mask is
    that of one of them, as long as it is visible.

    Args:
        source: colour frames of a sequence: folder or video.
        networks: BlazePose.
        rejects: unreadable frames are appended.
    """
    region: Region | None = None
    for number, frame in read_colour(source, stage=STAGE, rejects=rejects):
        person = follow(frame, region, networks)
        region = person.region if person else None
        yield number, mask_of(person, frame)


def follow(frame: Image, region: Region | None, networks: BlazePose) -> Person | None:
    """Returns the person in the region of the last frame, or one that the detector finds, or None.

    The detector alone misses some people in some frames, and sees the whole frame in few pixels.

    Args:
        frame: `[rows, columns, 3]` RGB.
        region: of the person in the last frame, or None.
        networks: BlazePose.
    """
    if region is not None and (person := networks.look(frame, region)).score >= MIN_SCORE:
        return person
    region = networks.detect(frame)
    if region is not None and (person := networks.look(frame, region)).score >= MIN_SCORE:
        return person
    return None


def mask_of(person: Person | None, frame: Image) -> Image:
    """Returns a mask `[rows, columns]` uint8, 0 or 255, without specks; empty without a person."""
    if person is None:
        return np.zeros(frame.shape[:2], dtype=np.uint8)
    return figure(np.where(person.mask > 0.5, 255, 0).astype(np.uint8))
