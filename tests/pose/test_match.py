"""The person among the detections, and the shift between video and silhouettes."""

import pytest
import torch

from gaittake.pose.locate import Detections
from gaittake.pose.match import (
    AT_THE_LIMIT,
    CERTAIN,
    UNCERTAIN,
    best_shift,
    choose_shift,
    do_not_match,
    match_person,
    overlaps_by_shift,
    sequence_shift,
    shifts_differ,
)
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


def overlaps(shift: int, *, speed: float = 1, max_shift: int = 3) -> dict[int, list[float]]:
    """Returns the IoUs of a sequence whose video is `shift` frames ahead."""

    def at(number: float) -> tuple[float, float, float, float]:
        x1, y1, x2, y2 = bar(0)
        return x1 + 5 * speed * number, float(y1), x2 + 5 * speed * number, float(y2)

    silhouettes = {number: at(number) for number in range(1, 31)}
    video = {n: torch.tensor([at(n - shift)], dtype=torch.float32) for n in range(5, 26, 5)}
    return overlaps_by_shift(silhouettes, video, max_shift=max_shift)


@pytest.mark.parametrize("shift", [-2, 0, 1])
def test_a_sequence_shows_its_own_shift_for_certain(shift: int) -> None:
    own = sequence_shift(overlaps(shift))
    assert own.frames == shift
    assert own.certainty > CERTAIN
    for usual in (0, 2):
        assert choose_shift(overlaps(shift), usual=usual, differ=True, max_shift=3) == shift


def test_a_person_who_walks_towards_the_camera_shows_no_shift() -> None:
    still = overlaps(1, speed=0.02)
    assert sequence_shift(still).certainty < CERTAIN
    assert choose_shift(still, usual=1, differ=False, max_shift=3) == 1
    assert choose_shift(still, usual=1, differ=True, max_shift=3) == UNCERTAIN


def test_too_few_frames_are_certain_of_nothing() -> None:
    few = {shift: values[:2] for shift, values in overlaps(1).items()}
    assert sequence_shift(few) == (0, 0.0)
    assert choose_shift(few, usual=0, differ=False, max_shift=3) == 0


@pytest.mark.parametrize("shift", [3, 4, -5])
def test_a_shift_at_the_limit_is_not_taken(shift: int) -> None:
    assert choose_shift(overlaps(shift), usual=0, differ=False, max_shift=3) == AT_THE_LIMIT
    still = overlaps(0, speed=0.02)
    assert choose_shift(still, usual=3, differ=False, max_shift=3) == AT_THE_LIMIT


def test_without_shifts_to_compare_none_is_assumed() -> None:
    assert choose_shift(overlaps(0, max_shift=0), usual=0, differ=False, max_shift=0) == 0


def test_shifts_differ_where_several_sequences_are_certain_of_another() -> None:
    assert not shifts_differ([overlaps(1)] * 8, 1)
    assert not shifts_differ([overlaps(1)] * 7 + [overlaps(0)], 1)
    assert shifts_differ([overlaps(1)] * 6 + [overlaps(0)] * 2, 1)
    assert not shifts_differ([overlaps(1)] * 6 + [overlaps(0, speed=0.02)] * 6, 1)


def test_people_elsewhere_do_not_match_and_missing_ones_say_nothing() -> None:
    silhouettes = dict.fromkeys(range(1, 9), (10.0, 10, 30, 60))
    here = people([[11, 10, 31, 62]], [0.9])
    away, nobody = people([[60, 10, 80, 60]], [0.9]), people([], [])
    for found, expected in (
        ([here] * 8, False),
        ([away] * 8, True),
        ([away] * 5 + [here] * 3, True),
        ([away] * 3 + [here] * 5, False),
        ([nobody] * 8, False),
        ([away] * 2 + [nobody] * 6, False),
    ):
        video = dict(enumerate(found, 1))
        assert do_not_match(silhouettes, video, 0, min_iou=0.5) is expected
