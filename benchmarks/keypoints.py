"""Speed and OKS of keypoint prediction, compared with a plain loop of torchvision.

    python benchmarks/keypoints.py [--threads 2] [--device cpu] [--results results/walkers]

The plain loop is `keypointrcnn_resnet50_fpn(...)([frame])`: a frame at a time, its default sizes
(800, 1333), float32, its own proposals. One change after another is added to it. All variants have
the same weights and read the same files. They run in turns; the fastest run of each is reported.
"""

import argparse
import copy
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torchvision.models.detection import KeypointRCNN

from gaittake.device import has_bfloat16
from gaittake.io.frames import read_silhouettes
from gaittake.io.read_ahead import read_ahead
from gaittake.io.tables import read_sequences
from gaittake.pose.crop import FILLED, crop_size, crop_to_box, whole
from gaittake.pose.detector import build_detector, load_detector
from gaittake.pose.fast import for_prediction
from gaittake.pose.locate import best_overlap, locate_in_boxes
from gaittake.pose.predict import Frame, predict_batch, read_batches
from gaittake.pose.score import Pairs, oks
from gaittake.sequence import Sequence
from gaittake.settings import Detector, PredictStage, Walkers, load_settings
from gaittake.silhouette import box
from gaittake.sources.walkers.dataset import render_subjects

SETTINGS = load_settings(Path(__file__).parents[1] / "config" / "walkers.yaml")
# Rows, columns, and rows of the person: what the walkers' and CASIA-B's frames show.
SIZES = ((240, 320, 150), (120, 160, 76), (240, 320, 64), (240, 320, 238))
HALF = (400, 667)
Floats = npt.NDArray[np.float32]
Look = Callable[[KeypointRCNN, list[Frame]], Floats]


class Way(NamedTuple):
    """One variant of prediction for the first `walks` sequences; NaN without a detection."""

    name: str
    model: KeypointRCNN
    look: Look
    batch: int
    walks: int


def one_by_one(model: KeypointRCNN, frames: list[Frame], *, size: tuple[int, int] | None) -> Floats:
    """Returns the keypoints of torchvision's own call for each frame, or for its cut of `size`."""
    found = np.full((len(frames), 17, 3), np.nan, dtype=np.float32)
    device = next(model.parameters()).device
    for place, frame in enumerate(frames):
        seen = (
            crop_to_box(frame.image, frame.box, size, smooth=False) if size else whole(frame.image)
        )
        grey = torch.from_numpy(seen.image).to(device).float() / 255
        with torch.no_grad():
            result = model([grey.expand(3, -1, -1)])[0]
        if len(result["boxes"]):
            wanted = torch.from_numpy(seen.box_to_crop(frame.box))
            best, _ = best_overlap(wanted, result["boxes"].cpu())
            found[place] = result["keypoints"][best].cpu().numpy()
            found[place, :, :2] = seen.to_frame(found[place, :, :2])
    return found


def ours(model: KeypointRCNN, frames: list[Frame], *, boxes: str, detector: Detector) -> Floats:
    """Returns the keypoints of `gaittake predict`."""
    settings = PredictStage(detector=detector, boxes=boxes, batch=len(frames))
    nobody = Sequence("", "", "", 0, Path(), None)
    found = predict_batch(model, frames, settings, [], [nobody] * (1 + frames[-1].sequence))
    return found[:, :, 0]


def known_whole(model: KeypointRCNN, frames: list[Frame]) -> Floats:
    """Returns keypoints in the silhouettes' boxes of whole frames, without proposals."""
    device = next(model.parameters()).device
    grey = torch.from_numpy(np.stack([frame.image for frame in frames])).to(device)
    boxes = torch.tensor([frame.box for frame in frames], device=device)
    images = (grey.float() / 255)[:, None].expand(-1, 3, -1, -1)
    found = locate_in_boxes(model, images, boxes)[:, :, 0]
    return np.asarray(found.cpu().numpy(), dtype=np.float32)


def resized(model: KeypointRCNN, sizes: tuple[int, int] | None) -> KeypointRCNN:
    """Returns a copy with another input size."""
    other = copy.deepcopy(model)
    if sizes:
        other.transform.min_size, other.transform.max_size = (sizes[0],), sizes[1]
    return other


def ways_of_whole_frames(
    plain: KeypointRCNN, smaller: tuple[int, int] | None, detector: Detector, batch: int, many: int
) -> list[Way]:
    """Returns the plain loop, then each change; `smaller`: reduced input size, or None."""
    ask = {how: partial(ours, boxes=how, detector=detector) for how in ("detected", "known")}
    small = resized(plain, smaller)
    few, ready = 1 if smaller else many, for_prediction(small, "float32")
    ways = [
        Way("plain loop", plain, partial(one_by_one, size=None), 1, few),
        Way(f"+ batches of {batch}, read ahead", plain, ask["detected"], batch, few),
        Way("+ half the input size", small, ask["detected"], batch, few),
        Way("+ boxes known, no proposals", small, known_whole, batch, many),
        Way("+ only the window around the box", small, ask["known"], batch, many),
        Way("+ norms folded, channels last", ready, ask["known"], batch, many),
        Way("+ bfloat16", for_prediction(small, "auto"), ask["known"], batch, many),
        Way("all but the input size", for_prediction(plain, "auto"), ask["known"], batch, many),
    ]
    return [way for way in ways if smaller or "size" not in way.name]


def ways_of_cuts(plain: KeypointRCNN, detector: Detector, batch: int, many: int) -> list[Way]:
    """Returns the plain loop over cuts, as in training, then each change."""
    ask = partial(ours, boxes="silhouette", detector=detector)
    one = partial(one_by_one, size=crop_size(detector))
    return [
        Way("plain loop", plain, one, 1, many),
        Way("+ boxes known, no proposals", plain, ask, 1, many),
        Way(f"+ batches of {batch}, read ahead", plain, ask, batch, many),
        Way("+ norms folded, channels last", for_prediction(plain, "float32"), ask, batch, many),
        Way("+ bfloat16", for_prediction(plain, "auto"), ask, batch, many),
    ]


def compare(ways: list[Way], walks: list[Sequence], runs: int, *, agreement: bool) -> None:
    """Prints frames per second, speed-up over the first variant, and OKS with it."""
    wall, busy = ([float("inf")] * len(ways) for _ in range(2))
    found: list[tuple[list[Frame], Floats]] = [([], np.zeros(0, np.float32))] * len(ways)
    for _, (place, way) in itertools.product(range(runs), list(enumerate(ways))):
        begun, began = time.perf_counter(), time.process_time()
        batches = read_batches(walks[: way.walks], way.batch, [])
        pairs = [(b, way.look(way.model, b)) for b in (read_ahead(batches) if place else batches)]
        frames = [frame for batch, _ in pairs for frame in batch]
        wall[place] = min(wall[place], (time.perf_counter() - begun) / len(frames))
        busy[place] = min(busy[place], (time.process_time() - began) / len(frames))
        found[place] = (frames, np.concatenate([keypoints for _, keypoints in pairs]))
    head = f"| {'way':36} | frames/s | times plain | CPU ms per frame | times plain |"
    print(head + (" mean OKS |" if agreement else ""))
    print("|---|---:|---:|---:|---:|" + ("---:|" if agreement else ""))
    for place, way in enumerate(ways):
        row = f"| {way.name:36} | {1 / wall[place]:8.2f} | {wall[0] / wall[place]:11.2f} | "
        row += f"{1000 * busy[place]:14.2f} | {busy[0] / busy[place]:11.2f} |"
        print(row + (f" {similarity(*found[0], found[place][1]):.4f} |" if agreement else ""))
    missed = int(np.isnan(found[0][1]).any(axis=(1, 2)).sum())
    print(f"\n{len(found[0][0])} frames plain, without a detection: {missed}\n", flush=True)


def similarity(frames: list[Frame], plain: Floats, other: Floats) -> float:
    """Returns the mean OKS of the frames in which the plain loop detects a person."""
    kept = np.flatnonzero(~np.isnan(plain).any(axis=(1, 2)))
    boxes = np.array([frames[place].box for place in kept], dtype=np.float32)
    seen, nowhere = np.ones((len(kept), 17), dtype=bool), np.zeros(len(kept), dtype=np.int64)
    pairs = Pairs(other[kept], plain[kept, :, :2], seen, boxes, nowhere.astype(str), nowhere)
    return oks(pairs)["mean"]


def write_walks(folder: Path, size: tuple[int, int, int], batch: int, count: int) -> list[Sequence]:
    """Writes `count` rendered sequences of `batch` silhouettes of this size and returns them."""
    rows, columns, height = size
    frames = {"width": columns, "height": rows, "frames": max(batch, 8)}
    walkers = Walkers.model_validate(SETTINGS.walkers.model_dump() | frames)
    render_subjects(walkers, ["201"], folder / "rendered")
    walks: list[Sequence] = []
    for source in sorted((folder / "rendered" / "silhouettes").glob("*/*/*"))[:count]:
        place = folder / str(len(walks))
        place.mkdir()
        wanted = range(1, batch + 1)
        for number, image in read_silhouettes(source, stage="", rejects=[], numbers=wanted):
            x1, y1, x2, y2 = box(image) or (0, 0, 1, 1)
            scale = height / (y2 - y1)
            shift = np.array([columns, rows]) / 2 - scale * np.array([x1 + x2, y1 + y2]) / 2
            matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
            moved = cv2.warpAffine(image, matrix, (columns, rows), flags=cv2.INTER_NEAREST)
            cv2.imwrite(str(place / f"{number:03d}.png"), moved)
        walks.append(Sequence("201", "nm-01", "090", batch, place, None))
    return walks


def resnet(device: torch.device, batch: int, many: int, runs: int) -> None:
    """Prints the speed of ResNet-50's variants for people of several sizes."""
    torch.manual_seed(0)
    detector = Detector()
    model = build_detector(detector).to(device).eval()
    model.roi_heads.score_thresh, model.roi_heads.detections_per_img = 0.0, 1
    print(
        "## ResNet-50\n\nWeights random: COCO's are not read here. On both sides 1,000 proposals a "
        "frame go through the box head and the best one alone through the keypoint head, as with "
        "a trained network and one person.\n"
    )
    ways = ways_of_whole_frames(model, HALF, detector, batch, many)
    for number, size in enumerate(SIZES):
        print(f"Frames of {size[1]}x{size[0]}, people of {size[2]} pixels:\n")
        with tempfile.TemporaryDirectory() as folder:
            walks = write_walks(Path(folder), size, batch, many)
            some = ways if number == 0 else [ways[0], *ways[-2:]]
            again = number == 0 or device.type != "cpu"
            compare(some, walks, runs if again else 1, agreement=False)


def student(results: Path, device: torch.device, batch: int, many: int, runs: int) -> None:
    """Prints speed and agreement of the walkers' trained student on test frames."""
    path = results / "pose" / "student.pt"
    if not path.is_file():
        print(f"## Agreement\n\n{path} is missing: `make demo` makes it; agreement is skipped.")
        return
    detector = SETTINGS.pose.detector
    model = load_detector(path, detector).to(device).eval()
    walks = read_sequences(results / "index" / "test-000.csv")
    walks = walks[:: max(1, len(walks) // many)]
    print(f"## The walkers' student on test frames\n\nCrops of {crop_size(detector)}:\n")
    compare(ways_of_cuts(model, detector, batch, many), walks, runs, agreement=True)
    frames = [frame for part in read_batches(walks, batch, []) for frame in part]
    height = np.mean([frame.box[3] - frame.box[1] for frame in frames])
    scaled = round(frames[0].image.shape[0] * FILLED * detector.max_size / height)
    sizes = Detector(backbone=detector.backbone, min_size=scaled, max_size=4 * scaled)
    print(f"Whole frames, scaled to {scaled} rows: there the people are as large as in the cuts:\n")
    whole_frames = load_detector(path, sizes).to(device).eval()
    ways = ways_of_whole_frames(whole_frames, None, sizes, batch, many)
    compare(ways, walks, runs, agreement=True)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--results", type=Path, default=Path("results/walkers"))
    parser.add_argument("--runs", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    slow = asked.device.type == "cpu"
    half = "bfloat16" if has_bfloat16(asked.device) else "no bfloat16: float32 instead"
    print(f"{asked.device}, {asked.threads} threads, torch {torch.__version__}, {half}\n")
    student(asked.results, asked.device, 16, 20, asked.runs)
    resnet(asked.device, 4 if slow else 32, 4 if slow else 8, asked.runs)


if __name__ == "__main__":
    main()
