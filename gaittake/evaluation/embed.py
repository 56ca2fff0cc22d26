"""The embed stage: one embedding for each test sequence, from all of its frames."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from gaittake.data.resident import Resident, gather_whole, load_resident
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.io.weights import load_weights
from gaittake.models import build_network
from gaittake.stages import EmbedStage, canonical

logger = logging.getLogger(__name__)
BATCH_FRAMES = 1536


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
    resident = load_resident(
        cache, settings.subjects, device, keypoints=settings.keypoints, noise=settings.noise
    )
    rows, columns = resident.silhouettes.shape[1:]
    model = settings.model
    network = build_network(settings.network, height=rows, width=columns, **model)
    made_by = {"settings": canonical(settings), "data_digest": resident.data_digest}
    if weights is not None:
        loaded = load_weights(weights, network=settings.network, settings=model)
        network.load_state_dict(loaded.state)
        made_by |= {"training": loaded.made_by["settings"]}
    network.to(device).eval()
    embeddings = embed_sequences(network, resident)
    with RaggedWriter(
        out,
        kind="embeddings",
        arrays={"embeddings": ("float32", embeddings.shape[1:])},
        attributes=made_by | {"device": device_name(device)},
    ) as written:
        for row, sequence in zip(embeddings, resident.sequences.itertuples(), strict=True):
            written.append(
                subject=str(sequence.subject),
                condition=str(sequence.condition),
                number=int(sequence.number),  # type: ignore[arg-type]
                view=int(sequence.view),  # type: ignore[arg-type]
                embeddings=row[None],
            )


@torch.inference_mode()
def embed_sequences(network: nn.Module, resident: Resident) -> npt.NDArray[np.float32]:
    """Returns `[n, p, d]` float32, a row for each sequence, in their order."""
    counts = resident.sequences["frame_count"].to_numpy()
    found: dict[int, npt.NDArray[np.float32]] = {}
    with progress("embed", len(counts), unit="sequences") as advance:
        for chosen in batches_by_length(counts):
            rows = network(*gather_whole(resident, chosen)).float().cpu().numpy()
            found.update(zip(chosen, rows, strict=True))
            advance(len(chosen))
    return np.stack([found[index] for index in range(len(counts))])


def batches_by_length(counts: npt.NDArray[np.int64]) -> Iterator[list[int]]:
    """Yields batches of sequences of like length, so that little is padding."""
    batch: list[int] = []
    for index in np.argsort(-counts, kind="stable"):
        longest = int(counts[batch[0]]) if batch else int(counts[index])
        if batch and (len(batch) + 1) * longest > BATCH_FRAMES:
            yield batch
            batch = []
        batch.append(int(index))
    yield batch


def device_name(device: torch.device) -> str:
    """Returns what computed, for the provenance of a number."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
