"""From folders of silhouettes and keypoints to the cache."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gaittake.data import build_cache
from gaittake.data.build_cache import cache_shard, merge_caches
from gaittake.errors import UserError
from gaittake.io.ragged import RaggedWriter, open_ragged, table_digest
from gaittake.io.tables import read_rejects, read_sequences
from gaittake.settings import Align, CacheStage, IndexStage, Source, canonical
from gaittake.sources.index import index_sequences

SETTINGS = CacheStage(align=Align())


def write_dataset(root: Path, subjects: tuple[str, ...] = ("001", "002")) -> None:
    """Three frames of a block for each sequence; the block is 100 pixels tall."""
    for subject in subjects:
        for walk in ("nm-01", "cl-01"):
            folder = root / subject / walk / "090"
            folder.mkdir(parents=True)
            for frame in (7, 8, 9):
                image = np.zeros((240, 320), dtype=np.uint8)
                image[50:150, 25 * (frame - 4) : 25 * (frame - 4) + 50] = 255
                cv2.imwrite(str(folder / f"{subject}-{walk}-090-{frame:03d}.png"), image)


def write_keypoints(path: Path, index: Path, frames: tuple[int, ...] = (7, 8, 9)) -> None:
    arrays = {"keypoints": ("float32", (17, 3)), "frame": ("int32", ())}
    with RaggedWriter(path, kind="keypoints", arrays=arrays) as out:
        for s in read_sequences(index):
            keypoints = np.zeros((len(frames), 17, 3), dtype=np.float32)
            # They move with the block.
            keypoints[:, :, 0] = 25.0 * (np.array(frames)[:, None] - 3)
            keypoints[:, :, 1], keypoints[:, :, 2] = 75.0, 0.5
            out.append(
                s.identity,
                keypoints=keypoints,
                frame=np.array(frames, dtype=np.int32),
            )


def index(root: Path, where: Path, subjects: tuple[str, ...] = ("001", "002")) -> Path:
    stage = IndexStage(source=Source(silhouettes=(root,)), subjects=subjects)
    index_sequences(stage, roots=None, out=where / "index.csv", rejects=where / "index.rejects.csv")
    return where / "index.csv"


def build(where: Path, table: Path) -> Path:
    cache_shard(
        SETTINGS,
        index=table,
        keypoints=where / "keypoints.h5",
        truth=None,
        out=where / "cache.h5",
        rejects=where / "cache.rejects.csv",
    )
    return where / "cache.h5"


def test_silhouettes_and_keypoints_of_the_same_frames(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data")
    table = index(tmp_path / "data", tmp_path)
    write_keypoints(tmp_path / "keypoints.h5", table)
    with open_ragged(build(tmp_path, table), kind="cache") as cache:
        assert len(cache.sequences) == 4
        assert cache.sequences["frame_count"].tolist() == [3] * 4
        silhouettes, keypoints = cache.read("silhouettes"), cache.read("keypoints")
    assert silhouettes.shape == (12, 64, 44)
    assert keypoints.shape == (12, 17, 3)
    # The block moves through the frame; normalised, it and its keypoints stand still.
    # (up to a share of a pixel, since the scaled width is cut to whole pixels)
    assert float(np.abs(silhouettes.astype(float) - silhouettes[0]).mean()) < 8
    assert silhouettes[:, 8:-8, 16:28].min() > 200
    np.testing.assert_allclose(keypoints, keypoints[:1].repeat(12, axis=0), atol=0.02)
    np.testing.assert_allclose(keypoints[0, 0], [0.5, 0.25, 0.5], atol=0.02)
    assert read_rejects(tmp_path / "cache.rejects.csv") == []


def test_a_frame_dropped_from_silhouettes_is_dropped_from_keypoints(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", ("001",))
    folder = tmp_path / "data/001/nm-01/090"
    cv2.imwrite(str(folder / "001-nm-01-090-008.png"), np.zeros((240, 320), dtype=np.uint8))
    (folder / "001-nm-01-090-009.png").write_bytes(b"\x89PNG broken")
    table = index(tmp_path / "data", tmp_path, ("001",))
    write_keypoints(tmp_path / "keypoints.h5", table)
    with open_ragged(build(tmp_path, table), kind="cache") as cache:
        counts = dict(zip(cache.sequences["type"], cache.sequences["frame_count"], strict=True))
        assert counts == {"cl-01": 3, "nm-01": 1}
        assert len(cache.read("keypoints")) == len(cache.read("silhouettes")) == 4
    reasons = sorted(
        (Path(r.path).name, r.reason) for r in read_rejects(tmp_path / "cache.rejects.csv")
    )
    assert reasons == [
        ("001-nm-01-090-009.png", "unreadable image"),
        ("090#8", "empty silhouette"),
    ]


def test_a_sequence_without_one_usable_frame_is_listed(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", ("001",))
    for path in (tmp_path / "data/001/nm-01/090").iterdir():
        cv2.imwrite(str(path), np.zeros((240, 320), dtype=np.uint8))
    table = index(tmp_path / "data", tmp_path, ("001",))
    write_keypoints(tmp_path / "keypoints.h5", table)
    with open_ragged(build(tmp_path, table), kind="cache") as cache:
        assert cache.sequences["type"].tolist() == ["cl-01"]
    rejects = read_rejects(tmp_path / "cache.rejects.csv")
    assert [r.reason for r in rejects] == ["empty silhouette"] * 3 + ["no usable frame"]


def write_shards(folder: Path) -> list[Path]:
    """Returns the folders of two shards, one subject each, with index and cache."""
    parts = []
    for subject in ("001", "002"):
        where = folder / subject
        write_dataset(where / "data", (subject,))
        table = index(where / "data", where, (subject,))
        write_keypoints(where / "keypoints.h5", table)
        build(where, table)
        parts.append(where)
    return parts


def merge(parts: list[Path], out: Path) -> Path:
    merge_caches(
        [part / "cache.h5" for part in parts],
        index=[part / "index.csv" for part in parts],
        out=out,
        out_sequences=out.with_suffix(".csv"),
    )
    return out


def test_shards_become_one_cache_without_loss(tmp_path: Path) -> None:
    parts = write_shards(tmp_path)
    with open_ragged(merge(parts, tmp_path / "cache.h5"), kind="cache") as merged:
        assert merged.sequences["subject"].tolist() == ["001", "001", "002", "002"]
        assert merged.sequences["first_frame"].tolist() == [0, 3, 6, 9]
        with open_ragged(parts[1] / "cache.h5", kind="cache") as second:
            assert (merged.read("keypoints", 6) == second.read("keypoints")).all()
            assert (merged.read("silhouettes", 6) == second.read("silhouettes")).all()
        assert merged.attributes["settings"] == canonical(SETTINGS)
        assert merged.attributes["keypoints"] == "keypoints"
    assert len(read_sequences(tmp_path / "cache.csv")) == 4


def test_the_digest_changes_with_any_name_row_or_order_and_with_no_other_subject(
    tmp_path: Path,
) -> None:
    def digest(cache: Path, *subjects: str) -> str:
        with open_ragged(cache, kind="cache") as opened:
            table = opened.sequences
        return table_digest(table[table["subject"].isin(subjects)])

    parts = write_shards(tmp_path)
    cache = merge(parts, tmp_path / "cache.h5")
    found = digest(cache, "001", "002")
    assert digest(merge(parts[::-1], tmp_path / "turned.h5"), "001", "002") != found
    assert digest(merge(parts[:1], tmp_path / "one.h5"), "001") == digest(cache, "001") != found
    assert digest(parts[0] / "cache.h5", "001") == digest(cache, "001")
    with open_ragged(cache, kind="cache") as opened:
        rows = [
            {name: opened.read(name, first, count) for name in opened.arrays}
            for first, count in zip(
                opened.sequences["first_frame"], opened.sequences["frame_count"], strict=True
            )
        ]
        table, arrays = opened.sequences, opened.arrays
        shapes = {name: (array.dtype.str, array.shape[1:]) for name, array in arrays.items()}

    def rewritten(name: str, **changes: Any) -> str:
        with RaggedWriter(tmp_path / name, kind="cache", arrays=shapes) as out:
            for number, row in enumerate(table.to_dict("records")):
                who = row | (changes if number == 1 else {})
                out.append((who["subject"], who["type"], who["view"]), **rows[number])
        return digest(tmp_path / name, "001", "002")

    assert rewritten("same.h5") == found
    assert rewritten("view.h5", view="091") != found
    rows[1]["keypoints"][0, 0, 0] += 1e-6
    assert rewritten("row.h5") != found


@pytest.mark.parametrize("frames", [1, 4, 5])
def test_the_size_of_the_blocks_changes_nothing(
    tmp_path: Path, frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = write_shards(tmp_path)
    whole = merge(parts, tmp_path / "whole.h5").read_bytes()
    monkeypatch.setattr(build_cache, "BLOCK_FRAMES", frames)
    assert merge(parts, tmp_path / "blocks.h5").read_bytes() == whole


def test_a_dataset_without_one_usable_sequence_is_an_error(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", ("001",))
    table = index(tmp_path / "data", tmp_path, ("001",))
    write_keypoints(tmp_path / "keypoints.h5", table, frames=())
    build(tmp_path, table)
    with pytest.raises(
        UserError,
        match=r"not one usable sequence .*\.rejects\.csv files in ",
    ):
        merge([tmp_path], tmp_path / "merged.h5")
    assert not (tmp_path / "merged.h5").exists()
