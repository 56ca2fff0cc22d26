"""Draws gaits from the fitted population: a person, that person's strides, their frames."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float64s
from gaittake.sources.walkers.skeleton import CHANNELS, within_limits
from gaittake.sources.walkers.stride import (
    FEATURES,
    HARMONICS,
    Stride,
    basis,
    mirrored_features,
    stride_of_features,
)

CADENCE_HZ = (0.55, 1.25)
# Correlation time of the residual that the Fourier series leave in the recordings.
WANDER_S = 0.1
FURTHEST = 2.5


@dataclass(frozen=True)
class GaitModel:
    """The fitted population; see `fit.fit_population` for the arrays."""

    mean: Float64s
    between: Float64s
    sides: Float64s
    within: Float64s
    within_own: Float64s
    steadiness: float
    residual: Float64s


@dataclass(frozen=True)
class Person:
    """One gait: its mean stride `[feature]`, and the variation of its strides, 1 on average."""

    features: Float64s
    variation: float


@cache
def load_model() -> GaitModel:
    """Returns the gait model of the package.

    Raises:
        ValueError: the file does not fit the channels and harmonics of the code.
    """
    resource = files("gaittake.sources.walkers") / "gait_model.npz"
    with resource.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    if int(arrays["harmonics"]) != HARMONICS or len(arrays["mean"]) != FEATURES:
        raise ValueError(
            f"gait_model.npz: {FEATURES} features with {HARMONICS} harmonics are required, it has "
            f"{len(arrays['mean'])} with {int(arrays['harmonics'])}; "
            "fit it again with python -m gaittake.sources.walkers.fit"
        )
    names = ("mean", "between", "sides", "within", "within_own", "residual")
    numbers = {name: arrays[name].astype(np.float64) for name in names}
    return GaitModel(**numbers, steadiness=float(arrays["steadiness"]))


def draw_person(
    model: GaitModel, rng: np.random.Generator, *, spread: float = 1.0, variation: float = 1.0
) -> Person:
    """Returns a person of the population.

    Args:
        model: the population.
        rng: source of randomness.
        spread: differences between people, relative to the recorded people.
        variation: differences between a person's strides, relative to the recorded people.
    """
    own = _normal(rng, len(model.between)) @ model.between
    for sign, side in zip((1.0, -1.0), model.sides, strict=True):
        own += side * one_side(_normal(rng, FEATURES), sign)
    unsteady = float(np.exp(_normal(rng, 1)[0] * model.steadiness))
    return Person(model.mean + spread * own, variation * unsteady)


def one_side(noise: Float64s, sign: float) -> Float64s:
    """Returns noise of variance 1, symmetric (sign 1) or antisymmetric (-1) when mirrored."""
    both = (noise + sign * mirrored_features(noise)) / np.sqrt(2)
    result: Float64s = np.where(_fixed(), both / np.sqrt(2), both)
    return result


@cache
def _fixed() -> npt.NDArray[np.bool_]:
    """Returns which features `[feature]` keep their place when mirrored: those of the midline."""
    places = np.arange(1.0, FEATURES + 1)
    fixed: npt.NDArray[np.bool_] = np.abs(mirrored_features(places)) == places
    return fixed


def draw_stride(model: GaitModel, person: Person, rng: np.random.Generator) -> Stride:
    """Returns one stride of a person."""
    departure = _normal(rng, len(model.within)) @ model.within
    departure += model.within_own * _normal(rng, FEATURES)
    features = person.features + person.variation * departure
    features[-1] = np.clip(features[-1], *np.log(CADENCE_HZ))
    return stride_of_features(features)


def stride_channels(
    model: GaitModel, stride: Stride, frames: int, fps: float, rng: np.random.Generator
) -> Float64s:
    """Returns channels `[frames, channel]` of a sequence that starts at a random phase."""
    times = np.arange(frames) / fps
    # The cadence changes by a few percent during the sequence.
    drift = 0.02 * rng.normal() * np.sin(2 * np.pi * (0.25 * times + rng.random()))
    phase = 2 * np.pi * (rng.random() + stride.cadence * times) + drift * 2 * np.pi
    wander = _wander(frames, fps, rng) * model.residual
    return within_limits(basis(phase) @ stride.terms.T + wander)


def _wander(frames: int, fps: float, rng: np.random.Generator) -> Float64s:
    """Returns smooth noise `[frames, channel]` of variance 1."""
    sigma = WANDER_S * fps
    reach = int(3 * sigma) + 1
    weights = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    weights /= np.sqrt(np.square(weights).sum())
    noise = rng.normal(size=(frames + 2 * reach, len(CHANNELS)))
    windows = np.lib.stride_tricks.sliding_window_view(noise, len(weights), axis=0)
    result: Float64s = windows @ weights
    return result


def _normal(rng: np.random.Generator, count: int) -> Float64s:
    """Returns normal numbers without the far tails, where motion would not look human."""
    return np.clip(rng.normal(size=count), -FURTHEST, FURTHEST)
