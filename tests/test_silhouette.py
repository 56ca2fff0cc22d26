"""Alignment against a plain restatement of GaitSet's and OpenGait's steps."""

import cv2
import numpy as np
import pytest

from gaittake.silhouette import align, box, figure

SIZE = {"height": 64, "width": 44, "min_mass": 10_000}


def person(seed: int, rows: int = 240, columns: int = 320) -> np.ndarray:
    """A clean figure: head, trunk and two legs at a random place, of a random size."""
    generator = np.random.default_rng(seed)
    frame = np.zeros((rows, columns), dtype=np.uint8)
    tall = int(generator.integers(90, 180))
    x, top = int(generator.integers(80, 240)), int(generator.integers(5, 50))
    cv2.circle(frame, (x, top + tall // 12), tall // 12, 255, -1)
    cv2.ellipse(frame, (x, top + tall // 3), (tall // 9, tall // 4), 0, 0, 360, 255, -1)
    for side in (-1, 1):
        foot = (x + side * int(generator.integers(3, tall // 5)), top + tall)
        cv2.line(frame, (x, top + tall // 2), foot, 255, tall // 12)
    return frame


def plain_alignment(frame: np.ndarray) -> np.ndarray:
    """The steps one after another, on one column at a time."""
    rows = [r for r in range(frame.shape[0]) if frame[r].sum() > 0]
    cut = frame[rows[0] : rows[-1] + 1]
    ratio = cut.shape[1] / cut.shape[0]
    scaled = cv2.resize(cut, (int(64 * ratio), 64), interpolation=cv2.INTER_CUBIC)
    total, running, middle = float(scaled.sum()), 0.0, -1
    for column in range(scaled.shape[1]):
        running += float(scaled[:, column].sum())
        if running > total / 2:
            middle = column
            break
    square = np.zeros((64, 64), dtype=np.uint8)
    for column in range(64):
        source = middle - 32 + column
        if 0 <= source < scaled.shape[1]:
            square[:, column] = scaled[:, source]
    return square[:, 10:54]


@pytest.mark.parametrize("seed", range(12))
def test_alignment_is_the_fields_steps_pixel_for_pixel(seed: int) -> None:
    frame = person(seed)
    found = align(frame, **SIZE)
    assert found is not None
    assert (found.image == plain_alignment(frame)).all()


def test_a_figure_at_the_border_is_padded_with_zeros() -> None:
    frame = person(1)
    middle = int(np.median(np.nonzero(frame)[1]))
    frame = np.ascontiguousarray(frame[:, middle - 10 :])
    found = align(frame, **SIZE)
    assert found is not None
    assert (found.image == plain_alignment(frame)).all()


def test_a_frame_of_too_little_mass_is_dropped() -> None:
    frame = np.zeros((240, 320), dtype=np.uint8)
    assert align(frame, **SIZE) is None
    frame[100:106, 100:106] = 255  # 9180
    assert align(frame, **SIZE) is None
    assert align(frame, height=64, width=44, min_mass=9179) is not None


@pytest.mark.parametrize("spot", [(2, 300), (235, 4)])
def test_stray_noise_does_not_shrink_the_figure(spot: tuple[int, int]) -> None:
    frame = person(3)
    noisy = frame.copy()
    noisy[spot[0] : spot[0] + 3, spot[1] : spot[1] + 3] = 255
    clean, found = align(frame, **SIZE), align(noisy, **SIZE)
    assert clean is not None
    assert found is not None
    assert (found.image == clean.image).all()
    assert (plain_alignment(noisy) != plain_alignment(frame)).any()


def test_a_figure_in_pieces_is_kept_whole() -> None:
    frame = person(5)
    rows = np.flatnonzero(frame.any(axis=1))
    middle = int(rows.mean())
    frame[middle : middle + 3] = 0
    upper, lower = frame[:middle].sum(), frame[middle:].sum()
    larger = max(upper, lower) / (upper + lower)
    kept = figure(frame).sum() / frame.sum()
    assert kept == pytest.approx(larger if larger > 0.5 else 1.0, abs=0.35)
    halves = np.zeros((240, 320), dtype=np.uint8)
    halves[20:60, 100:120] = halves[80:120, 100:120] = 255
    assert (figure(halves) == halves).all()


def test_the_place_in_the_frame_is_known() -> None:
    frame = np.zeros((240, 320), dtype=np.uint8)
    frame[40:168, 150:190] = 255
    found = align(frame, **SIZE)
    assert found is not None
    assert (found.top, found.height) == (40, 128)
    assert found.centre == pytest.approx(170, abs=2)
    assert box(frame) == (150, 40, 190, 168)
    assert box(frame * 0) is None
