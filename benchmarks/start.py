"""Time and memory of commands on a model file, from their start to their end.

    python benchmarks/start.py                          # with a made-up model
    python benchmarks/start.py --model FILE --runs 5

Each command runs in a process of its own, in turns; the least CPU seconds (user and system) are
printed, which other processes disturb less than wall seconds, and the most memory. The made-up
model is GaitTAKE in the size of the dataset `walkers` with its student, both untrained. `compare`
takes two sequences of 100 rendered masks: everything from reading the pictures to the verdict.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import gaittake

GAITTAKE = [sys.executable, "-m", "gaittake"]
SHIPPED = Path(gaittake.__file__).parent / "use" / "people.safetensors"
FRAMES = 100
VIEWS = (90, 54)
# What imports alone take, for comparison.
IMPORTS = {
    "import torch": "import torch",
    "import torchvision": "import torchvision",
    "import torchvision as gaittake does": "import gaittake.pose.vision",
}


def make_model(path: Path) -> None:
    """Writes a model file of untrained networks, with a calibration that measured nothing."""
    from gaittake import __version__
    from gaittake.models import build_network
    from gaittake.pipeline import plan
    from gaittake.pipeline.job import Job
    from gaittake.pose.detector import build_detector
    from gaittake.use.about import About, Origin
    from gaittake.use.calibration import Calibration
    from gaittake.use.model_file import write_model

    job = Job("walkers", method="gaittake")
    embed, predict, align = plan.embed(job), plan.predict(job), job.settings.align
    network = build_network(embed.network, height=64, width=44, **embed.model)
    about = About(
        network=embed.network,
        model=embed.model,
        parts=32,
        embedding=128,
        keypoints="student",
        predict=predict,
        align=align,
        distance="parts",
        calibration=Calibration(
            pairs_same=1,
            pairs_different=1,
            equal_error_rate=0.5,
            equal_error_threshold=1,
            threshold=1,
            true_accepts=0.5,
            shares=(0.001, 0.999),
            same=(1, 2),
            different=(1, 2),
        ),
        same_view=False,
        origin=Origin(
            dataset="walkers",
            trained_on="walkers",
            method="gaittake",
            synthetic=True,
            trained_synthetic=None,
            note="",
            training_subjects=0,
            training="none",
            data_digest="none",
        ),
    )
    student = build_detector(predict.detector).state_dict()
    write_model(about, network.state_dict(), student, path, package=__version__)


def make_masks(folder: Path, view: int) -> None:
    """Writes a sequence of rendered masks."""
    import cv2
    import numpy as np

    from gaittake.settings import Walkers
    from gaittake.sources.walkers.camera import place_camera
    from gaittake.sources.walkers.dataset import subject_scene
    from gaittake.sources.walkers.people import make_walker
    from gaittake.sources.walkers.render import render_view

    settings = Walkers(subjects=1, normal=1, bag=0, coat=0, frames=FRAMES, views=(view,))
    walker, scene = make_walker(settings, "001"), subject_scene(settings, "001")
    take, camera = walker.takes[0], place_camera(view, settings.width, settings.height)
    rendered = render_view(
        take.joints,
        walker.body,
        walker.look,
        take.outfit,
        camera,
        scene,
        raggedness=1.0,
        rng=np.random.default_rng(0),
    )
    folder.mkdir()
    for number, mask in enumerate(rendered.clean):
        cv2.imwrite(str(folder / f"{number:03d}.png"), mask)


def prepare(folder: Path) -> None:
    """Writes the made-up model, and two sequences of masks of one person."""
    make_model(folder / "made-up.safetensors")
    for view in VIEWS:
        make_masks(folder / str(view), view)


def measure(command: list[str]) -> tuple[float, float]:
    """Returns CPU seconds and megabytes of a command."""
    done = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(done.pid, 0)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", type=Path, help="model file; default: a made-up one")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with TemporaryDirectory() as place:
        folder = Path(place)
        # In another process: the memory of this one would count as that of its commands.
        preparing = multiprocessing.get_context("spawn").Process(target=prepare, args=(folder,))
        preparing.start()
        preparing.join()
        model = arguments.model or folder / "made-up.safetensors"
        a, b = (str(folder / str(view)) for view in VIEWS)
        chosen = ["--model", str(model)]
        commands = {
            "--help": [*GAITTAKE, "--help"],
            "model show": [*GAITTAKE, "model", "show", str(model)],
            "model show, no such file": [*GAITTAKE, "model", "show", "none.safetensors"],
            "model compare, no such file": [*GAITTAKE, "model", "compare", a, "none", *chosen],
            "model compare, 2 × 100 frames": [
                *GAITTAKE, "model", "compare", a, b, *chosen, "--threads", "1"
            ],
            "model compare, shipped model, PyTorch": [
                *GAITTAKE, "model", "compare", a, b, "--model", str(SHIPPED), "--threads", "1"
            ],
            "model compare, shipped model, ONNX Runtime": [
                *GAITTAKE, "model", "compare", a, b, "--threads", "1"
            ],
            "networks": [*GAITTAKE, "networks"],
        }  # fmt: skip
        commands |= {name: [sys.executable, "-c", code] for name, code in IMPORTS.items()}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(arguments.runs):
            for name, command in commands.items():
                found[name].append(measure(command))
    print("| command | CPU s | MB |\n|---|---:|---:|")
    for name, rows in found.items():
        print(f"| {name} | {min(row[0] for row in rows):.2f} | {max(row[1] for row in rows):.0f} |")


if __name__ == "__main__":
    main()
