"""Time of embedding whole sequences: in batches of similar length, and one at a time.

    python benchmarks/embed.py                 # CPU: the small preset
    python benchmarks/embed.py --size casiab   # the full size, minutes on a CPU
    python benchmarks/embed.py --device cuda   # the full size on a GPU

GaitTAKE, sequences of 20 to 100 frames (small preset: 18 to 24, as in the dataset `walkers`). One
at a time is a plain loop: the network, then the copy to NumPy. The variants run in turns and the
minimum is reported: CPU seconds of one thread, or seconds of a GPU. Embeddings are compared.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from gaittake.data.store import SequenceStore, gather_whole
from gaittake.device import keep_freed_memory
from gaittake.evaluation.embed import embed_sequences
from gaittake.models import build_network
from gaittake.settings import SIZES

Embeddings = npt.NDArray[np.float32]


def noise_store(device: torch.device, sequences: int, shortest: int, longest: int) -> SequenceStore:
    """Returns sequences of noise on the device."""
    counts = np.random.default_rng(0).integers(shortest, longest + 1, sequences)
    table = pd.DataFrame({"frame_count": counts, "first_frame": np.r_[0, counts.cumsum()[:-1]]})
    silhouettes = torch.randint(0, 256, (counts.sum(), 64, 44), dtype=torch.uint8)
    keypoints = torch.rand(int(counts.sum()), 17, 3)
    return SequenceStore(silhouettes.to(device), keypoints.to(device), table, "noise", device)


@torch.inference_mode()
def one_at_a_time(network: nn.Module, store: SequenceStore) -> Embeddings:
    """Returns `[n, p, d]`, computed by a plain loop."""
    batches = (gather_whole(store, [index]) for index in range(len(store.sequences)))
    return np.concatenate([network(*batch).float().cpu().numpy() for batch in batches])


def seconds(run: Callable[[], Embeddings], device: torch.device) -> tuple[float, Embeddings]:
    """Returns the time of embedding, and the embeddings."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    begun = clock()
    made = run()
    return clock() - begun, made


def main() -> None:
    """Prints a table of frames per second."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--size", choices=("small", "casiab"), help="of the network")
    parser.add_argument("--sequences", type=int)
    parser.add_argument("--turns", type=int, default=4)
    given = parser.parse_args()
    device = torch.device(given.device)
    torch.set_num_threads(1)
    size = given.size or ("casiab" if given.device == "cuda" else "small")
    lengths = (18, 24) if size == "small" else (20, 100)
    count = given.sequences or (1024 if given.device == "cuda" else 96)
    store = noise_store(device, count, *lengths)
    network = build_network("gaittake", **SIZES[size].get("gaittake", {})).to(device).eval()
    best = {"one sequence at a time": float("inf"), "in batches": float("inf")}

    def turn(batched: str) -> None:
        sides = {"one sequence at a time": one_at_a_time, batched: embed_sequences}
        made = []
        for name, embed in sides.items():
            found, embeddings = seconds(lambda run=embed: run(network, store), device)
            best[name] = min(found, best.get(name, found))
            made.append(embeddings)
        difference = np.abs(made[0] - made[1]).max() / made[0].std()
        assert difference < (1e-3 if device.type == "cpu" else 3e-2), difference

    for _ in range(given.turns):
        turn("in batches")
    keep_freed_memory()
    for _ in range(given.turns):
        turn("in batches, freed memory kept")
    frames = int(store.sequences["frame_count"].sum())
    print(f"| {size} gaittake, {count} sequences, {device.type} | frames per second | speed-up |")
    print("|---|---:|---:|")
    for name, found in best.items():
        print(f"| {name} | {frames / found:.0f} | {next(iter(best.values())) / found:.2f} |")


if __name__ == "__main__":
    main()
