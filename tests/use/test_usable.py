"""Usable frames: whole figures of a person's shape, like those around them."""

import numpy as np
import pytest

from gaittake.use.usable import Figure, fault, jumps, measure, shows_two, two_figures

WALKING = Figure(width=40, height=100, area=1800, centre=60.0, cut=False)


def test_a_figure_is_measured_without_specks() -> None:
    frame = np.zeros((80, 60), np.uint8)
    frame[10:60, 20:30] = 255
    frame[70, 55] = 255
    assert measure(frame) == Figure(width=10, height=50, area=500, centre=25.0, cut=False)
    assert measure(np.zeros((5, 5), np.uint8)) is None


@pytest.mark.parametrize(
    "rows_columns", [(0, 20, 10, 20), (30, 80, 10, 20), (20, 60, 0, 9), (20, 60, 50, 60)]
)
def test_a_figure_at_any_border_is_cut(rows_columns: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = rows_columns
    frame = np.zeros((80, 60), np.uint8)
    frame[top:bottom, left:right] = 255
    found = measure(frame)
    assert found is not None
    assert found.cut
    assert fault(found) == "cut by the border"


def test_a_frame_cropped_to_the_person_is_not_cut() -> None:
    frame = np.zeros((64, 44), np.uint8)
    frame[:, 14:30] = 255
    frame[30:, 20:24] = 0
    for cropped in (frame, frame[:, 14:30], np.pad(frame, ((0, 0), (10, 10)))):
        found = measure(cropped)
        assert found is not None
        assert fault(found) is None
    too_near = measure(np.pad(frame, ((0, 0), (40, 40))))
    assert too_near is not None
    assert too_near.cut


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, None),
        ({"height": 20, "width": 8, "area": 70}, "too small"),
        ({"width": 120, "area": 4000}, "not of a person's shape"),  # a cast shadow
        ({"area": 600}, "not of a person's shape"),  # holes
        ({"area": 3900}, "not of a person's shape"),  # a blob
    ],
)
def test_specks_shadows_holes_and_blobs_are_no_person(
    change: dict[str, int], expected: str | None
) -> None:
    assert fault(WALKING._replace(**change)) == expected


@pytest.mark.parametrize(
    "change", [{"height": 75}, {"height": 130}, {"area": 1000}, {"area": 3000}, {"centre": 190.0}]
)
def test_a_frame_unlike_those_around_it_is_a_jump(change: dict[str, float]) -> None:
    figures = [WALKING] * 20
    figures[8] = WALKING._replace(**change)  # type: ignore[arg-type]
    assert np.flatnonzero(jumps(figures)).tolist() == [8]


def test_steps_an_approach_and_a_fast_crossing_are_no_jumps() -> None:
    steps = [
        WALKING._replace(area=int(1800 * (1 + 0.2 * np.sin(n))), height=100 + n % 5)
        for n in range(60)
    ]
    near = [WALKING._replace(height=60 + 2 * n, area=(60 + 2 * n) ** 2 // 5) for n in range(60)]
    fast = [WALKING._replace(centre=12.0 * n) for n in range(60)]
    for figures in (steps, near, fast):
        assert not jumps(figures).any()


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (slice(10, 60), slice(30, 40), True),  # another person, beside the first
        (slice(20, 60), slice(30, 40), True),  # a smaller one
        (slice(10, 60), slice(30, 34), False),  # an arm apart from the body
        (slice(30, 60), slice(30, 40), False),  # a bag, a shadow
        (slice(10, 60), slice(25, 35), False),  # touches the first: one part
    ],
)
def test_two_people_are_two_parts_of_similar_area_and_height(
    rows: slice, columns: slice, expected: bool
) -> None:
    frame = np.zeros((80, 60), np.uint8)
    assert not shows_two(frame)
    frame[10:60, 15:25] = 255
    assert not shows_two(frame)
    frame[rows, columns] = 255
    assert shows_two(frame) == expected
    assert shows_two(np.ascontiguousarray(frame[:, ::-1])) == expected


def test_a_few_frames_with_two_figures_are_no_warning() -> None:
    assert two_figures("anna", 50, 5) is None
    assert "anna: 6 of 50 frames show two figures" in str(two_figures("anna", 50, 6))
