"""Batches are the same for frames on the device, in memory, and streamed from the cache."""

import gc
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import h5py
import numpy as np
import pytest
import torch

from gaittake.data import spans
from gaittake.data import store as module
from gaittake.data.clips import clip_rows
from gaittake.data.memory import Place
from gaittake.data.sampler import step_generator
from gaittake.data.store import (
    Batch,
    SequenceStore,
    gather_clips,
    gather_whole,
    load_store,
    prefetch,
    whole_rows,
)
from gaittake.data.streamed import Streamed
from gaittake.errors import UserError
from gaittake.io.ragged import open_ragged
from tests.conftest import write_cache

CPU = torch.device("cpu")
NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=NO_GPU)]
# Not contiguous: the rows are two spans of the file.
SUBJECTS = ("001", "003", "004")
STEPS = 12


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of several chunks: 36 sequences of 37 to 45 frames."""
    path = tmp_path_factory.mktemp("cache") / "cache.h5"
    return write_cache(path, subjects=4, walks=9, frames=46)


def rows_of(store: SequenceStore, order: str) -> Iterator[np.ndarray]:
    """Yields the rows of some batches: five clips each, one of them longer than its sequence."""
    for step in range(STEPS):
        generator = step_generator(3, step)
        chosen = generator.integers(0, len(store.sequences), 5)
        frames = 50 if step == 4 else 30
        yield clip_rows(store, chosen, frames, generator, order=order)


def same(one: Batch, other: Batch) -> bool:
    """Returns whether two batches are equal, bit for bit."""
    return all(
        (a is None and b is None) or (a is not None and b is not None and torch.equal(a, b))
        for a, b in zip(one, other, strict=True)
    )


def written(cache: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns all frames of the subjects in one plain read of the file."""
    with open_ragged(cache, kind="cache") as opened:
        own = np.repeat(opened.sequences["subject"].isin(SUBJECTS), opened.sequences["frame_count"])
        silhouettes, keypoints = opened.read("silhouettes")[own], opened.read("keypoints")[own]
    return torch.from_numpy(silhouettes), torch.from_numpy(keypoints)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("place", get_args(Place))
@pytest.mark.parametrize("order", ["consecutive", "sorted", "any"])
def test_clips_do_not_depend_on_where_frames_are_held(
    stored: Path, place: Place, order: str, device: str
) -> None:
    silhouettes, keypoints = written(stored)
    store = load_store(stored, SUBJECTS, torch.device(device), place=place)
    with prefetch(store, rows_of(store, order)) as running:
        for rows in rows_of(store, order):
            plain = Batch(silhouettes[rows].float() / 255, keypoints[rows], None)
            for source in (store, running):
                batch = gather_clips(source, rows)
                assert batch.silhouettes.device.type == device
                assert same(Batch(batch[0].cpu(), batch[1].cpu(), None), plain)


@pytest.mark.parametrize("device", DEVICES)
def test_whole_sequences_do_not_depend_on_where_frames_are_held(stored: Path, device: str) -> None:
    batches = [[0, 5, 26], [3], [10, 1]]
    found = []
    for place in get_args(Place):
        store = load_store(stored, SUBJECTS, torch.device(device), place=place)
        with prefetch(store, (whole_rows(store, chosen) for chosen in batches)) as running:
            found.append([gather_whole(running, chosen) for chosen in batches])
    for each in found[1:]:
        assert all(map(same, each, found[0]))


def test_noise_does_not_depend_on_where_frames_are_held(stored: Path) -> None:
    held, streamed = (
        load_store(stored, SUBJECTS, CPU, noise=0.02, place=place) for place in ("device", "cache")
    )
    assert torch.equal(held.keypoints, streamed.keypoints)


def test_a_streamed_array_has_the_shape_of_one_in_memory(stored: Path) -> None:
    silhouettes, _ = written(stored)
    streamed = load_store(stored, SUBJECTS, CPU, place="cache").silhouettes
    assert isinstance(streamed, Streamed)
    assert (streamed.shape, len(streamed)) == (silhouettes.shape, len(silhouettes))
    across = slice(300, 420)  # the end of one subject and the beginning of another
    assert torch.equal(streamed[across], silhouettes[across])


def test_a_streamed_file_is_closed_with_its_last_reader(stored: Path) -> None:
    def is_open() -> bool:
        return any(str(stored) == str(link.resolve()) for link in Path("/proc/self/fd").iterdir())

    store = load_store(stored, SUBJECTS, CPU, place="cache")
    assert is_open()
    del store
    gc.collect()
    assert not is_open()


def test_frames_are_loaded_block_by_block(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silhouettes, keypoints = written(stored)
    monkeypatch.setattr(spans, "BLOCK_BYTES", 5000)
    largest = 0
    read = module.RaggedFile.read

    def spy(opened: module.RaggedFile, name: str, first: int, count: int) -> Any:
        nonlocal largest
        rows = read(opened, name, first, count)
        largest = max(largest, rows.nbytes)
        return rows

    monkeypatch.setattr(module.RaggedFile, "read", spy)
    store = load_store(stored, SUBJECTS, CPU, place="device")
    assert isinstance(store.silhouettes, torch.Tensor)
    assert torch.equal(store.silhouettes, silhouettes)
    assert torch.equal(store.keypoints, keypoints)
    assert 4000 < largest <= 5000


@pytest.mark.parametrize("place", ["host", "cache"])
def test_with_a_gpu_the_thread_gathers_bytes_and_pins_them(
    stored: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = load_store(stored, SUBJECTS, CPU, place="device")
    beside = load_store(stored, SUBJECTS, CPU, place=place)._replace(device=torch.device("cuda"))
    pinned = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        pinned.append((threading.current_thread().name, tensor.dtype, tuple(tensor.shape)))
        return tensor

    # No GPU is needed to see what would be sent to it.
    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda tensor: True)
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, device, non_blocking: tensor)
    rows = np.arange(300, 330)[None]
    with prefetch(beside, [rows]) as running:
        assert same(gather_clips(running, rows), gather_clips(store, rows))
    assert pinned == [
        ("read ahead", torch.uint8, (1, 30, 16, 8)),
        ("read ahead", torch.float32, (1, 30, 17, 3)),
    ]


def test_a_damaged_chunk_is_an_error_at_its_batch(stored: Path, tmp_path: Path) -> None:
    path = tmp_path / "cache.h5"
    damaged = bytearray(stored.read_bytes())
    with h5py.File(stored, "r") as file:
        last = file["silhouettes"].id.get_num_chunks() - 1
        chunk = file["silhouettes"].id.get_chunk_info(last)
    damaged[chunk.byte_offset + chunk.size // 2] ^= 0x10
    path.write_bytes(damaged)
    store = load_store(path, SUBJECTS, CPU, place="cache")
    good, bad = np.arange(30)[None], len(store.silhouettes) - 30 + np.arange(30)[None]
    with prefetch(store, [good, good, bad, good]) as running:
        gather_clips(running, good)
        gather_clips(running, good)
        with pytest.raises(UserError, match=r"'silhouettes' are damaged.*Delete the file"):
            gather_clips(running, bad)


def test_a_training_that_fails_leaves_no_thread(stored: Path) -> None:
    def names() -> list[str]:
        return [thread.name for thread in threading.enumerate()]

    def fail(store: SequenceStore) -> None:
        with prefetch(store, (np.arange(30)[None] + step for step in range(1000))) as running:
            gather_clips(running, np.arange(30)[None])
            assert "read ahead" in names()
            raise RuntimeError("the loss is not finite")

    with pytest.raises(RuntimeError, match="not finite"):
        fail(load_store(stored, SUBJECTS, CPU, place="cache"))
    assert "read ahead" not in names()


def test_a_batch_out_of_order_is_an_error(stored: Path) -> None:
    store = load_store(stored, SUBJECTS, CPU, place="cache")
    rows = np.arange(30)[None]
    with prefetch(store, [rows, rows]) as running:
        with pytest.raises(ValueError, match="not the next one"):
            gather_clips(running, rows + 1)
        gather_clips(running, rows)
        with pytest.raises(ValueError, match="not the next one"):
            gather_clips(running, rows)


def test_a_dataset_that_does_not_fit_is_streamed_and_logged(
    stored: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fits = load_store(stored, SUBJECTS, CPU)
    assert isinstance(fits.silhouettes, torch.Tensor)
    assert "frames take 0.00 GB: held in memory (memory: " in caplog.messages[0]
    monkeypatch.setattr("gaittake.data.memory.free_memory", lambda: 1000)
    assert isinstance(load_store(stored, SUBJECTS, CPU).silhouettes, Streamed)
    assert "streamed from the cache (memory: 0.00 GB free" in caplog.messages[1]


def test_unknown_keypoints_are_refused(stored: Path) -> None:
    with pytest.raises(
        ValueError, match="keypoints must be 'predicted', 'truth' or 'none', not 'exact'"
    ):
        load_store(stored, SUBJECTS, CPU, keypoints="exact")


def test_of_a_long_sequence_the_first_frames_are_used_and_a_warning_says_so(
    stored: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = load_store(stored, SUBJECTS, CPU)
    whole = gather_whole(store, [0, 8])  # 45 and 37 frames
    assert not caplog.records
    monkeypatch.setattr(module, "LONGEST", 40)
    cut = gather_whole(store, [0, 8])
    assert cut.silhouettes.shape[1] == whole_rows(store, [0, 8]).shape[1] == 40
    assert cut.silhouettes.equal(whole.silhouettes[:, :40])
    assert cut.keypoints.equal(whole.keypoints[:, :40])
    assert cut.counts is not None
    assert cut.counts.tolist() == [40, 37]
    (said,) = [record.getMessage() for record in caplog.records]
    assert said == "subject 001: the first 40 of the 45 frames of a sequence are used"
    alone = gather_whole(store, [0])
    assert alone.counts is None
    assert alone.silhouettes.shape[1] == 40
