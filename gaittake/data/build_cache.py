"""The cache stages: aligned silhouettes and normalised keypoints of the same frames."""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake.errors import UserError
from gaittake.io.frames import read_silhouettes
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedFile, RaggedWriter, open_ragged
from gaittake.io.tables import (
    read_rejects,
    read_sequences,
    write_csv,
    write_rejects,
)
from gaittake.keypoints import normalise
from gaittake.sequence import Reject, Sequence
from gaittake.silhouette import Aligned, align
from gaittake.stages import CacheStage, canonical

logger = logging.getLogger(__name__)
STAGE = "cache"
Floats = npt.NDArray[np.float32]


class Clean(NamedTuple):
    """The usable frames of a sequence: silhouettes `[s, h, w]` uint8, keypoints `[s, 17, 3]`."""

    silhouettes: npt.NDArray[np.uint8]
    keypoints: Floats


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
        index: their table of sequences.
        keypoints: predicted keypoints of their frames.
        truth: the renderer's joints, taken in place of the predicted ones where given.
        out: the cache.
        rejects: frames and sequences that could not be used.
    """
    sequences = read_sequences(index)
    refused: list[Reject] = []
    kind, path = ("truth", truth) if truth else ("keypoints", keypoints)
    if path is None:
        raise ValueError("keypoints or truth: one of the two files is needed")
    frame = (settings.align.height, settings.align.width)
    with (
        open_ragged(path, kind=kind) as source,
        progress("cache", len(sequences), unit="sequences") as advance,
        RaggedWriter(
            out,
            kind="cache",
            arrays={"silhouettes": ("uint8", frame), "keypoints": ("float32", (17, 3))},
            attributes={"settings": canonical(settings), "keypoints": kind},
        ) as cache,
    ):
        located = _locate(source.sequences)
        for sequence in sequences:
            known = _keypoints_by_frame(source, located.get(sequence[:4]), kind)
            clean = _clean_frames(sequence, known, settings, refused)
            if clean is None:
                refused.append(Reject(STAGE, str(sequence.silhouettes), "no usable frame"))
            else:
                cache.append(
                    subject=sequence.subject,
                    condition=sequence.condition,
                    number=sequence.number,
                    view=sequence.view,
                    silhouettes=clean.silhouettes,
                    keypoints=clean.keypoints,
                )
            advance()
    write_rejects(refused, rejects)


def _locate(table: pd.DataFrame) -> dict[tuple[str, str, int, int], tuple[int, int]]:
    """Returns first row and row count by (subject, condition, number, view)."""
    columns = ["subject", "condition", "number", "view", "first_frame", "frame_count"]
    return {
        (s, c, int(n), int(v)): (int(first), int(count))
        for s, c, n, v, first, count in table[columns].itertuples(index=False)
    }


def _keypoints_by_frame(
    source: RaggedFile, place: tuple[int, int] | None, kind: str
) -> dict[int, Floats]:
    """Returns keypoints `[17, 3]` in pixels of the full frame, by the frame's number."""
    if place is None:
        return {}
    first, count = place
    if kind == "truth":
        joints = source.read("joints", first, count)
        certain = np.ones((*joints.shape[:2], 1), dtype=np.float32)
        return dict(enumerate(np.concatenate([joints, certain], axis=2), start=1))
    numbers = source.read("frame", first, count)
    rows = source.read("keypoints", first, count)
    return {int(number): row for number, row in zip(numbers, rows, strict=True)}


def _clean_frames(
    sequence: Sequence, known: dict[int, Floats], settings: CacheStage, refused: list[Reject]
) -> Clean | None:
    """Returns the frames that have a person and keypoints; the others go to `refused`."""
    aligned: list[Aligned] = []
    rows: list[Floats] = []
    frames = read_silhouettes(sequence.silhouettes, stage=STAGE, rejects=refused)
    for number, image in frames:
        item = align(image, **settings.align.model_dump())
        if item is None or number not in known:
            reason = "empty silhouette" if item is None else "no keypoints"
            refused.append(Reject(STAGE, f"{sequence.silhouettes}#{number}", reason))
            continue
        aligned.append(item)
        rows.append(known[number])
    if not aligned:
        return None
    keypoints = normalise(
        np.stack(rows),
        top=np.array([item.top for item in aligned], dtype=np.float32),
        height=np.array([item.height for item in aligned], dtype=np.float32),
        centre=np.array([item.centre for item in aligned], dtype=np.float32),
    )
    return Clean(np.stack([item.image for item in aligned]), keypoints)


def merge_caches(
    shards: list[Path],
    *,
    index: list[Path],
    rejects: list[Path],
    out: Path,
    out_sequences: Path,
    out_rejects: Path,
) -> None:
    """Writes the dataset's one cache, its table of sequences and all that was refused on the way.

    Args:
        shards: caches of the shards.
        index: tables of sequences of the shards.
        rejects: every stage's tables of what was refused.
        out: the cache; its attribute `data_digest` is a SHA-256 over everything in it.
        out_sequences: the table of all sequences.
        out_rejects: the table of everything refused.

    Raises:
        UserError: no shard holds a sequence.
    """
    write_rejects((row for path in rejects for row in read_rejects(path)), out_rejects)
    tables = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in index]
    write_csv(pd.concat(tables, ignore_index=True), out_sequences)
    digest = hashlib.sha256()
    with open_ragged(shards[0], kind="cache") as first:
        arrays = {n: (a.dtype.str, a.shape[1:]) for n, a in first.arrays.items()}
        attributes = {n: first.attributes[n] for n in ("settings", "keypoints")}
    with RaggedWriter(out, kind="cache", arrays=arrays, attributes=attributes) as cache:
        count = sum(_append_shard(cache, path, digest) for path in shards)
        if not count:
            raise UserError(
                f"{out}: not one usable sequence in the whole dataset; {out_rejects} says why"
            )
        cache.set_attribute("data_digest", digest.hexdigest()[:16])
    refused = len(read_rejects(out_rejects))
    logger.info("%d sequences, %d rows in %s", count, refused, out_rejects)


def _append_shard(cache: RaggedWriter, path: Path, digest: "hashlib._Hash") -> int:
    """Copies a shard, a sequence at a time, and returns how many there were."""
    with open_ragged(path, kind="cache") as shard:
        rows: Iterable[tuple[str, str, int, int, int, int]]
        rows = shard.sequences.itertuples(index=False, name=None)
        for subject, condition, number, view, first, count in rows:
            arrays = {name: shard.read(name, first, count) for name in shard.arrays}
            digest.update(repr((subject, condition, number, view, count)).encode())
            for name in sorted(arrays):
                digest.update(np.ascontiguousarray(arrays[name]).tobytes())
            cache.append(subject=subject, condition=condition, number=number, view=view, **arrays)
        return len(shard.sequences)
