"""Time of a training step: plain PyTorch, and this package with one change after another.

    python benchmarks/step.py                  # CPU: the small preset, and all small networks
    python benchmarks/step.py --device cuda    # full-size GaitTAKE and GaitGL, 64 x 30 frames
    python benchmarks/step.py --device cuda --tiny    # small networks; `--device cpu` works too

Whole steps: gathering clips, forward pass, loss, backward pass, Adam. The variants run in turns and
the minimum over the turns is reported: CPU seconds of one thread, or seconds of a GPU. "Plain" is
straightforward PyTorch: float32, `conv3d` and `max_pool3d` in the default memory order, Adam with
its defaults. A multiply-accumulate counts as two FLOP in the forward pass and four in the backward
pass. The losses of all steps must be finite.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
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
from gaittake.training import prepare as preparing
from gaittake.training.distributed import ALONE
from gaittake.training.step import StepTerms, Training, batch_loss, train_step

ROWS, COLUMNS = 64, 44


def plain_stem(stem: nn.Conv3d, x: Tensor) -> Tensor:
    return conv3d(x, stem.weight, stride=stem.stride, padding=1)


def plain_strips(conv: Callable[[Tensor], Tensor], x: Tensor, strips: int) -> Tensor:
    return torch.cat([conv(strip.contiguous()) for strip in x.chunk(strips, dim=3)], dim=3)


def plain_pool(x: Tensor) -> Tensor:
    return max_pool3d(x, (1, 2, 2))


@contextmanager
def without(*optimised: str) -> Iterator[None]:
    """Replaces optimised functions by plain PyTorch: `layout`, `pool`."""
    with ExitStack() as patches:
        if "layout" in optimised:
            patches.enter_context(patch.object(Stem, "forward", plain_stem))
            patches.enter_context(patch.object(glconv, "by_strips", plain_strips))
        if "pool" in optimised:
            patches.enter_context(patch.object(glconv, "halve", plain_pool))
        yield


def noise_store(device: torch.device, subjects: int, sequences: int, frames: int) -> SequenceStore:
    """Returns sequences of noise on the device."""
    count = subjects * sequences
    table = pd.DataFrame({"subject": [f"{i // sequences:03d}" for i in range(count)]})
    table["type"] = (table.index % sequences).map("nm-{:02d}".format)
    table["view"] = "090"
    table["frame_count"], table["first_frame"] = frames, np.arange(count) * frames
    silhouettes = torch.randint(0, 256, (count * frames, ROWS, COLUMNS), dtype=torch.uint8)
    keypoints = torch.rand(count * frames, 17, 3)
    return SequenceStore(silhouettes.to(device), keypoints.to(device), table, "noise", device)


def training_of(
    network: str,
    size: str,
    store: SequenceStore,
    *,
    precision: str,
    plain: bool,
    compiled: str = "",
) -> Training:
    """Returns a training: P x K = 8 x 4 clips of 12 frames for size small, else 8 x 8 of 30."""
    small = size == "small"
    numbers = {"subjects_per_batch": 8, "sequences_per_subject": 4 if small else 8}
    numbers |= {"frames": 12 if small else 30, "precision": precision}
    stage = TrainStage(
        seed=0,
        network=network,
        model=SECTIONS[network]
        .model_validate(SIZES[size].get(network, {}))
        .model_dump(mode="json"),
        train=Train.model_validate(numbers | {"loss": "batch_hard"}),
        subjects=tuple(sorted(set(store.sequences["subject"]))),
    )
    with patch.object(preparing, "speed_up") if plain else ExitStack():
        training = preparing.prepare(stage, store, store.device, ALONE)
    training.parallel.train()
    if compiled:
        training = training._replace(compute=compiled_loss(compiled))
    if plain:
        optimiser = Adam(training.learner.parameters(), lr=1e-4)
        training = training._replace(optimiser=optimiser, schedule=MultiStepLR(optimiser, []))
    return training


def compiled_loss(mode: str) -> Callable[..., StepTerms]:
    """Returns `batch_loss` compiled as one graph, in a mode of `torch.compile`.

    In `reduce-overhead`, CUDA graphs record forward and backward pass.
    """
    compiled = torch.compile(batch_loss, fullgraph=True, dynamic=False, mode=mode)

    def computed(*given: Any) -> StepTerms:
        torch.compiler.cudagraph_mark_step_begin()
        terms = compiled(*given)
        # The next run of a CUDA graph overwrites its results.
        metrics = {name: value.clone() for name, value in terms.metrics.items()}
        return StepTerms(terms.loss.clone(), metrics)

    return computed


def seconds(training: Training, steps: int) -> float:
    """Returns the mean time of some steps."""
    cuda = training.store.device.type == "cuda"
    clock = time.perf_counter if cuda else time.process_time
    begun = clock()
    losses = [train_step(training, step).loss.detach() for step in range(steps)]
    if cuda:
        torch.cuda.synchronize()
    mean = (clock() - begun) / steps
    require_finite(losses)
    return mean


def require_finite(losses: list[Tensor]) -> None:
    """Ends the benchmark if a loss is not finite, because its time would be meaningless."""
    for step, loss in enumerate(losses):
        if not loss.isfinite():
            raise SystemExit(f"the loss is {loss.item()} at step {step + 1}; no time is reported")


Side = tuple[str, Training, tuple[str, ...]]


def measure(sides: list[Side], *, turns: int, steps: int) -> dict[str, float]:
    """Returns the minimum time of each variant; the variants run in turns."""
    best: dict[str, float] = {}
    for turn in range(turns + 1):
        for name, training, missing in sides:
            with without(*missing):
                found = seconds(training, steps)
            if turn:  # the first turn compiles and tries algorithms of convolutions
                best[name] = min(found, best.get(name, found))
    return best


def table(best: dict[str, float], title: str) -> None:
    """Prints times and speed-ups over the first variant."""
    print(f"\n| {title} | ms per step | speed-up |\n|---|---:|---:|")
    first = next(iter(best.values()))
    for name, found in best.items():
        print(f"| {name} | {1e3 * found:.1f} | {first / found:.2f} |", flush=True)


def on_cpu(turns: int) -> None:
    """Measures the small preset with one change after another, then all networks."""
    torch.set_num_threads(1)
    store = noise_store(torch.device("cpu"), 16, 4, 24)

    def side(name: str, network: str, precision: str, *missing: str) -> Side:
        training = training_of(network, "small", store, precision=precision, plain=True)
        return name, training, missing

    for network in ("gaittake", "gaitgl"):
        sides = [
            side("plain", network, "float32", "layout", "pool"),
            side("channels last, float32", network, "float32", "pool"),
            side("channels last, frames pooled, float32", network, "float32"),
            side("plain, bfloat16", network, "auto", "layout", "pool"),
            side("bfloat16, channels last, frames pooled", network, "auto"),
        ]
        best = measure(sides, turns=turns, steps=2)
        table(best, f"small {network}, 32 x 12 frames")
    names = [name for name in SECTIONS if name != "gei"]
    networks = [side(name, name, "auto") for name in names]
    table(measure(networks, turns=turns, steps=2), "small networks, as trained")
    keep_freed_memory()
    table(measure(networks, turns=turns, steps=2), "small networks, freed memory kept")


def on_gpu(device: torch.device, size: str, turns: int) -> None:
    """Measures full-size networks: plain, as trained, and compiled."""
    peak = matrix_peak(device)
    print(f"matrix product in bfloat16: {peak / 1e12:.1f} TFLOP/s")
    small = size == "small"
    store = noise_store(device, 16, 8, 40)
    clip, sequences = (12, 32) if small else (30, 64)
    for network in ("gaittake", "gaitgl"):

        def side(
            name: str,
            precision: str,
            *missing: str,
            compiled: str = "",
            network: str = network,
        ) -> Side:
            plain = bool(missing)
            training = training_of(
                network, size, store, precision=precision, plain=plain, compiled=compiled
            )
            return name, training, missing

        sides = [
            side("plain, float32", "float32", "layout", "pool"),
            side("plain, bfloat16", "auto", "layout", "pool"),
            side("as trained", "auto"),
        ]
        if device.type == "cuda":
            sides.append(side("compiled", "auto", compiled="default"))
            sides.append(side("compiled, CUDA graphs", "auto", compiled="reduce-overhead"))
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
    """Returns the peak GPU memory of a step."""
    if training.store.device.type != "cuda":
        return "memory is measured on a GPU only"
    torch.cuda.reset_peak_memory_stats()
    train_step(training, 0)
    return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"


def matrix_peak(device: torch.device) -> float:
    """Returns FLOP/s of a large matrix product in bfloat16: the maximum of six runs."""
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
    parser.add_argument("--tiny", action="store_true", help="the GPU tables, with small networks")
    parser.add_argument("--turns", type=int, default=7)
    given = parser.parse_args()
    device = torch.device(given.device)
    if given.device == "cuda" or given.tiny:
        on_gpu(device, "small" if given.tiny else "casiab", given.turns)
    else:
        on_cpu(given.turns)


if __name__ == "__main__":
    main()
