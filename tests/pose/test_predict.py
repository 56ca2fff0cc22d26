"""Prediction: all frames, in order, independent of the batch."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from gaittake.io.frames import frame_files
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects, write_sequences
from gaittake.pose import fast, predict
from gaittake.pose.detector import load_detector
from gaittake.pose.locate import Detections, locate_in_boxes
from gaittake.pose.predict import predict_keypoints
from gaittake.settings import PredictStage, Settings
from tests.jobs import stage_settings
from tests.pose.tiny import FRAMES, SMALL, Dataset

NO_DETECTION = "no detection, silhouette's box used"


def run(
    dataset: Dataset,
    weights: Path,
    folder: Path,
    *,
    boxes: str = "silhouette",
    precision: str = "float32",
    batch: int = 5,
) -> tuple[list[int], list[int], npt.NDArray[np.float32], list[tuple[str, str]]]:
    """Returns frame counts, frame numbers, keypoints and rejects."""
    predict_keypoints(
        PredictStage(detector=SMALL, boxes=boxes, precision=precision, batch=batch),
        index=dataset.index,
        student=weights,
        out=folder / "keypoints.h5",
        rejects=folder / "rejects.csv",
        device=torch.device("cpu"),
    )
    with open_ragged(folder / "keypoints.h5", kind="keypoints") as file:
        rejects = [(row.path, row.reason) for row in read_rejects(folder / "rejects.csv")]
        counts = file.sequences["frame_count"].tolist()
        return counts, file.read("frame").tolist(), file.read("keypoints"), rejects


def test_each_frame_gets_keypoints_in_its_box(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    counts, numbers, keypoints, rejects = run(dataset, weights, tmp_path)
    assert counts == [FRAMES] * 3
    assert numbers == list(range(1, FRAMES + 1)) * 3
    assert rejects == []
    for number, located in zip(numbers, keypoints, strict=True):
        x1, y1, x2, y2 = dataset.boxes[number]
        assert (located[:, :2] >= [x1, y1]).all()
        assert (located[:, :2] <= [x2, y2]).all()
    assert ((keypoints[..., 2] > 0) & (keypoints[..., 2] < 1)).all()


@pytest.mark.parametrize("boxes", ["silhouette", "known", "detected"])
def test_batches_give_the_keypoints_of_single_frames(
    dataset: Dataset, weights: Path, tmp_path: Path, boxes: str
) -> None:
    *together, rejects = run(dataset, weights, tmp_path, boxes=boxes, batch=7)
    *alone, rejects_alone = run(dataset, weights, tmp_path, boxes=boxes, batch=1)
    assert together[:2] == alone[:2]
    assert np.allclose(together[2], alone[2], atol=1e-2)
    assert rejects == rejects_alone


def test_auto_precision_changes_keypoints_only_if_the_device_has_bfloat16(
    dataset: Dataset, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sequences(dataset.sequences[:1], dataset.index)
    full = run(dataset, weights, tmp_path, precision="float32")[2]
    monkeypatch.setattr(fast, "has_bfloat16", lambda device: False)
    assert np.array_equal(run(dataset, weights, tmp_path, precision="auto")[2], full)
    monkeypatch.setattr(fast, "has_bfloat16", lambda device: True)
    rounded = run(dataset, weights, tmp_path, precision="auto")[2]
    assert not np.array_equal(rounded, full)
    assert np.abs(rounded[..., 2] - full[..., 2]).max() < 0.05


def test_windows_give_the_keypoints_of_whole_frames(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    # These frames are little larger than figure and margin, so the window is the frame.
    _, numbers, keypoints, rejects = run(dataset, weights, tmp_path, boxes="known")
    assert rejects == []
    model = load_detector(weights, SMALL).eval()
    for number, located in zip(numbers[:FRAMES], keypoints[:FRAMES], strict=True):
        image = torch.zeros(1, 3, 64, 96)
        x1, y1, x2, y2 = dataset.boxes[number]
        image[..., y1:y2, x1:x2] = 1
        wanted = locate_in_boxes(model, image, torch.tensor([dataset.boxes[number]]).float())
        assert np.allclose(located, wanted[0, :, 0].numpy(), atol=1e-2)


@pytest.mark.parametrize(
    ("asked", "boxes"),
    [
        ({}, "detected"),
        ({"proposals": False}, "known"),
        ({"boxes": "silhouette", "proposals": False}, "silhouette"),
    ],
)
def test_proposals_set_the_boxes_of_predict_and_change_no_other_stage(
    asked: dict[str, object], boxes: str
) -> None:
    settings = Settings.model_validate({"dataset": "x", "note": "", "pose": asked})
    found = stage_settings(settings, "predict")
    assert isinstance(found, PredictStage)
    assert (found.boxes, found.precision) == (boxes, "auto")
    trained = {"boxes": asked.get("boxes", "detected")}
    usual = Settings.model_validate({"dataset": "x", "note": "", "pose": trained})
    for stage in ("pseudo-label", "finetune"):
        both = (stage_settings(s, stage, shard="train-000") for s in (settings, usual))
        assert next(both) == next(both)


def test_empty_and_unreadable_frames_are_rejected_and_others_keep_their_numbers(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    files = dict(frame_files(dataset.sequences[1].silhouettes))
    cv2.imwrite(str(files[4]), np.zeros((64, 96), dtype=np.uint8))
    files[9].write_bytes(b"no image")
    counts, numbers, _, rejects = run(dataset, weights, tmp_path)
    assert counts == [FRAMES, FRAMES - 2, FRAMES]
    assert numbers[FRAMES : 2 * FRAMES - 2] == [1, 2, 3, 5, 6, 7, 8, 10, 11, 12]
    folder = dataset.sequences[1].silhouettes
    assert sorted(rejects) == sorted(
        [(f"{folder}#4", "empty silhouette"), (str(files[9]), "unreadable image")]
    )


def test_a_sequence_without_usable_frames_has_an_empty_row(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    for place in (0, 2):
        for _, path in frame_files(dataset.sequences[place].silhouettes):
            cv2.imwrite(str(path), np.zeros((64, 96), dtype=np.uint8))
    counts, numbers, _, rejects = run(dataset, weights, tmp_path)
    assert counts == [0, FRAMES, 0]
    assert numbers == list(range(1, FRAMES + 1))
    assert len(rejects) == 2 * FRAMES


def test_frames_may_have_several_sizes(dataset: Dataset, weights: Path, tmp_path: Path) -> None:
    for _, path in frame_files(dataset.sequences[1].silhouettes):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path), np.pad(image, ((0, 6), (0, 10))))
    counts, _, _, rejects = run(dataset, weights, tmp_path)
    assert counts == [FRAMES] * 3
    assert rejects == []


def test_the_best_overlapping_detection_is_used_or_the_silhouettes_box(
    dataset: Dataset, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sequences(dataset.sequences[:1], dataset.index)

    def detect(_: object, images: list[torch.Tensor]) -> list[tuple[Detections, torch.Tensor]]:
        """Detects two people if the bar is in the left half, and none otherwise."""
        found = []
        for image in images:
            left = float(image[0].nonzero()[:, 1].min())
            boxes = torch.tensor([[0.0, 0, 9, 9], [left, 12, left + 14, 54]])
            keypoints = torch.stack([torch.full((17, 3), value) for value in (0.1, left)])
            kept = 2 if left < 48 else 0
            scores = torch.tensor([0.9, 0.6])
            people = Detections(boxes[:kept], scores[:kept], keypoints[:kept])
            found.append((people, people.keypoints[:, :, None].expand(-1, -1, 3, -1)))
        return found

    monkeypatch.setattr(predict, "detect_candidates", detect)
    _, numbers, keypoints, rejects = run(dataset, weights, tmp_path, boxes="detected")
    assert numbers == list(range(1, FRAMES + 1))
    right = [n for n in numbers if dataset.boxes[n][0] >= 48]
    folder = dataset.sequences[0].silhouettes
    assert sorted(rejects) == sorted((f"{folder}#{n}", NO_DETECTION) for n in right)
    for number, located in zip(numbers, keypoints, strict=True):
        x1, y1, x2, y2 = dataset.boxes[number]
        if number in right:
            assert (located[:, :2] >= [x1, y1]).all()
            assert (located[:, :2] <= [x2, y2]).all()
        else:
            assert (located == x1).all()


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_float32_means_no_tf32(
    dataset: Dataset, weights: Path, tmp_path: Path, tf32: set[tuple[bool, bool]], precision: str
) -> None:
    run(dataset, weights, tmp_path, precision=precision)
    assert tf32 == {(False, precision == "auto")}
