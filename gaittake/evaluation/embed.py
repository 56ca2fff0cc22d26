"""The embed stage: one embedding per test sequence, computed from all of its frames."""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gaittake.arrays import Int64s
from gaittake.data.store import SequenceStore, gather_whole, load_store, prefetch, whole_rows
from gaittake.device import forbid_tf32, keep_freed_memory
from gaittake.errors import UserError
from gaittake.evaluation.distance import Embeddings
from gaittake.io.environment import environment
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.io.weights import load_weights
from gaittake.models import build_network, trained_network
from gaittake.settings import EmbedStage, canonical

logger = logging.getLogger(__name__)
# Per batch: enough to fill a GPU. A CPU gains little above 400, and has less memory.
FRAMES = {"cuda": 1536, "cpu": 384}


def embed(
    settings: EmbedStage, *, cache: Path, weights: Path | None, out: Path, device: torch.device
) -> None:
    """Writes the embeddings `[n, p, d]` of all sequences of the test subjects.

    Args:
        settings: the network and the test subjects.
        cache: the dataset's cache.
        weights: file of the network's weights; None for a network without weights.
        out: file of the embeddings, in the order of the cache.
        device: device of the network.

    Raises:
        UserError: the weights do not fit the settings, or the cache has no test subject.
    """
    keep_freed_memory()
    forbid_tf32(convolutions=True)
    store = load_store(
        cache, settings.subjects, device, keypoints=settings.keypoints, noise=settings.noise
    )
    rows, columns = store.silhouettes.shape[1:]
    network, training = load_network(settings, weights, height=rows, width=columns)
    made_by = {"settings": canonical(settings), "data_digest": store.data_digest}
    if training:
        warn_of_other_subjects(settings, training["settings"], weights)
        made_by |= {
            "training": training["settings"],
            "training_data": training["data_digest"],
            "training_environment": training.get("environment", "none"),
        }
    embeddings = embed_sequences(network.to(device), store)
    with RaggedWriter(
        out,
        kind="embeddings",
        arrays={"embeddings": ("float32", embeddings.shape[1:])},
        attributes=made_by | {"environment": environment(device, "float32")},
    ) as written:
        for row, sequence in zip(embeddings, store.sequences.itertuples(), strict=True):
            written.append(
                (str(sequence.subject), str(sequence.type), str(sequence.view)),
                embeddings=row[None],
            )


def warn_of_other_subjects(settings: EmbedStage, training: str, weights: Path | None) -> None:
    """Logs a warning if the weights were not trained on the dataset's training subjects.

    Args:
        settings: names them, unless the dataset tests the networks of another one.
        training: settings of the training, as JSON.
        weights: file of the weights.
    """
    trained, expected = json.loads(training).get("subjects", []), settings.train_subjects
    if expected is None or set(trained) == set(expected):
        return
    logger.warning(
        "%s: trained on %d subjects (%s), not on the %d of this dataset (%s); the results are "
        "those of a network of another dataset or of other settings",
        weights,
        len(trained),
        _ends(trained),
        len(expected),
        _ends(expected),
    )


def _ends(names: Sequence[str]) -> str:
    """Returns the first and last name."""
    return f"{names[0]} to {names[-1]}" if names else "none"


def load_network(
    settings: EmbedStage, weights: Path | None, *, height: int, width: int
) -> tuple[nn.Module, dict[str, str]]:
    """Returns a method's network in evaluation mode, and the settings and data of its training.

    Args:
        settings: name and settings of the network.
        weights: file of its weights; None for a network without weights.
        height: rows of a silhouette.
        width: columns of a silhouette.

    Raises:
        UserError: no such file, or its weights are of another network, other settings or other
            silhouettes.
    """
    name, sizes = settings.network, settings.model | {"height": height, "width": width}
    if weights is None:
        return build_network(name, **sizes).eval(), {}
    loaded = load_weights(weights, network=name, settings=settings.model)
    try:
        return trained_network(name, loaded.state, **sizes), loaded.made_by
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{weights}: these weights of '{name}' are not for silhouettes of {height} x {width} "
            f"({reason}); set align.height and align.width as in their training, or train again"
        ) from error


@torch.inference_mode()
def embed_sequences(network: nn.Module, store: SequenceStore) -> Embeddings:
    """Returns embeddings `[n, p, d]` float32, a row per sequence in the order of the store."""
    counts = store.sequences["frame_count"].to_numpy()
    batches = list(batches_by_length(counts, FRAMES[store.device.type]))
    rows = (whole_rows(store, chosen) for chosen in batches)
    found: Embeddings | None = None
    with (
        prefetch(store, rows) as store,
        progress("embed", len(counts), unit="sequences") as advance,
    ):
        computed = (network(*gather_whole(store, chosen)).float() for chosen in batches)
        for chosen, embeddings in zip(batches, to_host(computed), strict=True):
            if found is None:
                found = np.empty((len(counts), *embeddings.shape[1:]), dtype=np.float32)
            found[chosen] = embeddings.numpy()
            advance(len(chosen))
    assert found is not None
    return found


def to_host(tensors: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yields tensors in host memory. A GPU computes the next tensor while one is copied.

    Args:
        tensors: each is computed, or queued on a GPU, when the iterator reaches it.
    """
    pending: tuple[Tensor, torch.cuda.Event | None] | None = None
    for tensor in tensors:
        started = _start_copy(tensor)
        if pending is not None:
            yield _finish_copy(*pending)
        pending = started
    if pending is not None:
        yield _finish_copy(*pending)


def _start_copy(tensor: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Returns the pinned buffer of the copy and its completion event, None on a CPU."""
    if tensor.device.type != "cuda":
        return tensor, None
    buffer = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    buffer.copy_(tensor, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record()
    return buffer, copied


def _finish_copy(buffer: Tensor, copied: torch.cuda.Event | None) -> Tensor:
    """Returns the buffer once the copy is complete."""
    if copied is not None:
        copied.synchronize()
    return buffer


def batches_by_length(counts: Int64s, frames: int) -> Iterator[list[int]]:
    """Yields row numbers of sequences of similar length, to keep the padding small.

    Args:
        counts: `[n]` frames of each sequence.
        frames: most frames of a batch, with padding; a longer sequence is a batch alone.
    """
    batch: list[int] = []
    for index in np.argsort(-counts, kind="stable"):
        longest = int(counts[batch[0]]) if batch else int(counts[index])
        if batch and (len(batch) + 1) * longest > frames:
            yield batch
            batch = []
        batch.append(int(index))
    yield batch
