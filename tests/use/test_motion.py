"""Walking direction and steps."""

import numpy as np
import pytest

from gaittake.use.motion import directions, drift, motion

NUMBERS = np.arange(60)
HEIGHTS = np.full(60, 100.0)


def found(places: np.ndarray, numbers: np.ndarray = NUMBERS) -> list[int]:
    return directions(numbers, 100 * places, HEIGHTS[: len(places)]).tolist()


@pytest.mark.parametrize(("far", "expected"), [(2.0, 1), (-2.0, -1), (0.35, 1), (0.25, 0), (0, 0)])
def test_the_direction_is_that_of_the_drift(far: float, expected: int) -> None:
    assert found(np.linspace(3, 3 + far, 60)) == [expected] * 60


def test_swaying_on_the_spot_is_no_direction() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert found(rng.normal(3, 0.2, 60).cumsum() / 20 * 0 + rng.normal(3, 0.2, 60)) == [0] * 60
    assert found(3 + 0.4 * np.sin(NUMBERS / 3)) == [0] * 60


def test_each_pass_has_its_own_direction() -> None:
    there, back = np.linspace(0, 3, 30), np.linspace(3, 0, 30)
    expected = [1] * 30 + [-1] * 30
    gap = np.concatenate([NUMBERS[:30], NUMBERS[30:] + 40])
    assert found(np.concatenate([there, back]), gap) == expected
    turned = found(np.concatenate([there, back]))
    assert np.abs(np.array(turned) - expected).sum() <= 2


def test_a_short_part_takes_the_direction_of_its_neighbour() -> None:
    numbers = np.concatenate([NUMBERS[:30], NUMBERS[30:35] + 40])
    places = np.concatenate([np.linspace(0, 2, 30), np.full(5, 2.0)])
    assert found(places, numbers) == [1] * 35
    assert found(-places[::-1], np.concatenate([NUMBERS[:5], NUMBERS[5:35] + 40])) == [1] * 35


def test_drift_is_the_rise_of_a_fitted_line() -> None:
    assert drift(NUMBERS, 0.1 * NUMBERS) == pytest.approx((5.9, 1.0))
    assert drift(NUMBERS[:1], HEIGHTS[:1]) == (0.0, 0.0)
    assert drift(NUMBERS, HEIGHTS) == (0.0, 0.0)


def silhouettes(frames: int, step: int | None) -> np.ndarray:
    """Returns a body whose legs swing once per `step` frames; None: it stands."""
    images = np.zeros((frames, 64, 44), np.uint8)
    images[:, :40, 17:27] = 255
    for n in range(frames):
        reach = 2 if step is None else round(2 + 12 * abs(np.sin(np.pi * n / step)))
        images[n, 40:, 22 - reach : 22 + reach] = 255
    return images


@pytest.mark.parametrize("step", [8, 13, 18])
def test_a_repeated_step_is_found(step: int) -> None:
    changes, frames = motion(silhouettes(60, step))
    assert changes > 0.3
    assert frames == pytest.approx(step, abs=1)


def test_a_standing_person_does_not_change() -> None:
    assert motion(silhouettes(60, None)) == (0.0, None)
    assert motion(silhouettes(1, None)) == (0.0, None)


def test_less_than_a_step_is_not_repeated() -> None:
    assert motion(silhouettes(12, 18))[1] is None
