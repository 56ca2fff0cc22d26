"""Pseudo-labels, with a fake detector in place of the teacher."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gaittake.io.frames import frame_files
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects, write_sequences
from gaittake.pose import pseudo_label
from gaittake.pose.locate import Detections
from gaittake.settings import PseudoLabel, PseudoLabelStage
from tests.pose.tiny import SMALL, Dataset

CPU = torch.device("cpu")


def settings(subjects: tuple[str, ...], **rules: float) -> PseudoLabelStage:
    return PseudoLabelStage(
        detector=SMALL,
        pseudo_label=PseudoLabel.model_validate({"every": 2} | rules),
        batch=4,
        subjects=subjects,
    )


def detect_the_bar(_: object, images: list[torch.Tensor]) -> list[Detections]:
    """Detects the bright pixels, and another person elsewhere with a higher score."""
    found = []
    for image in images:
        x, y, w, h = cv2.boundingRect(cv2.findNonZero((image[0].numpy() > 0.5).astype(np.uint8)))
        boxes = torch.tensor([[80.0, 0, 95, 10], [x, y, x + w, y + h]])
        keypoints = torch.zeros(2, 17, 3)
        keypoints[1] = torch.tensor([x, y, 0.9])
        keypoints[1, 4, 2] = 0.2
        found.append(Detections(boxes, torch.tensor([0.99, 0.95]), keypoints))
    return found


@pytest.fixture(autouse=True)
def _teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pseudo_label, "detect", detect_the_bar)


def make(stage: PseudoLabelStage, dataset: Dataset, weights: Path, folder: Path) -> Path:
    pseudo_label.make_pseudo_labels(
        stage,
        index=dataset.index,
        teacher=weights,
        out=folder / "labels.h5",
        rejects=folder / "rejects.csv",
        device=CPU,
    )
    return folder / "labels.h5"


def test_every_second_frame_of_the_given_subjects_is_labelled(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    with open_ragged(
        make(settings(("001", "003")), dataset, weights, tmp_path), kind="pseudo_labels"
    ) as labels:
        assert labels.sequences["subject"].tolist() == ["001", "003"]
        assert labels.sequences["frame_count"].tolist() == [6, 6]
        assert labels.read("frame").tolist() == [1, 3, 5, 7, 9, 11] * 2
        assert labels.attributes["shift"] == 0
        keypoints, boxes = labels.read("keypoints"), labels.read("boxes")
    for frame, box, found in zip([1, 3, 5, 7, 9, 11] * 2, boxes, keypoints, strict=True):
        assert box.tolist() == list(dataset.boxes[frame])
        assert np.abs(found[:, :2] - box[:2]).max() <= 2  # MJPEG blurs edges
        assert found[4, 2] == 0
        assert found[[0, 16], 2] == pytest.approx(0.9)
    assert read_rejects(tmp_path / "rejects.csv") == []


def test_frames_without_a_label_have_a_reason(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    files = dict(frame_files(dataset.sequences[0].silhouettes))
    cv2.imwrite(str(files[3]), np.zeros((64, 96), dtype=np.uint8))
    files[5].write_bytes(b"no image")
    elsewhere = np.zeros((64, 96), dtype=np.uint8)
    elsewhere[40:64, 0:4] = 255
    cv2.imwrite(str(files[11]), elsewhere)
    path = make(settings(("001",)), dataset, weights, tmp_path)
    reasons = Counter(row.reason for row in read_rejects(tmp_path / "rejects.csv"))
    assert reasons == {
        "unreadable or empty silhouette": 2,
        "no detection overlaps the silhouette": 1,
    }
    with open_ragged(path, kind="pseudo_labels") as labels:
        assert labels.read("frame").tolist() == [1, 7, 9]


def test_detections_below_the_score_limit_are_ignored(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    make(settings(("001",), min_score=0.97), dataset, weights, tmp_path)
    reasons = {row.reason for row in read_rejects(tmp_path / "rejects.csv")}
    assert reasons == {"no detection overlaps the silhouette"}


def test_a_shifted_video_is_aligned(dataset: Dataset, weights: Path, tmp_path: Path) -> None:
    for sequence in dataset.sequences:
        # Silhouette n is now of the same moment as video frame n + 1.
        for number, path in frame_files(sequence.silhouettes):
            path.rename(
                path.with_name(path.name.replace(f"{number:03d}.png", f"{number - 1:03d}.png"))
            )
    path = make(settings(("001", "002")), dataset, weights, tmp_path)
    with open_ragged(path, kind="pseudo_labels") as labels:
        assert labels.attributes["shift"] == 1
        assert labels.attributes["shift_iou"] > 0.9
        for box, found in zip(labels.read("boxes"), labels.read("keypoints"), strict=True):
            assert np.abs(found[:, :2] - box[:2]).max() <= 2


def test_a_sequence_without_video_is_rejected(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    first, *others = dataset.sequences
    write_sequences([first._replace(video=None), *others], dataset.index)
    make(settings(("001", "002")), dataset, weights, tmp_path)
    assert [(r.path, r.reason) for r in read_rejects(tmp_path / "rejects.csv")] == [
        (str(dataset.sequences[0].silhouettes), "no video of this sequence")
    ]
