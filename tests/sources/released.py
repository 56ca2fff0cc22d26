"""Writes small datasets as they are released, and runs index and cache on them."""

import pickle
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.data.build_cache import cache_shard
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects, read_sequences
from gaittake.sequence import Sequence
from gaittake.settings import Align, CacheStage, IndexStage, Source
from gaittake.sources.index import index_sequences
from tests.io.figures import cropped
from tests.sources.trees import reasons

Image = npt.NDArray[np.uint8]


class Made(NamedTuple):
    """What index and cache made: sequences, rejects of both, and the arrays by sequence."""

    sequences: list[Sequence]
    rejects: list[tuple[str, str]]
    cache: dict[str, dict[str, Any]]


def run(place: Path, subjects: tuple[str, ...], *, own: bool = False, **source: Any) -> Made:
    """Runs index and cache without stage one.

    Args:
        place: where results are written.
        subjects: names.
        own: whether the sequences have keypoints of their own.
        source: settings of the source.
    """
    index, out = place / "index.csv", place / "cache.h5"
    tables = [place / "index.rejects.csv", place / "cache.rejects.csv"]
    settings = IndexStage(source=Source.model_validate(source), subjects=subjects)
    index_sequences(settings, roots=None, out=index, rejects=tables[0])
    cache_shard(
        CacheStage(align=Align(), keypoints=own, own_keypoints=own),
        index=index,
        keypoints=None,
        truth=None,
        out=out,
        rejects=tables[1],
    )
    rejects = [row for path in tables for row in reasons(read_rejects(path), place)]
    with open_ragged(out, kind="cache") as opened:
        cache = {
            "/".join((row["subject"], row["type"], row["view"])): {
                name: opened.read(name, row["first_frame"], row["frame_count"])
                for name in opened.arrays
            }
            for row in opened.sequences.to_dict("records")
        }
    return Made(read_sequences(index), rejects, cache)


def aligned(frames: int, seed: int = 0, columns: int = 64) -> Image:
    """Returns silhouettes `[frames, 64, columns]` with grey edges, as OpenGait's resizing makes."""
    figures = [cv2.GaussianBlur(cropped(step + seed), (3, 3), 0) for step in range(frames)]
    margin = (64 - columns) // 2
    return np.stack(figures)[:, :, margin : margin + columns].astype(np.uint8)


def write_pickle(path: Path, array: Any, protocol: int = 4) -> None:
    """Writes a pickle as its users do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(array, protocol=protocol))


def write_figures(folder: Path, names: str, frames: int = 3, ending: str = "png") -> None:
    """Writes whole silhouettes of 120×160 pixels; `names` formats their numbers, as `{:03d}`."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, frames + 1):
        image = np.zeros((120, 160), np.uint8)
        image[20:84, 40 + 4 * number : 104 + 4 * number] = cropped(number)
        cv2.imwrite(str(folder / f"{names.format(number)}.{ending}"), image)
