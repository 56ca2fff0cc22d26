"""Whole sequences in batches: each embedding is the one that its sequence gets alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gaittake.data.store import SequenceStore, gather_whole, load_store
from gaittake.evaluation import embed
from gaittake.models import build_network
from tests.conftest import write_cache
from tests.models.test_peers import TINY, tiny

CPU = torch.device("cpu")
SUBJECTS = ("001", "002", "003", "004")


@pytest.fixture
def store(tmp_path: Path) -> SequenceStore:
    """Twenty sequences of 9 to 13 frames, in no order of length."""
    cache = write_cache(tmp_path / "lengths.h5", walks=5, frames=14)
    return load_store(cache, SUBJECTS, CPU)


def network_of(name: str) -> nn.Module:
    return build_network(name) if name == "gei" else tiny(name)


@pytest.mark.parametrize("network", ["gei", *TINY])
@pytest.mark.parametrize("frames", [1, 40, 384])
def test_embeddings_are_those_of_each_sequence_alone(
    store: SequenceStore, network: str, frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(embed.FRAMES, "cpu", frames)
    built = network_of(network).eval()
    together = embed.embed_sequences(built, store)
    assert together.dtype == np.float32
    spread = float(together.std())
    for index, row in enumerate(store.sequences.itertuples()):
        rows = slice(row.first_frame, row.first_frame + row.frame_count)
        with torch.no_grad():
            alone = built(store.silhouettes[None, rows].float() / 255, store.keypoints[None, rows])
        assert np.abs(together[index] - alone[0].numpy()).max() < 1e-4 * spread


def test_a_batch_holds_like_lengths_and_no_more_frames_than_asked_for() -> None:
    counts = np.random.default_rng(0).integers(1, 60, 200)
    batches = list(embed.batches_by_length(counts, 100))
    assert sorted(index for chosen in batches for index in chosen) == list(range(200))
    assert max(len(chosen) * counts[chosen].max() for chosen in batches) <= 100
    assert list(embed.batches_by_length(np.array([300]), 100)) == [[0]]
    padded = sum(len(chosen) * counts[chosen].max() for chosen in batches)
    assert padded < 1.1 * counts.sum()


@pytest.mark.parametrize("network", ["gei", *TINY])
def test_no_batch_waits_for_a_number_of_the_device(store: SequenceStore, network: str) -> None:
    """On a device that holds no numbers, whatever asks for one raises."""
    meta = torch.device("meta")
    there = store._replace(
        silhouettes=store.silhouettes.to(meta),
        keypoints=store.keypoints.to(meta),
        device=meta,
    )
    built = network_of(network).to(meta).eval()
    for chosen in ([0, 1, 2], [0, 5]):  # of unlike and of like lengths
        assert built(*gather_whole(there, chosen)).device == meta


def test_the_next_batch_is_asked_for_before_one_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened: list[str] = []

    def made() -> Iterator[Tensor]:
        for number in range(3):
            happened.append(f"asked {number}")
            yield torch.tensor(number)

    real = embed._awaited

    def awaited(place: Tensor, there: Any) -> Tensor:
        happened.append(f"awaited {int(place)}")
        return real(place, there)

    monkeypatch.setattr(embed, "_awaited", awaited)
    assert [int(each) for each in embed.landed(made())] == [0, 1, 2]
    order = ["asked 0", "asked 1", "awaited 0", "asked 2", "awaited 1", "awaited 2"]
    assert happened == order
    assert list(embed.landed(iter([]))) == []
