"""Rate of loading training clips, compared with one pickle per sequence.

    python benchmarks/feeding.py [--sequences 2000] [--device auto]

The same batches, P x K = 8 x 8 clips of 30 frames, are loaded in several ways, each in a separate
process, in turns; the median CPU time is reported. The usual way has one pickle per sequence,
`[s, 64, 64]` uint8: it is loaded, cut to 44 columns, divided by 255 and stacked to float32, in
three variants. It loads no keypoints; this package does. All files are in the page cache.

A second table has the time that a training waits for streamed batches, if a step takes 100 ms on a
GPU (simulated by sleep), with prefetching, which needs one more core, and without it. With a GPU,
the last lines have the loader's share of a step of the full-size network; `--device cpu` runs this
part with a small network.
"""

import argparse
import multiprocessing
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import sequences
import torch
from sequences import CUT, REPOSITORY, megabytes
from torch import Tensor

from gaittake.data.clips import clip_rows
from gaittake.data.sampler import group_by_subject, sample_sequences, step_generator
from gaittake.data.store import SequenceStore, fetch, gather_clips, load_store, prefetch
from gaittake.device import autocast
from gaittake.losses.triplet import triplet_loss
from gaittake.models import build_network
from gaittake.settings import load_settings

CPU = torch.device("cpu")
FORK = multiprocessing.get_context("fork")
P, K, FRAMES = 8, 8, 30
BATCHES, TURNS = 6, 7
STEPS, STEP_SECONDS = 30, 0.1
IN_MEMORY, FOR_GPU = "in memory, float32", "in memory, uint8 for a GPU"


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sequences", type=int, default=2000)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(sequences.machine())
    made = sequences.make_sequences(given.sequences)
    subjects = {sequence.subject for sequence in made}
    with tempfile.TemporaryDirectory() as folder:
        paths = sequences.write_pickles(made, Path(folder) / "pickles")
        cache = sequences.write_cache(made, Path(folder) / "cache.h5")
        del made
        streamed = load_store(cache, subjects, CPU, place="cache")
        show_memory(streamed)
        held = load_store(cache, subjects, CPU, place="device")
        compare(paths, held, streamed)
        wait_for_batches(held, streamed)
        if given.device == "auto" and not torch.cuda.is_available():
            print("share of the loader in a training step: skipped, no GPU found")
        else:
            device = torch.device("cpu" if given.device == "cpu" else "cuda")
            for place in ("device", "host", "cache"):
                share_of_step(load_store(cache, subjects, device, place=place), place)


def compare(paths: list[Path], held: SequenceStore, streamed: SequenceStore) -> None:
    """Prints the clips per second of each way, after checking that the clips are equal."""
    ways: dict[str, Callable[[int], Tensor]] = {
        "pickles: clip cut, divided in float64": lambda n: from_pickles(paths, held, n, "float64"),
        "pickles: whole sequence cut, divided": lambda n: from_pickles(paths, held, n, "whole"),
        "pickles: clip cut, divided in float32": lambda n: from_pickles(paths, held, n, "float32"),
        IN_MEMORY: lambda n: gather_clips(held, rows_of(held, n))[0],
        FOR_GPU: lambda n: fetch(held, rows_of(held, n))[1],
        "streamed": lambda n: gather_clips(streamed, rows_of(held, n))[0],
    }
    batches = {name: way(0) for name, way in ways.items()}
    batches[FOR_GPU] = batches[FOR_GPU].float() / 255
    assert all(torch.equal(batch, batches[IN_MEMORY]) for batch in batches.values())
    seconds = turns_of(ways)
    rates = {n: P * K * BATCHES / statistics.median(found) for n, found in seconds.items()}
    usual, _, quickest, *_ = rates.values()
    print("| clips in one CPU process | clips/s | × first row | × fastest pickles | target |")
    print("|---|---:|---:|---:|---:|")
    for name, rate in rates.items():
        wanted = "5" if name in (IN_MEMORY, FOR_GPU) else ""
        print(f"| {name} | {rate:.0f} | {rate / usual:.1f} | {rate / quickest:.1f} | {wanted} |")
    print(flush=True)


def turns_of(ways: dict[str, Callable[[int], Tensor]]) -> dict[str, list[float]]:
    """Returns the CPU seconds of each turn of each way.

    Each way has its own process, because a shared heap would change the times of the next way.
    """
    begun = {}
    for name, way in ways.items():
        here, there = FORK.Pipe()
        process = FORK.Process(target=take_turns, args=(way, there))
        process.start()
        begun[name] = process, here
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(TURNS):
        for name, (_, here) in begun.items():
            here.send(range(turn * BATCHES, (turn + 1) * BATCHES))
            seconds[name].append(here.recv())
    for process, here in begun.values():
        here.send(None)
        process.join()
    return seconds


def take_turns(way: Callable[[int], Tensor], pipe: Connection) -> None:
    """Loads the requested batches and sends back the CPU seconds."""
    while (steps := pipe.recv()) is not None:
        begun = time.process_time()
        for step in steps:
            way(step)
        pipe.send(time.process_time() - begun)


def from_pickles(paths: list[Path], store: SequenceStore, step: int, form: str) -> Tensor:
    """Returns a batch loaded from pickles; the frames are those of `rows_of`.

    Args:
        paths: of the pickles, in the order of the sequences.
        store: the sequences.
        step: number of the batch.
        form: divide the `whole` sequence, or its clip in `float64` or `float32`.
    """
    first = store.sequences["first_frame"].to_numpy()
    clips = []
    for rows in rows_of(store, step):
        index = int(np.searchsorted(first, rows[0], side="right")) - 1
        with paths[index].open("rb") as file:
            frames = pickle.load(file)[:, :, CUT:-CUT]
        chosen = rows - first[index]
        if form == "whole":
            clips.append((frames.astype(np.float32) / 255)[chosen])
        elif form == "float64":  # NumPy's result of uint8 / float
            clips.append(frames[chosen] / 255.0)
        else:
            clips.append(frames[chosen].astype(np.float32) / 255)
    return torch.from_numpy(np.stack(clips)).float()


def rows_of(store: SequenceStore, step: int) -> np.ndarray:
    """Returns the rows of a step's batch, drawn as in training."""
    global _groups
    if not _groups:
        _groups = group_by_subject(list(store.sequences["subject"]), subjects_per_batch=P)
    chosen, _ = sample_sequences(
        _groups, subjects_per_batch=P, sequences_per_subject=K, generator=step_generator(0, step)
    )
    return clip_rows(store, chosen, FRAMES, step_generator(0, step + (1 << 32)))


_groups: list[np.ndarray] = []


def wait_for_batches(held: SequenceStore, streamed: SequenceStore) -> None:
    """Prints how long a training with steps of 100 ms waits for its batches."""
    print(f"| steps of {STEP_SECONDS * 1000:.0f} ms | wait, ms | share of the time |")
    print("|---|---:|---:|")
    with prefetch(streamed, (rows_of(streamed, step) for step in range(STEPS))) as running:
        places = {"in memory": held, "streamed": streamed, "streamed, prefetched": running}
        for name, store in places.items():
            waits = []
            for step in range(STEPS):
                rows, begun = rows_of(streamed, step), time.perf_counter()
                gather_clips(store, rows)
                waits.append(time.perf_counter() - begun)
                time.sleep(STEP_SECONDS)
            wait = statistics.median(waits)
            print(f"| {name} | {wait * 1000:.1f} | {wait / (wait + STEP_SECONDS):.1%} |")
    print(flush=True)


def share_of_step(store: SequenceStore, place: str) -> None:
    """Prints the time of a step with the loader, and with one repeated batch."""
    device = store.device
    config = "casiab" if device.type == "cuda" else "walkers"
    model = (
        load_settings(REPOSITORY / f"config/{config}.yaml").method_model("gaittake").model_dump()
    )
    network = build_network("gaittake", height=64, width=44, **model).to(device).train()
    optimiser = torch.optim.Adam(network.parameters(), fused=device.type == "cuda" or None)
    steps, turns = (40, 4) if device.type == "cuda" else (1, 2)

    def step(batch: tuple[Tensor | None, ...]) -> None:
        with autocast(device, "auto"):
            embeddings = network(*batch)
        optimiser.zero_grad(set_to_none=True)
        triplet_loss(embeddings, K, margin=0.2, weights="adaptive").loss.backward()
        optimiser.step()

    def fed() -> Iterator[tuple[Tensor | None, ...]]:
        with prefetch(store, (rows_of(store, step) for step in range(steps))) as running:
            for number in range(steps):
                yield gather_clips(running, rows_of(store, number))

    ready = gather_clips(store, rows_of(store, 0))
    with_loader, without, alone = [], [], []
    for _ in range(turns):  # the first turn warms up
        with_loader.append(timed(device, lambda: [step(batch) for batch in fed()]) / steps)
        without.append(timed(device, lambda: [step(ready) for _ in range(steps)]) / steps)
        alone.append(timed(device, lambda: [None for _ in fed()]) / steps)
    step_ms, ready_ms, alone_ms = (1000 * min(t[1:]) for t in (with_loader, without, alone))
    print(
        f"frames in {place}, on {device}: step {step_ms:.2f} ms, with a repeated batch "
        f"{ready_ms:.2f} ms: loader's share {(step_ms - ready_ms) / step_ms:.1%} (target < 2 % "
        f"on a GPU); loader alone {alone_ms:.2f} ms, {alone_ms / step_ms:.1%}",
        flush=True,
    )


def timed(device: torch.device, work: Callable[[], object]) -> float:
    """Returns the seconds until the device has finished the work."""
    begun = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def show_memory(streamed: SequenceStore) -> None:
    """Prints the memory of streaming, which does not depend on the size of the dataset."""
    before, largest = megabytes(), 0.0
    with prefetch(streamed, (rows_of(streamed, step) for step in range(STEPS))) as running:
        for step in range(STEPS):
            gather_clips(running, rows_of(streamed, step))
            largest = max(largest, megabytes())
    print(f"memory grew by {largest - before:.0f} MB in {STEPS} streamed steps\n")


if __name__ == "__main__":
    main()
