"""Labelling and prediction stream: a thread reads ahead, and few frames are in memory."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gaittake.io import frames
from gaittake.io.frames import Image, read_colour
from gaittake.pose import pseudo_label, shift
from gaittake.pose.detector import load_detector
from gaittake.pose.locate import Detections
from gaittake.pose.predict import read_batches
from gaittake.pose.shift import Task
from gaittake.sequence import Reject
from gaittake.settings import PseudoLabel, PseudoLabelStage
from tests.pose.tiny import FRAMES, SMALL, Dataset

BATCH = 5


def test_silhouettes_are_opened_with_their_batch(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    original = frames.read_image

    def spy(path: Path, flag: int) -> Any:
        opened.append(path)
        return original(path, flag)

    monkeypatch.setattr(frames, "read_image", spy)
    batches = read_batches(dataset.sequences, BATCH, [])
    for count in range(1, 5):
        assert len(next(batches)) == BATCH
        assert len(opened) == count * BATCH + 1  # the frame after a full batch is read
    assert sum(map(len, batches)) == 3 * FRAMES - 4 * BATCH


def run(dataset: Dataset, weights: Path, folder: Path) -> None:
    """Makes pseudo-labels of all frames."""
    rules = PseudoLabel(every=1)
    subjects = ("001", "002", "003")
    pseudo_label.make_pseudo_labels(
        PseudoLabelStage(detector=SMALL, pseudo_label=rules, batch=BATCH, subjects=subjects),
        index=dataset.index,
        teacher=weights,
        out=folder / "labels.h5",
        rejects=folder / "rejects.csv",
        device=torch.device("cpu"),
    )


def nobody(images: list[torch.Tensor]) -> list[Detections]:
    empty = Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, 17, 3))
    return [empty for _ in images]


def test_the_next_sequence_is_read_while_the_teacher_computes(
    dataset: Dataset, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    both_read = threading.Event()

    def read(source: Path, **named: Any) -> Iterator[tuple[int, Image]]:
        calls.append(f"read {source.name[:3]}")
        if calls[-2:] == ["read 001", "read 002"]:
            both_read.set()
        yield from read_colour(source, **named)

    def detect(_: object, images: list[torch.Tensor]) -> list[Detections]:
        both_read.wait(timeout=10)
        calls.append(f"detect {len(images)}")
        return nobody(images)

    monkeypatch.setattr(pseudo_label, "read_colour", read)
    monkeypatch.setattr(pseudo_label, "detect", detect)
    monkeypatch.setattr(shift, "sample_overlaps", lambda *_, max_shift: [])
    run(dataset, weights, tmp_path)
    assert calls[:3] == ["read 001", "read 002", "detect 5"]
    assert [call for call in calls if call.startswith("detect")] == [
        f"detect {count}" for count in (*[5] * 7, 1)
    ], "a batch has frames of two sequences"


def test_few_rgb_frames_are_in_memory(
    dataset: Dataset, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, most = 0, 0

    def read(*given: Any, **named: Any) -> Iterator[tuple[int, Image]]:
        nonlocal held, most
        for item in read_colour(*given, **named):
            held += 1
            most = max(most, held)
            yield item

    def detect(_: object, images: list[torch.Tensor]) -> list[Detections]:
        nonlocal held
        time.sleep(0.05)
        held -= len(images)
        return nobody(images)

    monkeypatch.setattr(pseudo_label, "read_colour", read)
    monkeypatch.setattr(pseudo_label, "detect", detect)
    run(dataset, weights, tmp_path)
    assert held == 0
    assert most <= (1 + 3 + 1) * BATCH  # at the teacher, in the queue, waiting for the queue


def test_images_of_any_size_reach_the_device_in_one_transfer() -> None:
    random = np.random.default_rng(0)
    sizes = [(7, 5, 3), (7, 5, 3), (4, 9, 3)]
    images = [random.integers(0, 256, size, dtype=np.uint8) for size in sizes]
    found = pseudo_label.upload(images, torch.device("cpu"))
    for image, tensor in zip(images, found, strict=True):
        assert torch.equal(tensor, torch.from_numpy(image).permute(2, 0, 1).float() / 255)
    assert len({tensor.untyped_storage().data_ptr() for tensor in found}) == 1


def test_each_sequence_gets_the_people_of_its_own_frames(
    dataset: Dataset, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame's height stands for its sequence and number here."""
    unreadable = Reject("pseudo-label", "002#7", "not readable")

    def read(source: Path, **named: Any) -> Iterator[tuple[int, Image]]:
        sequence = int(source.name[:3])
        for number in sorted(named["numbers"]):
            yield number, np.zeros((100 * sequence + number, 4, 3), dtype=np.uint8)
        if sequence == 2:
            named["rejects"].append(unreadable)

    def detect(_: object, images: list[torch.Tensor]) -> list[Detections]:
        heights = [float(image.shape[1]) for image in images]
        return [
            Detections(torch.zeros(0, 4), torch.tensor([height]), torch.zeros(0, 17, 3))
            for height in heights
        ]

    monkeypatch.setattr(pseudo_label, "read_colour", read)
    monkeypatch.setattr(pseudo_label, "detect", detect)
    model = load_detector(weights, SMALL)
    numbers = {1: range(1, 4), 2: range(1, 9), 3: range(0)}
    box = (0.0, 0.0, 4.0, 4.0)
    tasks = [
        Task(sequence, {}, (), {}, dict.fromkeys(numbers[int(sequence.subject)], box))
        for sequence in dataset.sequences
    ]
    rules = PseudoLabel()
    settings = PseudoLabelStage(detector=SMALL, pseudo_label=rules, batch=BATCH, subjects=())
    found = list(pseudo_label.detect_people(model, tasks, settings, torch.device("cpu")))
    assert [task for task, _, _ in found] == tasks
    for task, people, rejects in found:
        sequence = int(task.sequence.subject)
        heights = {number: float(those.scores) for number, those in people.items()}
        assert heights == {number: 100.0 * sequence + number for number in numbers[sequence]}
        assert rejects == ([unreadable] if sequence == 2 else [])
