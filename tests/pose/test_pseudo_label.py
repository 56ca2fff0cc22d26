"""Pseudo-labels, with a fake detector in place of the teacher."""

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gaittake.errors import UserError
from gaittake.io.frames import frame_files
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects, write_sequences
from gaittake.pose import pseudo_label
from gaittake.pose.locate import Detections
from gaittake.sequence import Sequence
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


def test_a_person_without_a_sure_joint_is_no_label(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    make(settings(("001",), min_confidence=0.95), dataset, weights, tmp_path)
    reasons = {row.reason for row in read_rejects(tmp_path / "rejects.csv")}
    assert "no keypoint above the confidence limit" in reasons


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


def renumber(sequence: Sequence, ahead: int) -> None:
    """Renames the silhouettes: number n is of the same moment as video frame n + `ahead`."""
    files = frame_files(sequence.silhouettes)
    for number, path in files if ahead > 0 else files[::-1]:
        path.rename(path.with_name(f"{number + 20 - ahead:03d}.png"))
    for number, path in frame_files(sequence.silhouettes):
        path.rename(path.with_name(f"{number - 20:03d}.png")) if number > 20 else path.unlink()


def rows(folder: Path) -> list[tuple[str, str]]:
    return [(row.path, row.reason) for row in read_rejects(folder / "rejects.csv")]


@pytest.mark.parametrize("ahead", [1, 2])
def test_each_sequence_has_its_own_shift(
    dataset: Dataset, weights: Path, tmp_path: Path, ahead: int
) -> None:
    renumber(dataset.sequences[0], ahead)
    path = make(settings(("001", "002", "003"), every=1), dataset, weights, tmp_path)
    with open_ragged(path, kind="pseudo_labels") as labels:
        assert json.loads(labels.attributes["own_shifts"]) == {"001/nm-01/090": ahead}
        assert labels.attributes["shift"] == 0
        assert labels.sequences["frame_count"].tolist()[1:] == [12, 12]
        assert labels.sequences["frame_count"][0] >= 8
        for box, found in zip(labels.read("boxes"), labels.read("keypoints"), strict=True):
            assert np.abs(found[:, :2] - box[:2]).max() <= 2


def test_a_shift_at_the_limit_rejects_the_sequence_with_both_counts(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    renumber(dataset.sequences[0], 2)
    path = make(settings(("001", "002", "003"), every=1, max_shift=2), dataset, weights, tmp_path)
    assert rows(tmp_path) == [
        (
            str(dataset.sequences[0].silhouettes),
            "shift at the limit of pose.pseudo_label.max_shift: 12 colour frames, 10 silhouettes",
        )
    ]
    with open_ragged(path, kind="pseudo_labels") as labels:
        assert labels.sequences["frame_count"].tolist() == [0, 12, 12]


def mirror(sequence: Sequence) -> None:
    """Turns the silhouettes' time around: they are of another recording."""
    files = [path for _, path in frame_files(sequence.silhouettes)]
    images = [path.read_bytes() for path in files]
    for path, image in zip(files, images[::-1], strict=True):
        path.write_bytes(image)


def test_a_sequence_of_another_recording_is_rejected(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    mirror(dataset.sequences[1])
    make(settings(("001", "002", "003"), every=1), dataset, weights, tmp_path)
    assert rows(tmp_path) == [
        (
            str(dataset.sequences[1].silhouettes),
            "colour and silhouettes do not match: 12 colour frames, 12 silhouettes",
        )
    ]


def test_if_no_sequence_of_a_shard_matches_it_is_an_error(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    for sequence in dataset.sequences:
        mirror(sequence)
    with pytest.raises(UserError, match=r"do not match: 12 .* none of 3 sequences.*source.videos"):
        make(settings(("001", "002", "003"), every=1), dataset, weights, tmp_path)
    assert not (tmp_path / "labels.h5").exists()


@pytest.mark.parametrize("factor", [2, 0.5])
def test_silhouettes_of_another_size_are_rejected_with_both_sizes(
    dataset: Dataset, weights: Path, tmp_path: Path, factor: float
) -> None:
    first = dataset.sequences[0]
    for _, path in frame_files(first.silhouettes):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path), cv2.resize(image, None, fx=factor, fy=factor))
    path = make(settings(("001", "002", "003")), dataset, weights, tmp_path)
    size = f"{96 * factor:.0f}×{64 * factor:.0f}"
    reason = f"colour frames and silhouettes differ in size: 96×64 colour, {size} silhouettes"
    assert rows(tmp_path) == [(str(first.silhouettes), reason)]
    with open_ragged(path, kind="pseudo_labels") as labels:
        assert labels.sequences["subject"].tolist() == ["002", "003"]


def test_a_sequence_without_video_is_rejected(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    first, *others = dataset.sequences
    write_sequences([first._replace(video=None), *others], dataset.index)
    make(settings(("001", "002")), dataset, weights, tmp_path)
    assert [(r.path, r.reason) for r in read_rejects(tmp_path / "rejects.csv")] == [
        (str(dataset.sequences[0].silhouettes), "no video of this sequence")
    ]
