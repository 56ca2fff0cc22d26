"""Fits the population of gaits to recordings: `python -m ...walkers.fit recordings.npz out.npz`.

A stride is a person's mean stride plus a deviation. Both are Gaussian over the features of a stride
(`stride.Stride.features`). A dozen people span too few directions of how people differ, so the
differences between people are a mixture: along the recorded people, per feature, and along the
deviations within one person. With these shares the likelihood of a held-out person is close to its
maximum (13 people; `benchmarks/gait_shares.py`).
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from gaittake.arrays import Float64s
from gaittake.sources.walkers.recorded import kept_clips, read_clips
from gaittake.sources.walkers.retarget import clip_channels
from gaittake.sources.walkers.stride import HARMONICS, fit_stride, mirrored_features

ACKNOWLEDGEMENT = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. "
    "The database was created with funding from NSF EIA-0196217."
)
SHARE_PEOPLE, SHARE_WALKS, SHARE_OWN = 0.30, 0.10, 0.60
WITHIN_OWN = 0.2
COMPONENTS = 40
FIT_FPS = 30.0
FEWEST_PEOPLE = 3


def fit_population(people: dict[str, Float64s]) -> dict[str, Float64s]:
    """Returns the arrays of a gait model from the strides `[stride, feature]` of each person.

    Returns:
        mean `[feature]`; between `[component, feature]`; sides `[2, feature]`, the standard
        deviations of the symmetric and the antisymmetric part; within `[component, feature]`;
        within_own `[feature]`; steadiness, the spread of the logarithm of people's variation.

    Raises:
        ValueError: there are too few people, or none has two strides.
    """
    repeated = {name: strides for name, strides in people.items() if len(strides) >= 2}
    if len(people) < FEWEST_PEOPLE or not repeated:
        raise ValueError(
            f"a population needs {FEWEST_PEOPLE} people, at least one of them with two recordings; "
            f"got {len(people)} people, {len(repeated)} of them with two recordings or more"
        )
    centres = np.stack([strides.mean(axis=0) for strides in people.values()])
    centres = np.concatenate([centres, mirrored_features(centres)])
    mean = centres.mean(axis=0)
    deviations = (centres - mean) / np.sqrt(len(centres) - 2)
    departures, steadiness = _departures(repeated)
    share = float(np.mean([1 / len(strides) for strides in people.values()]))
    sides = _side_spread(deviations, departures * np.sqrt(share))
    own = np.hypot(*sides)
    spread = np.sqrt(np.square(deviations).sum(axis=0))
    within_spread = np.sqrt(np.square(departures).sum(axis=0))
    between = np.concatenate(
        [
            np.sqrt(SHARE_PEOPLE) * _scaled(deviations, spread, own),
            np.sqrt(SHARE_WALKS) * _components(_scaled(departures, within_spread, own)),
        ]
    )
    return {
        "mean": mean,
        "between": _components(between),
        "sides": np.sqrt(SHARE_OWN) * sides,
        "within": np.sqrt(1 - WITHIN_OWN) * _components(departures),
        "within_own": np.sqrt(WITHIN_OWN) * within_spread,
        "steadiness": np.array(steadiness),
    }


def _scaled(rows: Float64s, old: Float64s, new: Float64s) -> Float64s:
    """Returns rows `[row, feature]` rescaled from the spread `old` of each feature to `new`."""
    return rows * (new / np.maximum(old, 1e-12))


def _components(rows: Float64s) -> Float64s:
    """Returns at most `COMPONENTS` rows with nearly the same covariance, none a real stride."""
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    kept: Float64s = sizes[:COMPONENTS, None] * directions[:COMPONENTS]
    # Each feature keeps its variance although the smallest components are dropped.
    lost = np.square(rows).sum(axis=0) / np.maximum(np.square(kept).sum(axis=0), 1e-18)
    result: Float64s = kept * np.sqrt(np.minimum(lost, 4.0))
    return result


def _departures(repeated: dict[str, Float64s]) -> tuple[Float64s, float]:
    """Returns deviations from each person's mean, `[row, feature]`, and the spread of their size.

    Every person has the same weight; rows are scaled so that the sum of their outer products is
    the covariance.
    """
    rows = []
    for strides in repeated.values():
        residual = (strides - strides.mean(axis=0)) / np.sqrt(len(strides) - 1)
        rows += [residual, mirrored_features(residual)]
    departures = np.concatenate(rows) / np.sqrt(2 * len(repeated))
    spread = np.sqrt(np.square(departures).sum(axis=0)) + 1e-12
    sizes = [
        0.5 * np.log(np.mean(np.var(strides, axis=0, ddof=1) / spread**2))
        for strides in repeated.values()
        if len(strides) >= 3
    ]
    return departures, float(np.std(sizes)) if len(sizes) >= 3 else 0.25


def _side_spread(deviations: Float64s, noise: Float64s) -> Float64s:
    """Returns the spread between people, `[2, feature]`: symmetric and antisymmetric part.

    The variance due to averaging few strides is subtracted, at most three quarters of the total.
    """
    result = []
    for sign in (1.0, -1.0):
        variance = np.square((deviations + sign * mirrored_features(deviations)) / 2).sum(axis=0)
        chance = np.square((noise + sign * mirrored_features(noise)) / 2).sum(axis=0)
        result.append(np.sqrt(np.maximum(variance - chance, variance / 4)))
    return np.stack(result)


def gait_features(path: Path) -> tuple[dict[str, Float64s], Float64s]:
    """Returns the features `[stride, feature]` of each recorded person, and the residual.

    The residual is the spread `[channel]` of what the Fourier series do not explain.
    """
    people: dict[str, Float64s] = {}
    residuals = []
    for subject, clips in kept_clips(read_clips(path)).items():
        fits = [fit_stride(clip_channels(clip, FIT_FPS), FIT_FPS) for clip in clips]
        people[subject] = np.stack([stride.features() for stride, _ in fits])
        residuals += [residual for _, residual in fits]
    # The median ignores rare movements, such as a lifted arm.
    return people, 1.48 * np.median(np.abs(np.concatenate(residuals)), axis=0)


def save_model(recordings: Path, out: Path) -> None:
    """Fits a gait model to the recordings of a file and writes it."""
    people, residual = gait_features(recordings)
    arrays: dict[str, Any] = {k: v.astype(np.float32) for k, v in fit_population(people).items()}
    np.savez_compressed(
        out,
        **arrays,
        residual=residual.astype(np.float32),
        harmonics=np.array(HARMONICS),
        acknowledgement=np.array(ACKNOWLEDGEMENT),
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m gaittake.sources.walkers.fit recordings.npz out.npz")
    save_model(Path(sys.argv[1]), Path(sys.argv[2]))
