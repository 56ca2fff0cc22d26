"""From masks of whole frames to the network's input: aligned silhouettes, normalised keypoints."""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gaittake.arrays import Bools, Float32s, describe_array
from gaittake.errors import UserError
from gaittake.io.masks import judge
from gaittake.keypoints import normalise
from gaittake.pose.follow import follow
from gaittake.settings import Align
from gaittake.silhouette import Aligned, Image, align
from gaittake.use import usable
from gaittake.use.describe import usable_frames
from gaittake.use.locate import Locate, Shown
from gaittake.use.motion import directions
from gaittake.use.usable import JUMP, NO_KEYPOINTS, NOBODY, Figure

BATCH = 16
# The networks process all frames of a sequence at once. On a CPU in float32, with silhouettes of
# 64 × 44, a forward pass takes 0.7 (GaitSet) to 2.5 MiB (GaitTAKE) per frame: 2.5 GiB at the limit.
MAX_FRAMES = 1000


class NetworkInput(NamedTuple):
    """The usable frames of a sequence.

    Attributes:
        silhouettes: `[s, h, w]` uint8, aligned.
        keypoints: `[s, 17, 3]`, normalised.
        dropped: number of frames by the reason for which they were dropped.
        mirrored: number of frames in which the person walks to the right.
        with_two: number of frames that show two figures.
    """

    silhouettes: Image
    keypoints: Float32s
    dropped: Counter[str]
    mirrored: int
    with_two: int = 0


class _Seen(NamedTuple):
    """A mask with a whole figure, compressed: a frame of 1080 rows takes some kilobytes."""

    number: int
    figure: Figure
    shape: tuple[int, int]
    packed: bytes
    two: bool

    def image(self) -> Image:
        """Returns the mask `[rows, columns]`, 0 or 255."""
        bits = np.frombuffer(zlib.decompress(self.packed), dtype=np.uint8)
        rows, columns = self.shape
        return (np.unpackbits(bits, count=rows * columns) * np.uint8(255)).reshape(rows, columns)


def network_input(
    frames: Iterable[Image], *, settings: Align, locate: Locate, name: str
) -> NetworkInput:
    """Returns the usable frames of a sequence, with the person walking to the left.

    Frames without a whole, plausible figure are dropped. If the person walks to the right through
    the picture, the mirror images are used; a person who walks on the spot or towards the camera
    stays as they are. Otherwise the result is that of the pipeline.

    Holds at most `BATCH` whole frames in memory.

    Args:
        frames: `[rows, columns]` uint8 each, 0 or 255.
        settings: settings of silhouette alignment.
        locate: returns the keypoints of masks.
        name: of the sequence, for messages.

    Raises:
        UserError: a frame of another shape or dtype, no frame is usable, or more than `MAX_FRAMES`
            frames show a person.
    """
    seen, dropped = _whole_figures(frames, settings, name)
    jumping = usable.jumps([item.figure for item in seen])
    kept = [item for item, jumps in zip(seen, jumping, strict=True) if not jumps]
    dropped += Counter({JUMP: int(jumping.sum())})
    if not kept:
        raise _unusable(name, dropped, settings)
    right = _walk_to_the_right(kept)
    aligned: list[Aligned] = []
    located: list[Float32s] = []
    frames_of: list[Shown] = []
    for batch in batches((_shown(*item) for item in zip(kept, right, strict=True)), BATCH):
        items = [(shown, align(shown.image, **settings.model_dump())) for shown in batch]
        fine = [(shown, item) for shown, item in items if item is not None]
        dropped[NOBODY] += len(items) - len(fine)
        if not fine:
            continue
        found = locate([shown for shown, _ in fine])
        known: Bools = np.asarray(np.isfinite(found).reshape(len(found), -1).all(axis=1))
        dropped[NO_KEYPOINTS] += int((~known).sum())
        fine = [pair for pair, has in zip(fine, known, strict=True) if has]
        aligned += [item for _, item in fine]
        located.append(found[known])
        frames_of += [shown._replace(image=shown.image[:0]) for shown, _ in fine]
    if not aligned:
        raise _unusable(name, dropped, settings)
    heights = np.array([item.height for item in aligned], dtype=np.float64)
    keypoints = normalise(
        _followed(np.concatenate(located), frames_of, heights),
        top=np.array([item.top for item in aligned], dtype=np.float32),
        height=np.array([item.height for item in aligned], dtype=np.float32),
        centre=np.array([item.centre for item in aligned], dtype=np.float32),
    )
    images = np.stack([item.image for item in aligned])
    with_two = sum(item.two for item in kept)
    return NetworkInput(images, keypoints, +dropped, int(right.sum()), with_two)


def _followed(located: Float32s, shown: list[Shown], heights: npt.NDArray[np.float64]) -> Float32s:
    """Returns keypoints `[s, 17, 3]` of keypoints, or of candidates `[s, 17, 3, 3]`."""
    if located.ndim == 3:
        return located
    numbers = np.array([frame.number for frame in shown])
    turns = np.flatnonzero(np.diff([frame.mirrored for frame in shown])) + 1
    parts = np.split(np.arange(len(shown)), turns)
    return np.concatenate([follow(located[part], numbers[part], heights[part]) for part in parts])


def _whole_figures(
    frames: Iterable[Image], settings: Align, name: str
) -> tuple[list[_Seen], Counter[str]]:
    """Returns the masks with a whole figure, and the number of others by reason."""
    seen: list[_Seen] = []
    dropped: Counter[str] = Counter()
    for number, frame in enumerate(frames):
        if not isinstance(frame, np.ndarray) or frame.ndim != 2 or frame.dtype != np.uint8:
            raise UserError(
                f"{name}: masks [rows, columns] of uint8, 0 or 255, are required; found "
                f"{describe_array(frame)} in place {number}"
            )
        found = usable.measure(frame) if int(frame.sum()) > settings.min_mass else None
        reason = NOBODY if found is None else usable.fault(found)
        if found is None or reason:
            dropped[str(reason)] += 1
            continue
        rows, columns = frame.shape
        packed = zlib.compress(np.packbits(frame > 0).tobytes(), 1)
        seen.append(_Seen(number, found, (rows, columns), packed, usable.shows_two(frame)))
        if len(seen) > MAX_FRAMES:
            raise UserError(
                f"{name}: more than {MAX_FRAMES:,} frames show a person, the limit for one "
                "sequence (memory); split the recording into shorter sequences, such as one for "
                "each pass through the picture"
            )
    return seen, dropped


def _walk_to_the_right(seen: list[_Seen]) -> npt.NDArray[np.bool_]:
    numbers = np.array([item.number for item in seen])
    centres = np.array([item.figure.centre for item in seen], dtype=np.float64)
    heights = np.array([item.figure.height for item in seen], dtype=np.float64)
    return np.asarray(directions(numbers, centres, heights) > 0)


def _shown(seen: _Seen, mirrored: bool) -> Shown:
    image = seen.image()
    image = np.ascontiguousarray(image[:, ::-1]) if mirrored else image
    return Shown(seen.number, image, mirrored)


def _unusable(name: str, dropped: Counter[str], settings: Align) -> UserError:
    total = dropped.total()
    if not total:
        return UserError(
            f"{name}: no frames; masks of whole frames are required, with the whole person in the "
            "picture"
        )
    if dropped[NOBODY] == total:
        return UserError(
            f"{name}: none of {total} frames shows a person (at least "
            f"{settings.min_mass // 255 + 1} white pixels); check the masks, or create them with "
            "another method"
        )
    return UserError(
        f"{name}: {usable_frames(0, dropped)}; masks of whole frames are required, with the whole "
        "person in the picture"
    )


def batches(frames: Iterable[Shown], size: int) -> Iterator[list[Shown]]:
    """Yields batches of at most `size` consecutive masks of the same shape."""
    batch: list[Shown] = []
    for shown in frames:
        if batch and (len(batch) == size or batch[0].image.shape != shown.image.shape):
            yield batch
            batch = []
        batch.append(shown)
    if batch:
        yield batch


def binary_masks(silhouettes: npt.NDArray[np.generic]) -> Image:
    """Returns `[s, rows, columns]` uint8, 0 or 255.

    Args:
        silhouettes: `[s, rows, columns]` bool, or uint8 where values above 127 are the person.

    Raises:
        UserError: no array, another shape or dtype, no value above 127 (masks of 0 and 1), or not
            masks: photographs, or the background bright.
    """
    if (
        not isinstance(silhouettes, np.ndarray)
        or silhouettes.ndim != 3
        or silhouettes.dtype not in (np.uint8, np.bool_)
    ):
        raise UserError(
            "silhouettes: a uint8 array [frames, rows, columns] of 0 and 255 is required; found "
            f"{describe_array(silhouettes)}"
        )
    largest = int(silhouettes.max(initial=0))
    if silhouettes.dtype == np.uint8 and 0 < largest <= 127:
        found, advice = f"values up to {largest}", "a bool array that is True at the person"
        if largest == 1:
            found, advice = "0 and 1", "silhouettes > 0 or 255 * silhouettes"
        raise UserError(
            f"silhouettes: values 0 and 255 are required; found {found}. Pass {advice}."
        )
    person = silhouettes if silhouettes.dtype == np.bool_ else silhouettes.astype(np.uint8) > 127
    if person.size:
        some = {len(person) * part // 4 for part in (1, 2, 3)}
        if fault := judge([silhouettes[place].astype(np.uint8) for place in sorted(some)]).fault:
            raise UserError(f"silhouettes: not masks of a bright person on black: {fault.found}")
    return np.where(person, 255, 0).astype(np.uint8)
