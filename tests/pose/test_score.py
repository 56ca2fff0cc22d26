"""PCK and OKS against plain loops and pycocotools; the quality stage on files."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval, Params

from gaittake.io.ragged import RaggedWriter
from gaittake.pose import score
from gaittake.pose.keypoint_file import ARRAYS
from gaittake.pose.quality import measure_quality
from gaittake.pose.score import AREA_OF_BOX, Pairs, agreement, hits, oks, similarity, swaps
from gaittake.settings import QualityStage


def random_pairs(frames: int = 30) -> Pairs:
    random = np.random.default_rng(0)
    reference = random.uniform(20, 100, (frames, 17, 2)).astype(np.float32)
    noise = random.normal(0, 5, (frames, 17, 2)).astype(np.float32)
    predicted = np.concatenate(
        [reference + noise, random.uniform(0, 1, (frames, 17, 1)).astype(np.float32)], axis=-1
    )
    visible = random.random((frames, 17)) < 0.7
    visible[0] = False
    corner = random.uniform(0, 20, (frames, 2))
    boxes = np.concatenate([corner, corner + random.uniform(40, 90, (frames, 2))], axis=1)
    return Pairs(
        predicted,
        reference,
        visible,
        boxes.astype(np.float32),
        np.array(["nm", "cl"] * (frames // 2)),
        np.array([36] * (frames // 2) + [90] * (frames - frames // 2)),
    )


def test_pck_equals_a_plain_loop() -> None:
    pairs = random_pairs()
    counts = {"visible": [0, 0], "all": [0, 0], "cl": [0, 0], "36": [0, 0], "left_knee": [0, 0]}
    for frame in range(30):
        height = pairs.boxes[frame, 3] - pairs.boxes[frame, 1]
        for keypoint in range(17):
            dx, dy = pairs.predicted[frame, keypoint, :2] - pairs.reference[frame, keypoint]
            hit = math.hypot(dx, dy) <= 0.1 * height
            groups = ["all"] + ["visible"] * bool(pairs.visible[frame, keypoint])
            groups += (
                ["cl"] * (frame % 2) + ["36"] * (frame < 15) + ["left_knee"] * (keypoint == 13)
            )
            for group in groups:
                counts[group][0] += hit
                counts[group][1] += 1
    share = {group: hit / count for group, (hit, count) in counts.items()}
    found = agreement(pairs)
    assert found["pck"] == pytest.approx({"visible": share["visible"], "all": share["all"]})
    assert found["pck_by_condition"]["cl"]["all"] == pytest.approx(share["cl"])
    assert found["pck_by_view"]["36"]["all"] == pytest.approx(share["36"])
    assert found["pck_by_keypoint"]["left_knee"]["all"] == pytest.approx(share["left_knee"])
    assert 0.1 < share["all"] < 0.95


def test_swapped_sides_equal_a_plain_loop() -> None:
    pairs = random_pairs(200)
    predicted = pairs.predicted.copy()
    predicted[::3] = predicted[::3][:, score.MIRROR]  # every third frame has its sides exchanged
    pairs = pairs._replace(predicted=predicted)
    expected: dict[str, list[bool]] = {"36": [], "90": []}
    for frame in range(200):
        height = pairs.boxes[frame, 3] - pairs.boxes[frame, 1]
        for left, right in ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)):
            here = pairs.reference[frame]
            apart = math.dist(here[left], here[right]) > 0.05 * height
            if apart and pairs.visible[frame, [left, right]].all():
                ours = predicted[frame, :, :2]
                expected[str(pairs.view[frame])].append(
                    math.dist(ours[left], here[right]) < math.dist(ours[left], here[left])
                    and math.dist(ours[right], here[left]) < math.dist(ours[right], here[right])
                )
    found = agreement(pairs)
    for view, each in expected.items():
        assert found["swaps_by_view"][view]["pairs"] == len(each)
        assert found["swaps_by_view"][view]["swapped"] == pytest.approx(np.mean(each))
    both = expected["36"] + expected["90"]
    assert found["swaps"] == {"pairs": len(both), "swapped": pytest.approx(np.mean(both))}
    assert 0.2 < np.mean(both) < 0.4


def test_two_sides_at_one_place_are_neither_swapped_nor_counted() -> None:
    pairs = random_pairs()
    together = pairs.reference.copy()
    together[:, score.RIGHT] = together[:, score.LEFT]
    counted, swapped = swaps(pairs._replace(reference=together))
    assert not counted.any()
    assert not swapped.any()
    collapsed = pairs.predicted.copy()
    collapsed[:, score.RIGHT] = collapsed[:, score.LEFT]
    counted, swapped = swaps(pairs._replace(predicted=collapsed))
    assert counted.any()
    assert not swapped.any()


def test_the_error_of_a_joint_is_the_median_over_visible_keypoints() -> None:
    pairs = random_pairs()
    pairs.visible[:, 0] = False
    found = agreement(pairs)["error_by_keypoint"]
    assert found["nose"] is None
    shares = [
        math.dist(pairs.predicted[frame, 13, :2], pairs.reference[frame, 13])
        / (pairs.boxes[frame, 3] - pairs.boxes[frame, 1])
        for frame in range(30)
        if pairs.visible[frame, 13]
    ]
    assert found["left_knee"] == pytest.approx(np.median(shares), rel=1e-5)


def plain_oks(pairs: Pairs, frame: int) -> float:
    params = Params(iouType="keypoints")
    difference = pairs.predicted[frame, :, :2].astype(np.float64) - pairs.reference[frame]
    x1, y1, x2, y2 = pairs.boxes[frame].astype(np.float64)
    area = AREA_OF_BOX * (x2 - x1) * (y2 - y1)
    terms = []
    for keypoint in np.flatnonzero(pairs.visible[frame]):
        dx, dy = difference[keypoint]
        spread = 2 * params.kpt_oks_sigmas[keypoint]
        terms.append(math.exp(-(dx**2 + dy**2) / (2 * area * spread**2)))
    return sum(terms) / len(terms)


def test_similarity_equals_pycocotools_bit_for_bit(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = random_pairs(200)
    kept = np.flatnonzero(pairs.visible.any(axis=1))
    evaluation = COCOeval(score._references(pairs, kept), iouType="keypoints")
    evaluation.cocoDt = evaluation.cocoGt.loadRes(score._predictions(pairs, kept))
    evaluation.evaluate()
    expected = [float(matrix[0, 0]) for matrix in evaluation.ious.values()]
    found = similarity(pairs.predicted[..., :2], pairs.reference, pairs.visible, pairs.boxes)
    assert found[kept].tolist() == expected
    assert np.isnan(found[0])  # no visible keypoint


def test_similarity_equals_a_plain_loop() -> None:
    pairs = random_pairs()
    found = similarity(pairs.predicted[..., :2], pairs.reference, pairs.visible, pairs.boxes)
    for frame in range(1, 30):
        assert found[frame] == pytest.approx(plain_oks(pairs, frame), abs=1e-12)


def test_oks_equals_a_plain_loop() -> None:
    pairs = random_pairs()
    each = {frame: plain_oks(pairs, frame) for frame in range(1, 30)}
    found = oks(pairs)
    assert found["frames"] == 29
    assert found["mean"] == pytest.approx(np.mean(list(each.values())), abs=1e-6)
    thresholds = np.linspace(0.5, 0.95, 10)
    recalls = [np.mean([s >= t for s in each.values()]) for t in thresholds]
    assert found["ar"] == pytest.approx(np.mean(recalls), abs=1e-6)


def test_perfect_keypoints_score_one() -> None:
    pairs = random_pairs()
    perfect = pairs._replace(
        predicted=np.concatenate([pairs.reference, np.ones((30, 17, 1), np.float32)], axis=-1)
    )
    assert hits(perfect).all()
    found = oks(perfect)
    assert (found["mean"], found["ap"], found["ar"]) == pytest.approx((1, 1, 1))


def write(path: Path, kind: str, subjects: dict[str, float], frames: list[int]) -> Path:
    """Writes keypoints or labels with a given error per subject, in pixels."""
    with RaggedWriter(path, kind=kind, arrays=ARRAYS) as writer:
        for subject, error in subjects.items():
            keypoints = np.full((len(frames), 17, 3), 50 + error, dtype=np.float32)
            keypoints[..., 2] = 0.8
            keypoints[:, 16, 2] = 0
            boxes = np.tile(np.float32([10, 0, 60, 100]), (len(frames), 1))
            writer.append(
                (subject, "nm-01", "090"),
                keypoints=keypoints, boxes=boxes, frame=np.array(frames, dtype=np.int32),
            )  # fmt: skip
    return path


def write_truth(path: Path, subjects: list[str]) -> Path:
    arrays = {"joints": ("f4", (17, 2)), "visible": ("bool", (17,)), "boxes": ("f4", (4,))}
    with RaggedWriter(path, kind="truth", arrays=arrays) as writer:
        for subject in subjects:
            joints = np.full((4, 17, 2), 50, dtype=np.float32)
            joints[0] = -1000  # frame 1 has no label
            writer.append(
                (subject, "nm-01", "090"), joints=joints,
                visible=np.ones((4, 17), dtype=bool),
                boxes=np.tile(np.float32([10, 0, 60, 100]), (4, 1)),
            )  # fmt: skip
    return path


def test_quality_compares_the_right_subjects_and_frames(tmp_path: Path) -> None:
    settings = QualityStage(held_out=("002",), test_subjects=("009",))
    predicted = {"001": 30.0, "002": 1.0, "009": 20.0}
    measure_quality(
        settings,
        keypoints=[write(tmp_path / "k.h5", "keypoints", predicted, [2, 3, 4])],
        pseudo_labels=[write(tmp_path / "p.h5", "pseudo_labels", {"001": 0, "002": 0}, [2, 4])],
        truth=[write_truth(tmp_path / "t.h5", ["001", "002", "009"])],
        out=tmp_path / "quality.json",
    )
    found = json.loads((tmp_path / "quality.json").read_text())
    held_out = found["student_against_pseudo_labels"]
    assert held_out["frames"] == 2  # of subject 002 only
    assert held_out["pck"] == {"visible": 1, "all": 1}
    assert held_out["visible_keypoints"] == 2 * 16
    assert found["student_against_truth"]["frames"] == 3  # frames 2 to 4 of subject 009
    assert found["student_against_truth"]["pck"]["all"] == 0
    assert found["teacher_against_truth"]["frames"] == 4
    assert found["teacher_against_truth"]["pck"]["all"] == 1


def test_a_comparison_without_frames_is_null(tmp_path: Path) -> None:
    settings = QualityStage(held_out=("002",), test_subjects=("009",))
    keypoints = write(tmp_path / "k.h5", "keypoints", {"009": 0.0}, [1])
    out = tmp_path / "quality.json"
    measure_quality(settings, keypoints=[keypoints], pseudo_labels=[], truth=[], out=out)
    found = json.loads(out.read_text())
    assert found["student_against_truth"] is None
    assert found["student_against_pseudo_labels"] is None
