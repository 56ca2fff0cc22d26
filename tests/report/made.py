"""A dataset of blobs with all input of a report, written by the stages."""

import json
import shutil
from pathlib import Path

import cv2
import h5py
import numpy as np
import pandas as pd
import torch

from gaittake.evaluation.compare import compare
from gaittake.evaluation.embed import embed
from gaittake.evaluation.evaluate import evaluate
from gaittake.io.ragged import RaggedWriter
from gaittake.io.tables import write_csv, write_json, write_rejects, write_sequences
from gaittake.io.weights import save_weights
from gaittake.models import build_network
from gaittake.pose.keypoint_file import ARRAYS
from gaittake.pose.quality import measure_quality
from gaittake.report.build import build_report
from gaittake.report.poses import PoseFiles
from gaittake.sequence import Reject, Sequence, type_of, view_at
from gaittake.settings import (
    CompareStage,
    EmbedStage,
    Evaluate,
    EvaluateStage,
    GaitTakeModel,
    Protocol,
    QualityStage,
    ReportStage,
    Train,
    TrainStage,
    canonical,
)
from tests.evaluation.plain import write_check

HELD_OUT, TESTED = ("002",), ("003", "004", "005", "006")
VIEWS, SEQUENCES, FRAMES = (0, 90), (("nm", 1), ("nm", 5), ("bg", 1)), 6
PROTOCOL = Protocol(gallery=("nm-01",), probes={"nm": ("nm-05",), "bg": ("bg-01",)})
MODEL = GaitTakeModel(
    channels=(2, 2, 2), strips=2, embedding=4, clip_length=4, attention_width=4,
    pose_attention_width=4,
)  # fmt: skip
NASTY = "<script>alert('a name')</script>"
CPU = torch.device("cpu")
RANDOM = np.random.default_rng(0)


def settings(**others: object) -> ReportStage:
    """Returns settings of the stage, some of them changed."""
    usual = {
        "dataset": "blobs",
        "layout": "walkers",
        "synthetic": True,
        "note": f"A note with {NASTY}.",
        "protocol": PROTOCOL,
        "distance": "parts",
        "held_out": HELD_OUT,
        "test_subjects": TESTED,
        "changed": {"train.steps": "12", "note": NASTY},
    }
    return ReportStage.model_validate(usual | others)


def make_dataset(folder: Path) -> None:
    """Writes all input files of the report stage."""
    _cache(folder / "cache.h5")
    write_rejects(
        [Reject("cache", f"a/{NASTY}#{n}", "empty silhouette") for n in (1, 2)]
        + [Reject("index", "b & c", "not a numbered image")],
        folder / "rejects.csv",
    )
    write_sequences([_pixels(folder / "data", view) for view in VIEWS], folder / "sequences.csv")
    _poses(folder / "pose")
    for name, seconds in (("train/gaittake", 61.0), ("cache/test-000", 1.5), ("merge", 0.5)):
        table = pd.DataFrame({"s": [seconds], "max_rss": [100 * seconds]})
        path = folder / f"benchmarks/{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, sep="\t", index=False)
    for method in ("gei", "gaittake"):
        _run(folder, method)
    runs = [folder / method for method in ("gei", "gaittake")]
    compare(
        CompareStage(dataset="blobs", table="rank1", layout="walkers", same_view=False),
        [run / "metrics.json" for run in runs],
        [run / "probes.csv" for run in runs],
        out=folder / "rank1.csv",
        markdown=folder / "rank1.md",
    )


def make_page(folder: Path, out: Path, *, methods: tuple[str, ...], **others: object) -> str:
    """Writes the page of the dataset and returns it; without keypoints if `poses` is false."""
    poses = others.pop("poses", True)
    build_report(
        settings(**others),
        runs=[folder / method for method in methods],
        rank1=folder / "rank1.csv",
        cache=folder / "cache.h5",
        sequences=folder / "sequences.csv",
        rejects=folder / "rejects.csv",
        poses=pose_files(folder) if poses else PoseFiles(),
        benchmarks=folder / "benchmarks",
        out=out,
    )
    return out.read_text(encoding="utf-8")


def pose_files(folder: Path) -> PoseFiles:
    """Returns the files of the dataset's keypoints."""
    files = [[folder / f"pose/{name}.h5"] for name in ("keypoints", "pseudo_labels", "truth")]
    return PoseFiles(folder / "pose/quality.json", *files)


def _cache(path: Path) -> None:
    arrays = {"silhouettes": ("uint8", (16, 8)), "keypoints": ("float32", (17, 3))}
    attributes = {"settings": "{}", "keypoints": "keypoints"}
    with RaggedWriter(path, kind="cache", arrays=arrays, attributes=attributes) as out:
        for place, subject in enumerate(TESTED):
            for condition, number in SEQUENCES:
                for view in VIEWS:
                    silhouettes = RANDOM.integers(0, 90, (FRAMES, 16, 8))
                    silhouettes[:, place * 2 : place * 2 + 6] += 150
                    out.append(
                        (subject, type_of(condition, number), view_at(view)),
                        silhouettes=silhouettes.astype(np.uint8),
                        keypoints=RANDOM.random((FRAMES, 17, 3), dtype=np.float32),
                    )


def _pixels(folder: Path, view: int) -> Sequence:
    """Writes silhouettes and colour frames of one sequence of the held-out subject."""
    places = [folder / f"{kind}/{view:03d}" for kind in ("silhouettes", "colour")]
    for place, channels in zip(places, ((), (3,)), strict=True):
        place.mkdir(parents=True)
        for number in range(1, FRAMES + 1):
            image = np.full((40, 30, *channels), 60 if channels else 0, np.uint8)
            image[5:35, 10:20] = 255
            assert cv2.imwrite(str(place / f"{number:03d}.png"), image)
    return Sequence("002", "nm-01", view_at(view), FRAMES, *places)


def _poses(folder: Path) -> None:
    """Writes keypoints of the held-out subject; the student's error grows from frame to frame."""
    box = np.tile(np.float32([10, 5, 20, 35]), (FRAMES, 1))
    points = np.float32([10, 5]) + RANDOM.random((FRAMES, 17, 2), dtype=np.float32) * [10, 30]
    ones, frame = np.ones((FRAMES, 17, 1), np.float32), np.arange(1, FRAMES + 1, dtype=np.int32)
    errors = np.arange(FRAMES, dtype=np.float32)[:, None, None] * 0.4
    for kind, error in (("keypoints", errors), ("pseudo_labels", 0.2)):
        with RaggedWriter(folder / f"{kind}.h5", kind=kind, arrays=ARRAYS) as out:
            for view in VIEWS:
                keypoints = np.concatenate([points + error, ones], axis=-1).astype(np.float32)
                out.append(("002", "nm-01", view_at(view)),
                           keypoints=keypoints, boxes=box, frame=frame)  # fmt: skip
    truth = {"joints": ("f4", (17, 2)), "visible": ("u1", (17,)), "boxes": ("f4", (4,))}
    with RaggedWriter(folder / "truth.h5", kind="truth", arrays=truth) as out:
        for view in VIEWS:
            out.append(("002", "nm-01", view_at(view)), boxes=box,
                       joints=points, visible=np.ones((FRAMES, 17), np.uint8))  # fmt: skip
    measure_quality(
        QualityStage(held_out=HELD_OUT, test_subjects=TESTED),
        keypoints=[folder / "keypoints.h5"],
        pseudo_labels=[folder / "pseudo_labels.h5"],
        truth=[folder / "truth.h5"],
        out=folder / "quality.json",
    )


def _run(folder: Path, method: str) -> None:
    """Embeds and evaluates one method; its network has random weights."""
    torch.manual_seed(0)
    model = MODEL.model_dump(mode="json") if method == "gaittake" else {}
    results, weights = folder / method, None
    if model:
        weights = results / "weights.safetensors"
        trained = TrainStage(
            seed=0, network=method, model=model, train=Train(), subjects=("001", "002")
        )
        made_by = {"settings": canonical(trained), "data_digest": ""}
        network = build_network(method, height=16, width=8, **model)
        save_weights(network, weights, network=method, settings=model, made_by=made_by)
        history = {"step": [2, 4], "loss": [0.3, 0.2], "active": [1.0, 0.5]}
        write_csv(pd.DataFrame(history), results / "train.csv")
    embedded = EmbedStage(network=method, model=model, subjects=TESTED)
    files = {"cache": folder / "cache.h5", "weights": weights, "out": results / "embeddings.h5"}
    embed(embedded, **files, device=CPU)
    evaluate(
        EvaluateStage(
            dataset="blobs",
            method=method,
            protocol=PROTOCOL,
            evaluate=Evaluate(),
            synthetic=True,
            subjects=TESTED,
        ),
        embeddings=results / "embeddings.h5",
        check=write_check(folder / "check.json"),
        rejects=folder / "rejects.csv",
        sequences=folder / "sequences.csv",
        out=results / "metrics.json",
        table=results / "rank1.csv",
        probes=results / "probes.csv",
    )


def change_metrics(path: Path, **changed: object) -> None:
    """Changes values of a `metrics.json`."""
    write_json(json.loads(path.read_text()) | changed, path)


def with_one_embedding(dataset: Path, folder: Path) -> Path:
    """Returns a copy of the dataset's runs in which all sequences have the same embedding."""
    for method in ("gei", "gaittake"):
        shutil.copytree(dataset / method, folder / method)
        with h5py.File(folder / method / "embeddings.h5", "r+") as file:
            file["embeddings"][:] = 1.0
    for name in ("rejects.csv", "sequences.csv", "cache.h5"):
        shutil.copy(dataset / name, folder / name)
    return folder
