"""Training with frames streamed from the cache: the same result as from memory."""

import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from gaittake.data import memory
from gaittake.data.streamed import Streamed
from gaittake.errors import Preempted, UserError
from gaittake.evaluation.embed import embed
from gaittake.io.ragged import open_ragged
from gaittake.settings import EmbedStage
from gaittake.training import engine, step
from tests.training.runs import CPU, before_step, run, same, terminate
from tests.training.test_engine import MODEL, settings


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves no memory for frames."""
    monkeypatch.setattr(memory, "free_memory", lambda: 0)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def embeddings(where: Path, cache: Path) -> np.ndarray:
    where.mkdir(exist_ok=True)
    stage = EmbedStage(network="gaittake", model=MODEL, subjects=("001", "003"))
    embed(stage, cache=cache, weights=where / "weights.safetensors", out=where / "e.h5", device=CPU)
    with open_ragged(where / "e.h5", kind="embeddings") as opened:
        return np.asarray(opened.read("embeddings"))


def test_it_ends_with_the_same_weights_and_embeddings_bit_for_bit(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = run(tmp_path / "held", cache, settings(mirror=0.5))
    embedded = embeddings(tmp_path / "held", cache)
    monkeypatch.setattr(memory, "free_memory", lambda: 0)
    seen: list[type] = []
    real = engine.train_step

    def spy(training: step.Training, number: int) -> Any:
        terms = real(training, number)
        seen.append(type(training.store.silhouettes))
        return terms

    monkeypatch.setattr(engine, "train_step", spy)
    streamed = run(tmp_path / "streamed", cache, settings(mirror=0.5))
    assert same(streamed, held)
    assert (embeddings(tmp_path / "streamed", cache) == embedded).all()
    assert seen == [Streamed] * 8
    assert "read ahead" not in threads()


@pytest.mark.usefixtures("full")
def test_sigterm_saves_ends_the_thread_and_continues_to_the_same_weights(
    tmp_path: Path, cache: Path
) -> None:
    whole = run(tmp_path / "whole", cache, settings())
    with before_step(2, terminate), pytest.raises(Preempted):
        run(tmp_path / "stopped", cache, settings())
    assert "read ahead" not in threads()
    assert same(run(tmp_path / "stopped", cache, settings()), whole)


@pytest.mark.usefixtures("full")
def test_frames_that_are_damaged_stop_the_training_with_one_line(
    tmp_path: Path, cache: Path
) -> None:
    damaged = bytearray(cache.read_bytes())
    with h5py.File(cache, "r") as file:
        chunk = file["silhouettes"].id.get_chunk_info(0)
    damaged[chunk.byte_offset + chunk.size // 2] ^= 0x10
    cache.write_bytes(damaged)
    with pytest.raises(UserError, match=r"cache\.h5: rows .* of 'silhouettes' are damaged"):
        run(tmp_path / "run", cache, settings())
    assert "read ahead" not in threads()
    assert not (tmp_path / "run/weights.safetensors").exists()
