"""Labelling and prediction stream: few frames are in memory at any time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gaittake.io import frames
from gaittake.io.frames import Image, read_colour
from gaittake.pose import pseudo_label
from gaittake.pose.locate import Detections
from gaittake.pose.predict import read_batches
from gaittake.settings import PseudoLabel, PseudoLabelStage
from tests.pose.tiny import FRAMES, SMALL, Dataset

BATCH = 5


def test_silhouettes_are_opened_with_their_batch(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    original = frames._read_image

    def spy(path: Path, flag: int) -> Any:
        opened.append(path)
        return original(path, flag)

    monkeypatch.setattr(frames, "_read_image", spy)
    batches = read_batches(dataset.sequences, BATCH, [])
    for count in range(1, 5):
        assert len(next(batches)) == BATCH
        assert len(opened) == count * BATCH + 1  # the frame after a full batch is read
    assert sum(map(len, batches)) == 3 * FRAMES - 4 * BATCH


def test_the_teacher_has_one_batch_of_rgb_frames_in_memory(
    dataset: Dataset, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, most = 0, 0

    def draw(*given: Any, **named: Any) -> Iterator[tuple[int, Image]]:
        nonlocal held, most
        for item in read_colour(*given, **named):
            held += 1
            most = max(most, held)
            yield item

    def detect(_: object, images: list[torch.Tensor]) -> list[Detections]:
        nonlocal held
        held -= len(images)
        nobody = (torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, 17, 3))
        return [Detections(*nobody) for _ in images]

    monkeypatch.setattr(pseudo_label, "read_colour", draw)
    monkeypatch.setattr(pseudo_label, "detect", detect)
    rules = PseudoLabel(every=1)
    subjects = ("001", "002", "003")
    settings = PseudoLabelStage(detector=SMALL, pseudo_label=rules, batch=BATCH, subjects=subjects)
    pseudo_label.make_pseudo_labels(
        settings,
        index=dataset.index,
        teacher=weights,
        out=tmp_path / "labels.h5",
        rejects=tmp_path / "rejects.csv",
        device=torch.device("cpu"),
    )
    assert (held, most) == (0, BATCH)
