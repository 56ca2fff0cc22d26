"""Export of a dataset's cache in OpenGait's form: `subject/type/view/*.pkl` and a partition."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.io.arrays import write_array
from gaittake.io.atomic import require_replaceable, whole_folder
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedFile, open_ragged
from gaittake.io.tables import write_json
from gaittake.sources.skeleton import skeleton_maps

logger = logging.getLogger(__name__)
# OpenGait sorts the files of a sequence by name and picks some by their places.
MAPS, SILHOUETTES, KEYPOINTS = "0_heatmap.pkl", "1_sils.pkl", "2_pose.pkl"


def export_pickles(
    cache: Path,
    *,
    train_subjects: Iterable[str],
    test_subjects: Iterable[str],
    name: str,
    square: bool,
    out: Path,
) -> None:
    """Writes every sequence of a cache: silhouettes and, if the cache has them, keypoints and maps.

    `out` gets `NAME.json`, the partition, and `NAME/subject/type/view/` with the frames of the
    cache, one to one: `1_sils.pkl` uint8 `[s, h, w]`; `2_pose.pkl` float32 `[s, 17, 3]`, x and y in
    pixels of these silhouettes, confidence; `0_heatmap.pkl` uint8 `[s, 2, 64, 64]`.

    Args:
        cache: the dataset's cache.
        train_subjects: names for the partition.
        test_subjects: names for the partition.
        name: of the dataset.
        square: pad silhouettes to squares with black columns, as skeleton maps are.
        out: folder to create.

    Raises:
        UserError: the folder exists and has other content, or the cache has no sequence.
    """
    require_replaceable(out)
    with open_ragged(cache, kind="cache") as opened, whole_folder(out) as folder:
        table = opened.sequences
        if table.empty:
            raise UserError(f"{cache}: no sequence; see rejects.csv in its folder")
        with progress("export", len(table), unit="sequences") as advance:
            for row in table.to_dict("records"):
                place = folder / name / row["subject"] / row["type"] / row["view"]
                place.mkdir(parents=True)
                _write_sequence(opened, row, place, square=square)
                advance()
        present = set(table["subject"])
        partition = {
            part: [subject for subject in subjects if subject in present]
            for part, subjects in (("TRAIN_SET", train_subjects), ("TEST_SET", test_subjects))
        }
        write_json(partition, folder / f"{name}.json")
    logger.info("%d sequences of %d subjects in %s", len(table), len(present), out)


def _write_sequence(opened: RaggedFile, row: dict[Any, Any], place: Path, *, square: bool) -> None:
    frames = (row["first_frame"], row["frame_count"])
    silhouettes = opened.read("silhouettes", *frames)
    height, width = silhouettes.shape[1:]
    margin = (height - width) // 2 if square else 0
    write_array(np.pad(silhouettes, ((0, 0), (0, 0), (margin, margin))), place / SILHOUETTES)
    if "keypoints" in opened.arrays:
        keypoints = opened.read("keypoints", *frames)
        write_array(_in_pixels(keypoints, height, width + 2 * margin), place / KEYPOINTS)
        write_array(skeleton_maps(keypoints), place / MAPS)


def _in_pixels(keypoints: Float32s, height: int, width: int) -> Float32s:
    """Returns keypoints of `gaittake.keypoints.normalise` in pixels of a silhouette."""
    placed = keypoints.copy()
    placed[..., 0] = (keypoints[..., 0] - 0.5) * height + width / 2
    placed[..., 1] = keypoints[..., 1] * height
    return placed
