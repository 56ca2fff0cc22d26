"""The broad population: people differ in body, gait and build; clothes belong to the sequence."""

from itertools import pairwise

import numpy as np
import pytest

from gaittake.settings import Walkers
from gaittake.sources.walkers.anthropometry import LEAN, SHORTEST_M, TALLEST_M, draw_adult
from gaittake.sources.walkers.camera import project
from gaittake.sources.walkers.cameras import stray_camera
from gaittake.sources.walkers.dataset import render_take, subject_scene
from gaittake.sources.walkers.people import make_walker
from gaittake.sources.walkers.skeleton import CHANNEL
from gaittake.sources.walkers.style import draw_style, posed, sequence_style, styled

BROAD = Walkers(
    subjects=3,
    population="broad",
    bodies=None,
    subjects_per_gait=1,
    views=(90, 270),
    normal=2,
    bag=1,
    coat=1,
    frames=16,
)


def test_everybody_has_a_body() -> None:
    bodies = [make_walker(BROAD, f"{n:03d}").body for n in (1, 2, 3)]
    assert len({body.stature for body in bodies}) == 3


def test_adults_are_possible_and_differ_more_than_the_published_bodies() -> None:
    rng = np.random.default_rng(0)
    bodies = [draw_adult(rng) for _ in range(400)]
    statures = np.array([body.stature for body in bodies])
    assert (statures >= SHORTEST_M).all()
    assert (statures <= TALLEST_M).all()
    assert 0.08 < statures.std() < 0.12
    waists = np.array([b.girths["waist_depth"] / b.stature for b in bodies])
    assert waists.min() > (1 + 1.4 * LEAN) * 0.5 * 0.106 / 1.72
    assert np.percentile(waists, 95) > 1.3 * np.median(waists)
    sums = [b.leg / b.stature for b in bodies]
    assert 0.40 < min(sums) < 0.47 < 0.51 < max(sums) < 0.58


def test_most_coats_go_with_the_usual_trousers_and_no_two_sequences_are_alike() -> None:
    settings = BROAD.model_copy(update={"subjects": 40, "frames": 8})
    walkers = [make_walker(settings, f"{n:03d}") for n in range(1, 41)]
    kept = []
    for walker in walkers:
        first, *_, last = walker.takes
        assert first.condition == "nm"
        assert last.condition == "cl"
        assert first.outfit.extras is not None
        assert last.outfit.extras is not None
        kept.append(first.outfit.extras.cuffs == last.outfit.extras.cuffs)
        assert len({w.outfit.trunk for w in walker.takes}) == len(walker.takes)
    assert 0.3 < np.mean(kept) < 0.8


def test_a_recorded_population_has_none_of_it() -> None:
    plain = BROAD.model_copy(update={"population": "recorded", "bodies": 2})
    assert all(w.outfit.extras is None for w in make_walker(plain, "001").takes)
    assert make_walker(plain, "001").body == make_walker(plain, "003").body


def test_a_persons_sequences_are_more_alike_in_style_than_two_people() -> None:
    rng = np.random.default_rng(1)
    people = [draw_style(rng, spread=1.4) for _ in range(30)]
    same, other = [], []
    for one, two in pairwise(people):
        first, second = (sequence_style(one, rng, spread=1.4) for _ in range(2))
        same.append(np.linalg.norm(first.offsets - second.offsets))
        other.append(np.linalg.norm(first.offsets - sequence_style(two, rng, spread=1.4).offsets))
    assert np.mean(same) < 0.5 * np.mean(other)


def test_a_style_of_nothing_changes_nothing() -> None:
    from gaittake.sources.walkers.gait import load_model
    from gaittake.sources.walkers.stride import stride_of_features
    from gaittake.sources.walkers.style import Style

    stride = stride_of_features(load_model().mean)
    channels = len(CHANNEL)
    after = styled(stride, Style(np.zeros(channels), np.zeros(channels), 0.0))
    assert np.array_equal(after.terms, stride.terms)
    assert after.cadence == pytest.approx(stride.cadence)


def test_a_hand_in_the_pocket_stops_that_arm_alone() -> None:
    channels = np.random.default_rng(0).normal(size=(20, len(CHANNEL)))
    after = posed(channels, "left pocket")
    left, right = CHANNEL["l_upper_arm_pitch"], CHANNEL["r_upper_arm_pitch"]
    assert after[:, left].std() < 0.2 * channels[:, left].std()
    assert np.array_equal(after[:, right], channels[:, right])
    assert np.array_equal(posed(channels, "free"), channels)


def test_stray_cameras_keep_the_figure_in_the_picture_and_about_as_large() -> None:
    rng = np.random.default_rng(0)
    heights = []
    for _ in range(200):
        camera = stray_camera(90, 160, 120, rng)
        pixels, depths = project(camera, np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.72]]))
        assert (depths > 1).all()
        heights.append(pixels[0, 1] - pixels[1, 1])
        assert (pixels >= 0).all()
        assert (pixels[:, 1] < 120).all()
    assert 0.4 * 120 < min(heights) < max(heights) < 0.95 * 120


def test_the_camera_on_the_right_sees_the_walk_to_the_right() -> None:
    scene, walker = subject_scene(BROAD, "002"), make_walker(BROAD, "002")
    for view, sign in ((90, -1), (270, 1)):
        rendered = render_take(BROAD, walker, walker.takes[0], view, scene)
        columns = rendered.boxes[:, [0, 2]].mean(axis=1)
        assert sign * (columns[-1] - columns[0]) > 0
