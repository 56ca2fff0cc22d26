"""Agreement and speed of ONNX Runtime and PyTorch, for every network in its small size.

    python benchmarks/runtimes.py

Each network is exported as `gaittake model export --format onnx` does, with random weights, and run
on random silhouettes and keypoints, one thread. The largest difference of a number of the
embeddings is relative to the largest number; of 3 runs of 100 frames, the least CPU milliseconds.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import torch

from gaittake.models import NETWORKS, build_network
from gaittake.settings import SECTIONS, SIZES, Align
from gaittake.use.export_onnx import LENGTHS, _network, _sequence
from gaittake.use.model_file import Content, read_header, shipped_model
from gaittake.use.run_onnx import embedding, open_session

FRAMES = 100


def milliseconds(run: Callable[[], object], runs: int = 3) -> float:
    """Returns the least CPU milliseconds of some runs."""
    found = []
    for _ in range(runs):
        begun = time.process_time()
        run()
        found.append(1000 * (time.process_time() - begun))
    return min(found)


def row(name: str) -> list[str]:
    """Returns a network's row of the table."""
    torch.manual_seed(0)
    numbers = SECTIONS[name].model_validate(SIZES["small"].get(name, {})).model_dump()
    header = read_header(shipped_model())
    about = header.about.model_copy(update={"network": name, "model": numbers, "align": Align()})
    network = build_network(name, height=64, width=44, **numbers).eval()
    content = Content(header._replace(about=about), network.state_dict(), None)
    made = _network(content, Path(name))
    session = open_session(made, Path(name))

    def by_torch(frames: int) -> torch.Tensor:
        sequence = _sequence(frames, Align())
        silhouettes = torch.from_numpy(sequence.silhouettes)[None].float() / 255
        with torch.inference_mode():
            embeddings: torch.Tensor = network(
                silhouettes, torch.from_numpy(sequence.keypoints)[None], None
            )[0]
        return embeddings

    differences = []
    for frames in LENGTHS:
        required = by_torch(frames)
        found = torch.from_numpy(embedding(session, _sequence(frames, Align())))
        differences.append(float((found - required).abs().max() / required.abs().max()))
    sequence = _sequence(FRAMES, Align())
    times = (
        milliseconds(lambda: by_torch(FRAMES)),
        milliseconds(lambda: embedding(session, sequence)),
    )
    return [
        name,
        f"{len(made) / 1e6:.2f}",
        *(f"{value:.0e}" for value in differences),
        *(f"{value:.0f}" for value in times),
    ]


def main() -> None:
    """Prints the table."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    columns = ["network", "MB", *(f"{frames} frames" for frames in LENGTHS)]
    print("| " + " | ".join([*columns, "PyTorch, ms", "ONNX Runtime, ms"]) + " |")
    print("|---" + "|---:" * (len(columns) + 1) + "|")
    for name in NETWORKS:
        print("| " + " | ".join(row(name)) + " |", flush=True)


if __name__ == "__main__":
    main()
