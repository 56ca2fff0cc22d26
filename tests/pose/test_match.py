"""The person among the detections, and the shift between video and silhouettes."""

import pytest
import torch

from gaittake.pose.locate import Detections
from gaittake.pose.match import best_shift, match_person, overlaps_by_shift
from tests.pose.tiny import bar


def people(boxes: list[list[float]], scores: list[float]) -> Detections:
    return Detections(
        torch.tensor(boxes).reshape(-1, 4),
        torch.tensor(scores),
        torch.zeros(len(boxes), 17, 3),
    )


def test_the_detection_at_the_silhouette_is_taken_not_the_one_of_highest_score() -> None:
    found = people([[100, 10, 140, 90], [22, 11, 39, 71]], [0.99, 0.92])
    assert match_person((20, 10, 40, 70), found, min_iou=0.5, min_score=0.9) == 1


def test_a_detection_below_the_limit_does_not_hide_one_above() -> None:
    found = people([[20, 10, 40, 70], [21, 10, 42, 73]], [0.5, 0.95])
    assert match_person((20, 10, 40, 70), found, min_iou=0.5, min_score=0.9) == 1


@pytest.mark.parametrize(
    ("boxes", "scores", "reason"),
    [
        ([], [], "no detection"),
        ([[20, 10, 40, 70]], [0.3], "no detection above the score limit"),
        ([[60, 10, 80, 70]], [0.95], "no detection overlaps the silhouette"),
    ],
)
def test_a_frame_without_a_match_has_a_reason(
    boxes: list[list[float]], scores: list[float], reason: str
) -> None:
    found = people(boxes, scores)
    assert match_person((20, 10, 40, 70), found, min_iou=0.5, min_score=0.9) == reason


@pytest.mark.parametrize("shift", [-3, -1, 0, 2])
def test_the_shift_is_found_from_the_boxes(shift: int) -> None:
    silhouettes = {n: tuple(float(edge) for edge in bar(n)) for n in range(1, 13)}
    video = {n: torch.tensor([bar(n - shift)], dtype=torch.float32) for n in range(1, 13)}
    overlaps = overlaps_by_shift(silhouettes, video, max_shift=3)
    assert best_shift(overlaps) == shift
    assert min(overlaps[shift]) == pytest.approx(1)
    assert len({len(values) for values in overlaps.values()}) == 1


def test_a_shift_that_is_not_clearly_better_is_ignored() -> None:
    assert best_shift({-1: [0.7, 0.8, 0.6], 0: [0.72, 0.78, 0.7], 1: [0.71, 0.85, 0.69]}) == 0
    assert best_shift({-1: [], 0: [], 1: []}) == 0


def test_frames_without_a_silhouette_at_every_shift_do_not_count() -> None:
    silhouettes = {1: (0.0, 0.0, 10.0, 20.0), 2: (0.0, 0.0, 10.0, 20.0)}
    boxes = {2: torch.tensor([[0.0, 0, 10, 20]])}
    assert overlaps_by_shift(silhouettes, boxes, max_shift=1) == {-1: [], 0: [], 1: []}
