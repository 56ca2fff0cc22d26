"""The embed stage: one embedding for each test sequence, from all of its frames."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gaittake.data.store import SequenceStore, gather_whole, load_store, prefetch, whole_rows
from gaittake.device import keep_freed_memory
from gaittake.evaluation.distance import Embeddings
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.io.weights import load_weights
from gaittake.models import build_network
from gaittake.settings import EmbedStage, canonical

logger = logging.getLogger(__name__)
# Of a batch: enough to fill a GPU; a CPU gains little beyond 400, and its memory is smaller.
FRAMES = {"cuda": 1536, "cpu": 384}


def embed(
    settings: EmbedStage, *, cache: Path, weights: Path | None, out: Path, device: torch.device
) -> None:
    """Writes the embeddings `[n, p, d]` of all sequences of the test subjects.

    Args:
        settings: the network and the test subjects.
        cache: the dataset's cache.
        weights: the network's weights; None for a network that learns nothing.
        out: embeddings, in the order of the cache.
        device: where to compute.

    Raises:
        UserError: weights that do not fit, or no sequence of the test subjects.
    """
    keep_freed_memory()
    store = load_store(
        cache, settings.subjects, device, keypoints=settings.keypoints, noise=settings.noise
    )
    rows, columns = store.silhouettes.shape[1:]
    model = settings.model
    network = build_network(settings.network, height=rows, width=columns, **model)
    made_by = {"settings": canonical(settings), "data_digest": store.data_digest}
    if weights is not None:
        loaded = load_weights(weights, network=settings.network, settings=model)
        network.load_state_dict(loaded.state)
        learnt = loaded.made_by
        made_by |= {"training": learnt["settings"], "training_data": learnt["data_digest"]}
    network.to(device).eval()
    embeddings = embed_sequences(network, store)
    with RaggedWriter(
        out,
        kind="embeddings",
        arrays={"embeddings": ("float32", embeddings.shape[1:])},
        attributes=made_by | {"device": device_name(device)},
    ) as written:
        for row, sequence in zip(embeddings, store.sequences.itertuples(), strict=True):
            written.append(
                subject=str(sequence.subject),
                condition=str(sequence.condition),
                number=int(sequence.number),  # type: ignore[arg-type]
                view=int(sequence.view),  # type: ignore[arg-type]
                embeddings=row[None],
            )


@torch.inference_mode()
def embed_sequences(network: nn.Module, store: SequenceStore) -> Embeddings:
    """Returns `[n, p, d]` float32, a row for each sequence, in their order."""
    counts = store.sequences["frame_count"].to_numpy()
    batches = list(batches_by_length(counts, FRAMES[store.device.type]))
    rows = (whole_rows(store, chosen) for chosen in batches)
    found: Embeddings | None = None
    with (
        prefetch(store, rows) as store,
        progress("embed", len(counts), unit="sequences") as advance,
    ):
        made = (network(*gather_whole(store, chosen)).float() for chosen in batches)
        for chosen, embeddings in zip(batches, landed(made), strict=True):
            if found is None:
                found = np.empty((len(counts), *embeddings.shape[1:]), dtype=np.float32)
            found[chosen] = embeddings.numpy()
            advance(len(chosen))
    assert found is not None
    return found


def landed(made: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yields tensors in this memory; a GPU computes the next one while one is on its way.

    Args:
        made: each is computed, or asked of a GPU, when it is taken.
    """
    waiting: tuple[Tensor, torch.cuda.Event | None] | None = None
    for tensor in made:
        leaving = _sent(tensor)
        if waiting is not None:
            yield _awaited(*waiting)
        waiting = leaving
    if waiting is not None:
        yield _awaited(*waiting)


def _sent(tensor: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Returns where a tensor will be in this memory, and what happens when it is there."""
    if tensor.device.type != "cuda":
        return tensor, None
    place = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    place.copy_(tensor, non_blocking=True)
    there = torch.cuda.Event()  # type: ignore[no-untyped-call]
    there.record()
    return place, there


def _awaited(place: Tensor, there: torch.cuda.Event | None) -> Tensor:
    if there is not None:
        there.synchronize()
    return place


def batches_by_length(counts: npt.NDArray[np.int64], frames: int) -> Iterator[list[int]]:
    """Yields batches of sequences of like length, so that little is padding.

    Args:
        counts: frames of each sequence.
        frames: of a batch at most, padding included; a longer sequence is a batch of its own.
    """
    batch: list[int] = []
    for index in np.argsort(-counts, kind="stable"):
        longest = int(counts[batch[0]]) if batch else int(counts[index])
        if batch and (len(batch) + 1) * longest > frames:
            yield batch
            batch = []
        batch.append(int(index))
    yield batch


def device_name(device: torch.device) -> str:
    """Returns what computed, for the provenance of a number."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
