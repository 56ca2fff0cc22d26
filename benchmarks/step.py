"""How fast a training step is: plain PyTorch against ours, one change after another.

    python benchmarks/step.py                  # CPU: the small preset, and all small networks
    python benchmarks/step.py --device cuda    # full-size GaitTAKE and GaitGL, 64 x 30 frames
    python benchmarks/step.py --device cuda --tiny    # small ones; with `cpu`: shows that it runs

Whole steps: clips gathered, embedded, the loss, gradients, Adam. The sides take turns; the least
time of a turn counts: CPU seconds of one thread, or seconds of a GPU. Plain is what one writes
first: float32, `conv3d` and `max_pool3d` in PyTorch's default order in memory, Adam as it comes.
Work is counted from the multiply-accumulates of the network: twice them forward, twice that back.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import conv3d, max_pool3d
from torch.optim import Adam
from torch.optim.lr_scheduler import MultiStepLR

from gaittake.data.store import SequenceStore
from gaittake.device import keep_freed_memory
from gaittake.models import build_network, glconv
from gaittake.models.blocks import Stem
from gaittake.models.cost import network_cost
from gaittake.settings import SECTIONS, SIZES, Train, TrainStage
from gaittake.training import engine
from gaittake.training.distributed import ALONE
from gaittake.training.step import Training, train_step

ROWS, COLUMNS = 64, 44
LONG, SHORT = 80_000, 1_000  # steps: compiled on a GPU, and not


def plain_stem(stem: nn.Conv3d, x: Tensor) -> Tensor:
    return conv3d(x, stem.weight, stride=stem.stride, padding=1)


def plain_strips(conv: Callable[[Tensor], Tensor], x: Tensor, strips: int) -> Tensor:
    return torch.cat([conv(strip.contiguous()) for strip in x.chunk(strips, dim=3)], dim=3)


def plain_pool(x: Tensor) -> Tensor:
    return max_pool3d(x, (1, 2, 2))


@contextmanager
def without(*ours: str) -> Iterator[None]:
    """Plain PyTorch in place of some of our ways: `layout` and `pool`."""
    with ExitStack() as patches:
        if "layout" in ours:
            patches.enter_context(patch.object(Stem, "forward", plain_stem))
            patches.enter_context(patch.object(glconv, "by_strips", plain_strips))
        if "pool" in ours:
            patches.enter_context(patch.object(glconv, "halve", plain_pool))
        yield


def made_up(device: torch.device, subjects: int, walks: int, frames: int) -> SequenceStore:
    """Returns sequences of noise, held on the device."""
    count = subjects * walks
    table = pd.DataFrame({"subject": [f"{i // walks:03d}" for i in range(count)]})
    table["condition"], table["number"], table["view"] = "nm", table.index % walks, 90
    table["frame_count"], table["first_frame"] = frames, np.arange(count) * frames
    silhouettes = torch.randint(0, 256, (count * frames, ROWS, COLUMNS), dtype=torch.uint8)
    keypoints = torch.rand(count * frames, 17, 3)
    return SequenceStore(silhouettes.to(device), keypoints.to(device), table, "noise", device)


def training_of(
    network: str, size: str, store: SequenceStore, *, precision: str, steps: int, plain: bool
) -> Training:
    """Returns a training: P x K = 8 x 4 clips of 12 frames if small, else 8 x 8 of 30."""
    small = size == "small"
    numbers = {"subjects_per_batch": 8, "sequences_per_subject": 4 if small else 8}
    numbers |= {"frames": 12 if small else 30, "steps": steps, "precision": precision}
    stage = TrainStage(
        seed=0,
        network=network,
        model=SECTIONS[network]
        .model_validate(SIZES[size].get(network, {}))
        .model_dump(mode="json"),
        train=Train.model_validate(numbers | {"loss": "batch_hard"}),
        subjects=tuple(sorted(set(store.sequences["subject"]))),
    )
    with patch.object(engine, "speed_up") if plain else ExitStack():
        training = engine._prepare(stage, store, store.device, ALONE)
    training.parallel.train()
    if plain:
        optimiser = Adam(training.learner.parameters(), lr=1e-4)
        training = training._replace(optimiser=optimiser, schedule=MultiStepLR(optimiser, [LONG]))
    return training


def seconds(training: Training, steps: int) -> float:
    """Returns the time of a step, mean over some."""
    cuda = training.store.device.type == "cuda"
    clock = time.perf_counter if cuda else time.process_time
    begun = clock()
    for step in range(steps):
        train_step(training, step)
    if cuda:
        torch.cuda.synchronize()
    return (clock() - begun) / steps


Side = tuple[str, Training, tuple[str, ...]]


def measure(sides: list[Side], *, turns: int, steps: int) -> dict[str, float]:
    """Returns the least time of each side, which take turns."""
    best: dict[str, float] = {}
    for turn in range(turns + 1):
        for name, training, missing in sides:
            with without(*missing):
                found = seconds(training, steps)
            if turn:  # the first one compiles, and tries ways of convolving
                best[name] = min(found, best.get(name, found))
    return best


def table(best: dict[str, float], title: str) -> None:
    """Prints times and how many times the first one they are faster."""
    print(f"\n| {title} | ms a step | times |\n|---|---:|---:|")
    first = next(iter(best.values()))
    for name, found in best.items():
        print(f"| {name} | {1e3 * found:.1f} | {first / found:.2f} |", flush=True)


def on_cpu(turns: int) -> None:
    """The small preset with one change after another, then all networks."""
    torch.set_num_threads(1)
    store = made_up(torch.device("cpu"), 16, 4, 24)

    def side(name: str, network: str, precision: str, *missing: str) -> Side:
        training = training_of(
            network, "small", store, precision=precision, steps=SHORT, plain=True
        )
        return name, training, missing

    for network in ("gaittake", "gaitgl"):
        sides = [
            side("plain", network, "float32", "layout", "pool"),
            side("channels last, float32", network, "float32", "pool"),
            side("and frames pooled, float32", network, "float32"),
            side("plain but bfloat16", network, "auto", "layout", "pool"),
            side("bfloat16, channels last, frames pooled", network, "auto"),
        ]
        best = measure(sides, turns=turns, steps=2)
        table(best, f"small {network}, 32 x 12 frames")
    names = [name for name in SECTIONS if name != "gei"]
    networks = [side(name, name, "auto") for name in names]
    table(measure(networks, turns=turns, steps=2), "small networks, as trained")
    keep_freed_memory()
    table(measure(networks, turns=turns, steps=2), "and freed memory kept, as trained")


def on_gpu(device: torch.device, size: str, turns: int) -> None:
    """Full-size networks: plain float32 against ours, and what each change brings."""
    peak = matrix_peak(device)
    print(f"matrix product in bfloat16: {peak / 1e12:.1f} TFLOP/s")
    small = size == "small"
    store = made_up(device, 16, 8, 40)
    clip, sequences = (12, 32) if small else (30, 64)
    for network in ("gaittake", "gaitgl"):

        def side(
            name: str, precision: str, steps: int, *missing: str, network: str = network
        ) -> Side:
            plain = bool(missing)
            training = training_of(
                network, size, store, precision=precision, steps=steps, plain=plain
            )
            return name, training, missing

        sides = [
            side("plain: float32, eager", "float32", SHORT, "layout", "pool"),
            side("plain but bfloat16", "auto", SHORT, "layout", "pool"),
            side("ours without compiling", "auto", SHORT),
            side("ours", "auto", LONG),
        ]
        best = measure(sides, turns=turns, steps=2 if small else 5)
        table(best, f"{size} {network}, {sequences} x {clip} frames")
        numbers = SIZES[size].get(network, {})
        cost = network_cost(lambda n=network, m=numbers: build_network(n, **m), frames=clip)
        work = 6 * cost.multiply_accumulates * sequences
        for name, training, missing in sides:
            rate = work / best[name]
            with without(*missing):
                held = memory(training)
            print(f"{name}: {rate / 1e12:.2f} TFLOP/s, {rate / peak:.1%} of the peak, {held}")


def memory(training: Training) -> str:
    """Returns the most memory of the GPU that a step takes."""
    if training.store.device.type != "cuda":
        return "memory: of a GPU only"
    torch.cuda.reset_peak_memory_stats()
    train_step(training, 0)
    return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"


def matrix_peak(device: torch.device) -> float:
    """Returns FLOP/s of a large product in bfloat16, the best of five."""
    side = 8192 if device.type == "cuda" else 1024
    matrix = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    best = float("inf")
    for _ in range(6):
        begun = clock()
        for _ in range(10):
            matrix @ matrix
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, (clock() - begun) / 10)
    return 2 * side**3 / best


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--tiny", action="store_true", help="the GPU's part with small networks")
    parser.add_argument("--turns", type=int, default=7)
    given = parser.parse_args()
    device = torch.device(given.device)
    if given.device == "cuda" or given.tiny:
        on_gpu(device, "small" if given.tiny else "casiab", given.turns)
    else:
        on_cpu(given.turns)


if __name__ == "__main__":
    main()
