"""GPU memory of a training step at full size, computed with fake tensors: no GPU is needed.

    python benchmarks/memory.py [--size casiab]

Two steps of 8 x 8 clips of 30 frames (forward and backward pass, loss, Adam) run on tensors without
data, while PyTorch's memory tracker sums the bytes of all tensors. Weights, gradients and Adam's
averages are included. A GPU needs more: workspaces of cuDNN, fragmentation of PyTorch's allocator,
and the CUDA context, about 0.5 GiB.
"""

import argparse

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker

from gaittake.losses.triplet import triplet_loss
from gaittake.models import build_network
from gaittake.settings import SECTIONS, SIZES

SUBJECTS, SEQUENCES, FRAMES, ROWS, COLUMNS = 8, 8, 30, 64, 44
TYPES = (torch.bfloat16, torch.float32)
GIB = 2**30
CPU = torch.device("cpu")  # fake tensors of a CPU take the same memory as those of a GPU


def peak_bytes(network: str, size: str, dtype: torch.dtype) -> int:
    """Returns the largest number of bytes that all tensors take at one time during a step.

    Args:
        network: name of a network.
        size: of its settings.
        dtype: in which its layers compute.
    """
    numbers = SECTIONS[network].model_validate(SIZES[size].get(network, {})).model_dump()
    with FakeTensorMode(allow_non_fake_inputs=True):
        built = build_network(network, height=ROWS, width=COLUMNS, **numbers)
        optimiser = torch.optim.Adam(built.parameters(), foreach=False)
        tracker = MemTracker()
        tracker.track_external(built, optimiser)
        with tracker:
            train_step(built, optimiser, dtype)  # allocates Adam's averages
            tracker.reset_mod_stats()
            train_step(built, optimiser, dtype)
    peak: int = tracker.get_tracker_snapshot("peak")[CPU]["Total"]
    return peak


def train_step(network: nn.Module, optimiser: torch.optim.Adam, dtype: torch.dtype) -> None:
    """Runs a step as `gaittake.training.step` does, without data."""
    clips = SUBJECTS * SEQUENCES
    silhouettes = torch.empty(clips, FRAMES, ROWS, COLUMNS)
    keypoints = torch.empty(clips, FRAMES, 17, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
        embeddings = network(silhouettes, keypoints)
    optimiser.zero_grad(set_to_none=True)
    triplet_loss(embeddings, SEQUENCES).loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def main() -> None:
    """Prints a table of GiB."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", choices=("casiab", "oumvlp", "small"), default="casiab")
    size = parser.parse_args().size
    clips = SUBJECTS * SEQUENCES
    print(f"{size}, a step of {clips} x {FRAMES} frames of {ROWS} x {COLUMNS}, tensors only, GiB\n")
    print("| network | bfloat16 | float32 |\n|---|---:|---:|")
    for network in SECTIONS:
        if network == "gei":  # is not trained
            continue
        peaks = [peak_bytes(network, size, dtype) / GIB for dtype in TYPES]
        print(f"| {network} | {peaks[0]:.1f} | {peaks[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
