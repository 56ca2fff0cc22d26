"""Alignment against a plain implementation of the steps of GaitSet and OpenGait."""

import cv2
import numpy as np
import pytest

from gaittake.settings import Walkers
from gaittake.silhouette import Image, align, box, figure, fit
from gaittake.sources.walkers.dataset import render_people

SIZE = {"height": 64, "width": 44, "min_mass": 10_000}
CASIAB, OUMVLP = (240, 320), (980, 1280)


def plain_alignment(frame: Image) -> Image | None:
    """Returns the result of the steps, each a loop over rows or columns."""
    if int(frame.sum()) <= 10_000:
        return None
    rows = [row for row in range(frame.shape[0]) if frame[row].sum() > 0]
    cut = frame[rows[0] : rows[-1] + 1]
    ratio = cut.shape[1] / cut.shape[0]
    scaled = cv2.resize(cut, (int(64 * ratio), 64), interpolation=cv2.INTER_CUBIC)
    total, running, middle = int(scaled.sum()), 0, -1
    for column in range(scaled.shape[1]):
        running += int(scaled[:, column].sum())
        if running > total / 2:
            middle = column
            break
    if middle < 0:
        return None
    square = np.zeros((64, 64), dtype=np.uint8)
    for column in range(64):
        source = middle - 32 + column
        if 0 <= source < scaled.shape[1]:
            square[:, column] = scaled[:, source]
    return square[:, 10:54]


def person(seed: int) -> Image:
    """Returns a clean figure: head, trunk and legs, at random position and size."""
    generator = np.random.default_rng(seed)
    frame = np.zeros(CASIAB, dtype=np.uint8)
    tall = int(generator.integers(90, 180))
    x, top = int(generator.integers(80, 240)), int(generator.integers(5, 50))
    cv2.circle(frame, (x, top + tall // 12), tall // 12, 255, -1)
    cv2.ellipse(frame, (x, top + tall // 3), (tall // 9, tall // 4), 0, 0, 360, 255, -1)
    for side in (-1, 1):
        foot = (x + side * int(generator.integers(3, tall // 5)), top + tall)
        cv2.line(frame, (x, top + tall // 2), foot, 255, tall // 12)
    return frame


def bar(top: int, left: int, rows: int, columns: int, size: tuple[int, int] = CASIAB) -> Image:
    frame = np.zeros(size, dtype=np.uint8)
    frame[top : top + rows, left : left + columns] = 255
    return frame


def figure_rows(aligned: Image) -> int:
    """Returns the rows of the largest connected part: 64 if noise did not enlarge the crop."""
    return int(cv2.connectedComponentsWithStats((aligned > 127).astype(np.uint8))[2][1:, 3].max())


SHAPES = {
    "left border": bar(40, 0, 120, 30),
    "right border": bar(40, 290, 120, 30),
    "top border": bar(0, 100, 150, 40),
    "bottom border": bar(100, 100, 140, 40),
    "a corner": bar(0, 0, 90, 25),
    "all rows": bar(0, 150, 240, 50),
    "the whole frame": bar(0, 0, 240, 320),
    "wide arms": bar(50, 140, 130, 30) | bar(80, 40, 12, 240),
    "arms wider than the result": bar(60, 150, 60, 10) | bar(70, 2, 5, 316),
    "leaning mass": bar(50, 100, 100, 60) | bar(60, 160, 6, 100),
    "tiny": bar(100, 200, 9, 5),
    "one row": bar(100, 200, 1, 60),
    "two columns": bar(20, 200, 200, 2),
    "a large frame": bar(200, 600, 613, 217, OUMVLP) | bar(400, 500, 40, 400, OUMVLP),
    "a large frame's border": bar(300, 1200, 601, 80, OUMVLP),
    "an odd frame": bar(11, 40, 97, 31, (131, 173)),
    "a frame cut to the figure": bar(0, 0, 128, 88, (128, 88)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_aligned_as_by_gaitset_pixel_for_pixel(name: str) -> None:
    frame = SHAPES[name]
    found, wanted = align(frame, **SIZE), plain_alignment(frame)
    assert found is not None
    assert wanted is not None
    assert (found.image == wanted).all()
    assert found.image.shape == (64, 44)
    assert found.image.any()


@pytest.mark.parametrize("seed", range(12))
def test_a_drawn_figure_is_aligned_as_by_gaitset_pixel_for_pixel(seed: int) -> None:
    frame = person(seed)
    found = align(frame, **SIZE)
    assert found is not None
    assert (found.image == plain_alignment(frame)).all()


@pytest.mark.parametrize("size", [CASIAB, (489, 640)])
def test_rendered_people_without_noise_are_aligned_as_by_gaitset_pixel_for_pixel(
    size: tuple[int, int],
) -> None:
    settings = Walkers(height=size[0], width=size[1], noise=0.0)
    silhouettes = render_people(settings, 24, seed=5)[1]
    assert silhouettes.shape == (24, *size)
    for frame in silhouettes:
        found = align(frame, **SIZE)
        assert found is not None
        assert (found.image == plain_alignment(frame)).all()


def test_a_frame_of_too_little_mass_is_skipped_as_by_gaitset() -> None:
    for pixels in (0, 39):  # 39 · 255 = 9945
        frame = bar(100, 100, 1, pixels)
        assert align(frame, **SIZE) is None
        assert plain_alignment(frame) is None
    frame = bar(100, 100, 1, 40)  # 10,200
    assert align(frame, **SIZE) is not None
    assert align(frame, height=64, width=44, min_mass=10_199) is not None
    assert align(frame, height=64, width=44, min_mass=10_200) is None


def test_a_line_too_thin_to_survive_scaling_is_skipped_as_by_gaitset() -> None:
    frame = bar(20, 200, 200, 1)
    assert align(frame, **SIZE) is None
    assert plain_alignment(frame) is None


def test_a_frame_narrower_than_a_pixel_of_the_result_is_aligned() -> None:
    found = align(np.full((200, 3), 255, dtype=np.uint8), **SIZE)
    assert found is not None
    assert found.image.any(axis=0).sum() == 1


@pytest.mark.parametrize("spot", [(2, 300), (235, 4), (0, 0), (239, 319)])
def test_noise_does_not_shrink_the_figure_as_it_does_in_gaitset(
    spot: tuple[int, int],
) -> None:
    frame = person(3)
    noisy = frame | bar(*spot, 3, 3)
    clean, found, plain = align(frame, **SIZE), align(noisy, **SIZE), plain_alignment(noisy)
    assert clean is not None
    assert found is not None
    assert plain is not None
    assert (found.image == clean.image).all()
    assert figure_rows(found.image) == 64
    assert figure_rows(plain) < 61


@pytest.mark.parametrize("sides", [(240, 320), (512, 512), (540, 960)])
def test_noise_is_removed_from_frames_of_any_size(sides: tuple[int, int]) -> None:
    """Small frames have 16-bit labels, large ones 32-bit labels of their parts."""
    clean = np.zeros(sides, np.uint8)
    clean[:240, :320] = person(3)
    noisy = clean.copy()
    noisy[250::2, ::2] = 255  # on large frames more specks than 16 bits can number
    noisy[2, 300] = noisy[-1, -1] = 255
    assert (figure(noisy) == clean).all()


@pytest.mark.parametrize("shape", [(1, 200_000), (200_000, 1), (3, 70_000)])
def test_a_strip_of_many_parts_is_read(shape: tuple[int, int]) -> None:
    frame = np.zeros(shape, np.uint8)
    frame[::2, ::2] = 255
    assert (figure(frame) == frame).all()


@pytest.mark.parametrize("view", [np.s_[:, ::-1], np.s_[::-1], np.s_[::2, ::2], np.s_[5:, 7:]])
def test_views_of_an_array_are_read_as_copies_are(view: tuple[slice, ...]) -> None:
    noisy = person(3) | bar(2, 300, 3, 3)
    assert (figure(noisy[view]) == figure(noisy[view].copy())).all()


def test_rendered_people_with_subtraction_noise_keep_their_scale() -> None:
    size = {"height": 240, "width": 320}
    clean = render_people(Walkers(noise=0.0, **size), 40, seed=5)[1]
    noisy = render_people(Walkers(noise=1.0, **size), 40, seed=5)[1]
    aligned, plain = [], []
    for before, after in zip(clean, noisy, strict=True):
        wanted, found = align(before, **SIZE), align(after, **SIZE)
        assert wanted is not None
        assert found is not None
        aligned.append(abs(found.height / wanted.height - 1))
        plain.append(abs(float(np.ptp(np.nonzero(after)[0]) + 1) / wanted.height - 1))
    assert max(aligned) < 0.08
    assert np.mean(aligned) < 0.2 * np.mean(plain)


@pytest.mark.parametrize("share", [0.14, 0.5, 0.7])
def test_all_parts_of_a_divided_figure_are_kept(share: float) -> None:
    frame = person(5)
    rows = np.flatnonzero(frame.any(axis=1))
    cut = int(rows[0] + share * len(rows))  # at the neck, the hips, the knees
    frame[cut : cut + 2] = 0
    assert cv2.connectedComponents(frame)[0] > 2
    assert (figure(frame) == frame).all()
    found = align(frame, **SIZE)
    assert found is not None
    assert (found.image == plain_alignment(frame)).all()


def test_the_place_in_the_frame_is_returned() -> None:
    frame = bar(40, 150, 128, 40)
    found = align(frame, **SIZE)
    assert found is not None
    assert (found.top, found.height) == (40, 128)
    assert found.centre == pytest.approx(170, abs=2)
    assert box(frame) == (150, 40, 190, 168)
    assert box(frame | bar(2, 300, 3, 3)) == (150, 40, 190, 168)
    assert box(frame * 0) is None


def test_a_silhouette_that_is_aligned_keeps_every_level() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    square, cut = (fit(each, height=64, width=44) for each in (frame, frame[:, 10:54]))
    assert square is not None
    assert cut is not None
    assert np.array_equal(square.image, frame[:, 10:54])
    assert np.array_equal(cut.image, frame[:, 10:54])  # never cut twice
    assert (square.top, square.height, square.centre) == (0, 64, 32)
    assert (cut.top, cut.height, cut.centre) == (0, 64, 22)


def test_an_aligned_silhouette_of_128_rows_is_scaled() -> None:
    small = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    for frame in (large, large[:, 20:108]):
        found = fit(frame, height=64, width=44)
        assert found is not None
        assert np.array_equal(found.image, small[:, 10:54])
        assert (found.height, found.centre) == (128, frame.shape[1] / 2)


@pytest.mark.parametrize("shape", [(64, 50), (60, 44), (44, 64), (128, 44)])
def test_an_aligned_silhouette_of_another_shape_does_not_fit(shape: tuple[int, int]) -> None:
    assert fit(np.full(shape, 255, np.uint8), height=64, width=44) is None
