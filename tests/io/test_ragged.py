"""The HDF5 format: files are complete or absent, and checked on opening."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.io import ragged
from gaittake.io.ragged import RaggedWriter, open_ragged
from gaittake.sequence import IDENTITY, type_of

ARRAYS = {"silhouettes": ("uint8", (4, 3)), "keypoints": ("float32", (17, 3))}


def write(path: Path, lengths: tuple[int, ...] = (5, 1, 7)) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    written = []
    with RaggedWriter(path, kind="cache", arrays=ARRAYS, attributes={"settings": "{}"}) as out:
        for number, count in enumerate(lengths):
            rows = generator.integers(0, 255, (count, 4, 3)).astype(np.uint8)
            keypoints = generator.random((count, 17, 3), dtype=np.float32)
            out.append(
                ("001", type_of("nm", number), "090"),
                silhouettes=rows,
                keypoints=keypoints,
            )
            written.append(rows)
    return written


def test_a_file_round_trips(tmp_path: Path) -> None:
    written = write(tmp_path / "cache.h5")
    with open_ragged(tmp_path / "cache.h5", kind="cache") as opened:
        assert opened.sequences["frame_count"].tolist() == [5, 1, 7]
        assert opened.sequences["subject"].tolist() == ["001"] * 3
        for rows, first in zip(written, opened.sequences["first_frame"], strict=True):
            assert (opened.read("silhouettes", int(first), len(rows)) == rows).all()
        assert opened.attributes["settings"] == "{}"


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.h5")
    write(tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("buffer", [0, 300, 1 << 24])
def test_buffered_rows_are_written_in_order(
    tmp_path: Path, buffer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ragged, "BUFFER_BYTES", buffer)
    written = write(tmp_path / "cache.h5", (5, 0, 1, 130, 7))
    with open_ragged(tmp_path / "cache.h5", kind="cache") as opened:
        assert opened.sequences["first_frame"].tolist() == [0, 5, 5, 6, 136]
        assert (opened.read("silhouettes") == np.concatenate(written)).all()
        assert len(opened.read("keypoints")) == 143


def test_an_array_may_be_reused_after_append(tmp_path: Path) -> None:
    reused = np.ones((2, 17, 3), np.float32)
    arrays = {"keypoints": ("float32", (17, 3))}
    with RaggedWriter(tmp_path / "cache.h5", kind="cache", arrays=arrays) as out:
        out.append(("001", "nm-01", "090"), keypoints=reused)
        reused[:] = 7
    with open_ragged(tmp_path / "cache.h5", kind="cache") as opened:
        assert (opened.read("keypoints") == 1).all()


def test_a_clip_of_30_silhouettes_lies_in_at_most_three_chunks(tmp_path: Path) -> None:
    arrays = {"silhouettes": ("uint8", (64, 44))}
    with RaggedWriter(tmp_path / "cache.h5", kind="cache", arrays=arrays) as out:
        silhouettes = np.zeros((200, 64, 44), np.uint8)
        out.append(("001", "nm-01", "090"), silhouettes=silhouettes)
    with open_ragged(tmp_path / "cache.h5", kind="cache") as opened:
        rows = opened.arrays["silhouettes"].chunks[0]
    assert max((first + 29) // rows - first // rows + 1 for first in range(rows)) == 3


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError),
        RaggedWriter(tmp_path / "cache.h5", kind="cache", arrays=ARRAYS),
    ):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_arrays_of_unequal_length_are_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"001/nm-01/090.*equal length"),
        RaggedWriter(tmp_path / "cache.h5", kind="cache", arrays=ARRAYS) as out,
    ):
        out.append(
            ("001", "nm-01", "090"),
            silhouettes=np.zeros((3, 4, 3), np.uint8),
            keypoints=np.zeros((2, 17, 3), np.float32),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match="no such file"),
        open_ragged(tmp_path / "no.h5", kind="cache"),
    ):
        pass


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_an_error(tmp_path: Path, share: float) -> None:
    path = tmp_path / "cache.h5"
    write(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match=r"cache\.h5: .*Delete it"), open_ragged(path, kind="cache"):
        pass


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("schema", 99, "schema 3 is required, this file has 99"),
        ("kind", "truth", "a cache file is required, this is 'truth'"),
        ("complete", False, "incomplete; it was not fully written"),
    ],
)
def test_a_file_of_another_kind_or_schema_or_an_incomplete_one_is_an_error(
    tmp_path: Path, attribute: str, value: object, message: str
) -> None:
    path = tmp_path / "cache.h5"
    write(path)
    with h5py.File(path, "r+") as file:
        file.attrs[attribute] = value
    with pytest.raises(UserError, match=message), open_ragged(path, kind="cache"):
        pass


def test_a_flipped_bit_in_the_data_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "cache.h5"
    write(path, (200,))
    with h5py.File(path, "r") as file:
        chunk = file["keypoints"].id.get_chunk_info(0)
    damaged = bytearray(path.read_bytes())
    damaged[chunk.byte_offset + chunk.size // 2] ^= 0x10
    path.write_bytes(damaged)
    with (
        open_ragged(path, kind="cache") as opened,
        pytest.raises(UserError, match=r"'keypoints' are damaged.*Delete the file"),
    ):
        opened.read("keypoints")


def test_a_name_may_have_any_form(tmp_path: Path) -> None:
    names = [("0002", "camid33_videoid2", "seq0"), ("anna", "H-scene1-nm-1", "090"), ("ö", "b", "")]
    with RaggedWriter(tmp_path / "keys.h5", kind="cache", arrays={"a": ("uint8", ())}) as out:
        for name in names:
            out.append(name, a=np.zeros(2, np.uint8))
    with open_ragged(tmp_path / "keys.h5", kind="cache") as opened:
        found = opened.sequences[list(IDENTITY)].itertuples(index=False, name=None)
        assert list(found) == names


def test_a_file_of_the_earlier_schema_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cache.h5"
    write(path)
    with h5py.File(path, "r+") as file:
        file.attrs["schema"] = 2
        for column in ("type", "view"):
            del file[f"sequences/{column}"]
        file["sequences/number"], file["sequences/view"] = np.arange(3), np.full(3, 90)
    with (
        pytest.raises(UserError, match=r"schema 3 is required, this file has 2.*Delete it and run"),
        open_ragged(path, kind="cache"),
    ):
        pass
