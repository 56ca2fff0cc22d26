"""The cache stages: aligned silhouettes and normalised keypoints of the same frames."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake.arrays import Float32s
from gaittake.data.own_keypoints import at_figures, keypoints_on
from gaittake.data.shard_keypoints import ShardKeypoints
from gaittake.errors import UserError
from gaittake.io.frames import read_silhouettes
from gaittake.io.pose_files import read_poses
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter, open_ragged
from gaittake.io.tables import read_csv, read_sequences, write_csv, write_rejects
from gaittake.keypoints import normalise
from gaittake.sequence import ALIGNED, IDENTITY, Reject, Sequence, count_rejects
from gaittake.settings import CacheStage, canonical
from gaittake.silhouette import Aligned, Image, align, fit

logger = logging.getLogger(__name__)
STAGE = "cache"
BLOCK_FRAMES = 4096  # of a shard, read at once


# Returns keypoints [a, 17, 3] of a frame in pixels, by its number and silhouette.
Find = Callable[[int, Image], Float32s | None]


class Clean(NamedTuple):
    """The usable frames of a sequence: silhouettes `[s, h, w]` uint8, keypoints `[a, s, 17, 3]`."""

    silhouettes: npt.NDArray[np.uint8]
    keypoints: Float32s


def cache_shard(
    settings: CacheStage,
    *,
    index: Path,
    keypoints: Path | None,
    truth: Path | None,
    out: Path,
    rejects: Path,
) -> None:
    """Writes the cache of some subjects.

    Args:
        settings: how silhouettes are aligned.
        index: table of their sequences.
        keypoints: file of predicted keypoints, or None.
        truth: file of the renderer's true keypoints, or None. With predicted ones, the true ones
            become the array `truth`, else the array `keypoints`.
        out: the cache.
        rejects: table of skipped frames and sequences.

    Raises:
        UserError: there are keypoints, and the cache is to hold silhouettes only; or there are
            none, and it needs some.
    """
    from_file = settings.keypoints and not settings.own_keypoints
    if from_file == (keypoints is None and truth is None):
        wanted = "source.keypoints has the keypoints" if settings.own_keypoints else ""
        wanted = wanted or (
            "a file of keypoints is required" if from_file else "pose.keypoints is none"
        )
        raise UserError(f"{out}: {wanted}, found {keypoints or truth or 'no file'}")
    sequences = read_sequences(index)
    refused: list[Reject] = []
    kept = 0
    frame = (settings.align.height, settings.align.width)
    shard = ShardKeypoints(keypoints, truth)
    own = settings.own_keypoints
    names, source = (("keypoints",), "own") if own else (shard.arrays, shard.source)
    with (
        shard,
        progress("cache", len(sequences), unit="sequences") as advance,
        RaggedWriter(
            out,
            kind="cache",
            arrays={
                "silhouettes": ("uint8", frame),
                **dict.fromkeys(names, ("float32", (17, 3))),
            },
            attributes={"settings": canonical(settings), "keypoints": source},
        ) as cache,
    ):
        for sequence in sequences:
            find = _own(sequence, refused) if own else _stored(shard.of(sequence))
            clean = _clean_frames(sequence, find, settings, refused)
            if clean is None:
                refused.append(Reject(STAGE, str(sequence.silhouettes), "no usable frame"))
            elif own and (reason := _elsewhere(clean)):
                refused.append(Reject(STAGE, str(sequence.keypoints), reason))
            else:
                kept += 1
                cache.append(
                    sequence.identity,
                    silhouettes=clean.silhouettes,
                    **dict(zip(names, clean.keypoints, strict=True)),
                )
            advance()
    logger.info("%d of %d sequences; skipped: %s", kept, len(sequences), count_rejects(refused))
    write_rejects(refused, rejects)


def _stored(keypoints: dict[int, Float32s] | None) -> Find | None:
    """Returns how the keypoints of a frame are found in those of a file; None without a file."""
    return None if keypoints is None else lambda number, _: keypoints.get(number)


def _own(sequence: Sequence, refused: list[Reject]) -> Find:
    """Returns a function that finds the keypoints of a frame in the sequence's own."""
    people = read_poses(sequence.keypoints, refused) if sequence.keypoints is not None else {}
    aligned = sequence.masks == ALIGNED

    def find(number: int, image: Image) -> Float32s | None:
        if number not in people:
            return None
        found = keypoints_on(people[number], image, aligned=aligned)
        return None if found is None else found[None]

    return find


def _elsewhere(clean: Clean) -> str | None:
    """Returns why a sequence's own keypoints cannot be those of its figures."""
    at = at_figures(clean.silhouettes, clean.keypoints[0])
    if 2 * at.sum() >= len(at):
        return None
    return f"keypoints and silhouettes do not match: in {len(at) - at.sum()} of {len(at)} frames"


def _clean_frames(
    sequence: Sequence, find: Find | None, settings: CacheStage, refused: list[Reject]
) -> Clean | None:
    """Returns the frames with a silhouette and keypoints; adds the others to `refused`.

    Without `find`, a silhouette is enough.
    """
    aligned: list[Aligned] = []
    rows: list[Float32s] = []
    frames = read_silhouettes(
        sequence.silhouettes, stage=STAGE, rejects=refused, masks=sequence.masks
    )
    for number, image in frames:
        item = _aligned(image, sequence, settings)
        found = find(number, image) if item is not None and find is not None else None
        if item is None or (find is not None and found is None):
            reason = "empty silhouette" if item is None else "no keypoints"
            if item is None and sequence.masks == ALIGNED and image.any():
                shape = "×".join(map(str, image.shape))
                reason = f"aligned silhouette of another shape: {shape}"
            refused.append(Reject(STAGE, f"{sequence.silhouettes}#{number}", reason))
            continue
        aligned.append(item)
        if found is not None:
            rows.append(found)
    if not aligned:
        return None
    silhouettes = np.stack([item.image for item in aligned])
    if find is None:
        return Clean(silhouettes, np.empty((0, len(aligned), 17, 3), dtype=np.float32))
    normalised = [
        normalise(
            each,
            top=np.array([item.top for item in aligned], dtype=np.float32),
            height=np.array([item.height for item in aligned], dtype=np.float32),
            centre=np.array([item.centre for item in aligned], dtype=np.float32),
        )
        for each in np.stack(rows, axis=1)
    ]
    return Clean(silhouettes, np.stack(normalised))


def _aligned(image: Image, sequence: Sequence, settings: CacheStage) -> Aligned | None:
    """Returns the silhouette in the network's size; None if it is empty or of another shape."""
    chosen = settings.align
    if sequence.masks != ALIGNED:
        return align(image, **chosen.model_dump())
    return fit(image, height=chosen.height, width=chosen.width) if image.any() else None


def merge_caches(shards: list[Path], *, index: list[Path], out: Path, out_sequences: Path) -> None:
    """Writes the cache and the table of sequences of a dataset.

    Args:
        shards: caches of the shards.
        index: tables of the shards' sequences.
        out: the cache.
        out_sequences: table of all sequences.

    Raises:
        UserError: no shard has a sequence.
    """
    tables = [read_csv(path, (), whole=True) for path in index]
    write_csv(pd.concat(tables, ignore_index=True), out_sequences)
    with open_ragged(shards[0], kind="cache") as first:
        arrays = {n: (a.dtype.str, a.shape[1:]) for n, a in first.arrays.items()}
        attributes = {n: first.attributes[n] for n in ("settings", "keypoints")}
    with (
        RaggedWriter(out, kind="cache", arrays=arrays, attributes=attributes) as cache,
        progress("merge", len(shards), unit="shards") as advance,
    ):
        count = 0
        for path in shards:
            count += _append_shard(cache, path)
            advance()
        if not count:
            raise UserError(
                f"{out}: not one usable sequence in the whole dataset; see the .rejects.csv files "
                f"in {index[0].parent} and {shards[0].parent}"
            )
    logger.info("%d of %d sequences in %s", count, sum(map(len, tables)), out)


def _append_shard(cache: RaggedWriter, path: Path) -> int:
    """Appends a shard in blocks of whole sequences; returns the number of its sequences."""
    with open_ragged(path, kind="cache") as shard:
        blocks = shard.sequences["first_frame"] // BLOCK_FRAMES
        for _, block in shard.sequences.groupby(blocks):
            start, frames = int(block["first_frame"].iloc[0]), int(block["frame_count"].sum())
            read = {name: shard.read(name, start, frames) for name in shard.arrays}
            columns = [*IDENTITY, "first_frame", "frame_count"]
            rows: Iterable[tuple[str, str, str, int, int]]
            rows = block[columns].itertuples(index=False, name=None)
            for subject, kind, view, first, count in rows:
                own = slice(first - start, first - start + count)
                arrays = {name: rows_of[own] for name, rows_of in read.items()}
                cache.append((subject, kind, view), **arrays)
        return len(shard.sequences)
