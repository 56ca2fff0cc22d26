"""Gaits: Fourier series, the fitted population, and its limits."""

from pathlib import Path

import numpy as np
import pytest

from gaittake.sources.walkers.fit import ACKNOWLEDGEMENT, fit_population, gait_features, save_model
from gaittake.sources.walkers.gait import draw_person, draw_stride, load_model, stride_channels
from gaittake.sources.walkers.skeleton import CHANNEL, CHANNELS, LIMITS_RAD
from gaittake.sources.walkers.stride import (
    FEATURES,
    TERMS,
    Stride,
    basis,
    fit_stride,
    mirrored_features,
)
from tests.sources.walker_files import write_clips

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "cmu_walks.npz"


def known_walk(cadence: float, seconds: float, fps: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    terms = np.random.default_rng(3).normal(scale=0.03, size=(len(CHANNELS), TERMS))
    for side, sign in (("l", 1.0), ("r", -1.0)):
        terms[CHANNEL[f"{side}_thigh_pitch"]] = 0
        terms[CHANNEL[f"{side}_thigh_pitch"], 1] = 0.4 * sign
    phase = 2 * np.pi * cadence * np.arange(int(seconds * fps)) / fps + 1.0
    return basis(phase) @ terms.T, terms


@pytest.mark.parametrize("cadence", [0.65, 0.9, 1.15])
def test_fit_recovers_a_known_cadence_and_its_series(cadence: float) -> None:
    channels, terms = known_walk(cadence, seconds=4.0)
    stride, residual = fit_stride(channels, fps=30.0)
    assert stride.cadence == pytest.approx(cadence, rel=0.005)
    np.testing.assert_allclose(stride.terms, terms, atol=0.01)
    assert np.abs(residual).max() < 0.02


def test_the_fit_skips_frames_of_standing() -> None:
    channels, terms = known_walk(0.9, seconds=4.0)
    standing = np.repeat(channels.mean(axis=0, keepdims=True), 45, axis=0)
    stride, _ = fit_stride(np.concatenate([standing, channels]), fps=30.0)
    assert stride.cadence == pytest.approx(0.9, rel=0.03)
    swing = CHANNEL["l_thigh_pitch"]
    assert stride.terms[swing, 1] == pytest.approx(terms[swing, 1], rel=0.1)


def test_mirroring_a_stride_twice_is_the_identity() -> None:
    features = np.random.default_rng(0).normal(size=(3, FEATURES))
    np.testing.assert_allclose(mirrored_features(mirrored_features(features)), features)


def test_a_mirrored_stride_swings_the_other_leg_half_a_stride_later() -> None:
    terms = np.random.default_rng(0).normal(size=(len(CHANNELS), TERMS))
    walk = Stride(1.0, terms)
    mirror = mirrored_features(walk.features())[:-1].reshape(terms.shape)
    phase = np.linspace(0, 6, 50)
    left, right = CHANNEL["l_knee_flexion"], CHANNEL["r_knee_flexion"]
    np.testing.assert_allclose(
        basis(phase) @ mirror[left], basis(phase + np.pi) @ terms[right], atol=1e-9
    )


def test_the_gait_model_of_the_package_is_small_and_names_its_source() -> None:
    path = Path(__file__).parents[2] / "gaittake/sources/walkers/gait_model.npz"
    assert path.stat().st_size < 300_000
    with np.load(path) as file:
        assert str(file["acknowledgement"]) == ACKNOWLEDGEMENT


def test_generated_joints_stay_within_human_limits() -> None:
    model = load_model()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        stride = draw_stride(model, draw_person(model, rng), rng)
        channels = stride_channels(model, stride, 40, 25.0, rng)
        for name, (low, high) in LIMITS_RAD.items():
            for side in "lr":
                track = channels[:, CHANNEL[f"{side}_{name}"]]
                assert low <= track.min()
                assert track.max() <= high


def test_strides_of_one_person_are_more_similar_than_those_of_two() -> None:
    model = load_model()
    scale = np.sqrt(np.square(model.within).sum(axis=0) + model.within_own**2)
    strides = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        person = draw_person(model, rng)
        strides.append([draw_stride(model, person, rng).features() / scale for _ in range(2)])
    first, second = np.array(strides)[:, 0], np.array(strides)[:, 1]
    distance = np.linalg.norm(first[:, None] - second[None], axis=-1)
    assert (distance.argmin(axis=1) == np.arange(12)).mean() > 0.8


def test_a_population_fitted_to_generated_people_is_saved_and_sampled(tmp_path: Path) -> None:
    recordings = write_clips(tmp_path, {"A": 3, "B": 2, "C": 2})
    save_model(recordings, tmp_path / "model.npz")
    people, residual = gait_features(recordings)
    assert people["A"].shape == (3, FEATURES)
    assert residual.shape == (len(CHANNELS),)
    with np.load(tmp_path / "model.npz") as file:
        assert file["mean"].shape == (FEATURES,)
        assert file["between"].shape[1] == FEATURES


def test_a_population_of_one_recording_each_is_refused() -> None:
    with pytest.raises(ValueError, match="two recordings"):
        fit_population({name: np.zeros((1, FEATURES)) for name in "abcd"})


@pytest.mark.skipif(not RECORDED.exists(), reason="the recordings are not available here")
def test_generated_people_vary_as_much_as_recorded_people() -> None:
    people, _ = gait_features(RECORDED)
    real = np.std([strides.mean(axis=0) for strides in people.values()], axis=0)
    model = load_model()
    drawn = [draw_person(model, np.random.default_rng(seed)).features for seed in range(200)]
    ratio = np.std(drawn, axis=0) / real
    assert 0.7 < np.median(ratio) < 1.3
    assert 0.8 < ratio[-1] < 1.3, "cadence"
