"""Batches of whole sequences: each embedding equals that of the sequence alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gaittake.data.store import SequenceStore, gather_whole, load_store
from gaittake.errors import UserError
from gaittake.evaluation import embed
from gaittake.io.weights import save_weights
from gaittake.models import build_network
from gaittake.settings import EmbedStage
from tests.conftest import write_cache
from tests.models.test_peers import TINY, tiny

CPU = torch.device("cpu")
SUBJECTS = ("001", "002", "003", "004")


@pytest.fixture
def store(tmp_path: Path) -> SequenceStore:
    """Twenty sequences of 9 to 13 frames, not sorted by length."""
    cache = write_cache(tmp_path / "lengths.h5", walks=5, frames=14)
    return load_store(cache, SUBJECTS, CPU)


def network_of(name: str) -> nn.Module:
    return build_network(name) if name == "gei" else tiny(name)


@pytest.mark.parametrize("network", ["gei", *TINY])
@pytest.mark.parametrize("frames", [1, 40, 384])
def test_a_batch_gives_the_embedding_of_each_sequence_alone(
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


def test_a_batch_has_similar_lengths_and_at_most_the_given_frames() -> None:
    counts = np.random.default_rng(0).integers(1, 60, 200)
    batches = list(embed.batches_by_length(counts, 100))
    assert sorted(index for chosen in batches for index in chosen) == list(range(200))
    assert max(len(chosen) * counts[chosen].max() for chosen in batches) <= 100
    assert list(embed.batches_by_length(np.array([300]), 100)) == [[0]]
    padded = sum(len(chosen) * counts[chosen].max() for chosen in batches)
    assert padded < 1.1 * counts.sum()


@pytest.mark.parametrize("network", ["gei", *TINY])
def test_embedding_a_batch_never_waits_for_the_device(store: SequenceStore, network: str) -> None:
    """The meta device has no values: reading one raises."""
    meta = torch.device("meta")
    there = store._replace(
        silhouettes=store.silhouettes.to(meta),
        keypoints=store.keypoints.to(meta),
        device=meta,
    )
    built = network_of(network).to(meta).eval()
    for chosen in ([0, 1, 2], [0, 5]):  # of different and of equal lengths
        assert built(*gather_whole(there, chosen)).device == meta


def test_the_next_batch_is_queued_before_the_previous_copy_is_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []

    def computed() -> Iterator[Tensor]:
        for number in range(3):
            events.append(f"queued {number}")
            yield torch.tensor(number)

    real = embed._finish_copy

    def finish(buffer: Tensor, copied: Any) -> Tensor:
        events.append(f"awaited {int(buffer)}")
        return real(buffer, copied)

    monkeypatch.setattr(embed, "_finish_copy", finish)
    assert [int(each) for each in embed.to_host(computed())] == [0, 1, 2]
    order = ["queued 0", "queued 1", "awaited 0", "queued 2", "awaited 1", "awaited 2"]
    assert events == order
    assert list(embed.to_host(iter([]))) == []


@pytest.mark.parametrize(
    ("trained", "expected", "warned"),
    [
        (["001", "002"], ("001", "002"), False),
        (["001", "002"], ("011", "012", "013"), True),
        (["001", "002"], None, False),  # the dataset tests another one's networks
    ],
)
def test_weights_trained_on_other_subjects_are_named(
    trained: list[str],
    expected: tuple[str, ...] | None,
    warned: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = EmbedStage(network="gaittake", model={}, subjects=("003",), train_subjects=expected)
    embed.warn_of_other_subjects(settings, json.dumps({"subjects": trained}), Path("given.pt"))
    message = "given.pt: trained on 2 subjects (001 to 002), not on the 3 of this dataset (011 to"
    assert (message in caplog.text) is warned


def test_embeddings_are_computed_in_float32_without_tf32(
    tmp_path: Path, cache: Path, tf32: set[tuple[bool, bool]]
) -> None:
    settings = EmbedStage(network="gei", model={}, subjects=SUBJECTS, train_subjects=None)
    embed.embed(settings, cache=cache, weights=None, out=tmp_path / "out.h5", device=CPU)
    assert tf32 == {(False, False)}


def test_weights_for_silhouettes_of_another_size_are_refused_in_one_line(tmp_path: Path) -> None:
    path, model = tmp_path / "w.safetensors", {"channels": 2, "embedding": 3}
    built = build_network("energynet", height=64, width=44, **model)
    save_weights(built, path, network="energynet", settings=model, made_by={})
    stage = EmbedStage(network="energynet", model=model, subjects=SUBJECTS)
    assert embed.load_network(stage, path, height=64, width=44)[1] == {}
    with pytest.raises(
        UserError, match=r"not for silhouettes of 32 x 44 .*set align\.height"
    ) as no:
        embed.load_network(stage, path, height=32, width=44)
    assert "\n" not in str(no.value)
