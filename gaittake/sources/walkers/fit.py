"""Fits the population of gaits to recorded walks: `python -m ...walkers.fit walks.npz out.npz`.

A walk is a person plus that day's departure from it. Both are Gaussian over the features of a
walk (`stride.Stride.features`); a dozen people span too few directions of how people differ, so
the differences are a mixture: part along the recorded people, part each feature for itself, part
along the ways in which one person's walks differ. With these shares a person left out of the fit is
nearly as likely as with any (13 people; `benchmarks/gait_shares.py`).
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gaittake.sources.walkers.recorded import kept_clips, read_clips
from gaittake.sources.walkers.retarget import clip_channels
from gaittake.sources.walkers.stride import HARMONICS, fit_stride, mirrored_features

Floats = npt.NDArray[np.float64]

ACKNOWLEDGEMENT = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. "
    "The database was created with funding from NSF EIA-0196217."
)
SHARE_PEOPLE, SHARE_WALKS, SHARE_OWN = 0.30, 0.10, 0.60
WITHIN_OWN = 0.2
COMPONENTS = 40
FIT_FPS = 30.0
FEWEST_PEOPLE = 3


def fit_population(people: dict[str, Floats]) -> dict[str, Floats]:
    """Returns the arrays of a gait model from the walks `[walk, feature]` of each person.

    Returns:
        mean `[feature]`; between `[component, feature]`, sides `[2, feature]` (standard deviation
        of what is alike and of what is opposite on the two sides); within `[component, feature]`,
        within_own `[feature]`; steadiness, the spread of the logarithm of how much people vary.

    Raises:
        ValueError: too few people, or nobody with two walks.
    """
    repeated = {name: walks for name, walks in people.items() if len(walks) >= 2}
    if len(people) < FEWEST_PEOPLE or not repeated:
        raise ValueError(
            f"a population needs {FEWEST_PEOPLE} people, one of them at least with two walks; "
            f"got {len(people)} people, {len(repeated)} of them with two walks or more"
        )
    centres = np.stack([walks.mean(axis=0) for walks in people.values()])
    centres = np.concatenate([centres, mirrored_features(centres)])
    mean = centres.mean(axis=0)
    deviations = (centres - mean) / np.sqrt(len(centres) - 2)
    departures, steadiness = _departures(repeated)
    share = float(np.mean([1 / len(walks) for walks in people.values()]))
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


def _scaled(rows: Floats, old: Floats, new: Floats) -> Floats:
    """Returns rows `[row, feature]` whose spread per feature is `new` where it was `old`."""
    return rows * (new / np.maximum(old, 1e-12))


def _components(rows: Floats) -> Floats:
    """Returns at most `COMPONENTS` rows with (nearly) the same covariance, none of them a walk."""
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    kept: Floats = sizes[:COMPONENTS, None] * directions[:COMPONENTS]
    # Each feature keeps its variance, though the smallest components are gone.
    lost = np.square(rows).sum(axis=0) / np.maximum(np.square(kept).sum(axis=0), 1e-18)
    result: Floats = kept * np.sqrt(np.minimum(lost, 4.0))
    return result


def _departures(repeated: dict[str, Floats]) -> tuple[Floats, float]:
    """Returns how walks depart from their person, `[row, feature]`, and the spread of its size.

    Every person counts alike, whatever the number of walks; rows are scaled so that the sum of
    their outer products is the covariance.
    """
    rows = []
    for walks in repeated.values():
        residual = (walks - walks.mean(axis=0)) / np.sqrt(len(walks) - 1)
        rows += [residual, mirrored_features(residual)]
    departures = np.concatenate(rows) / np.sqrt(2 * len(repeated))
    spread = np.sqrt(np.square(departures).sum(axis=0)) + 1e-12
    sizes = [
        0.5 * np.log(np.mean(np.var(walks, axis=0, ddof=1) / spread**2))
        for walks in repeated.values()
        if len(walks) >= 3
    ]
    return departures, float(np.std(sizes)) if len(sizes) >= 3 else 0.25


def _side_spread(deviations: Floats, noise: Floats) -> Floats:
    """Returns `[2, feature]`: the spread between people, of what is alike and what is opposite.

    What the means of few walks owe to chance is taken off, but never more than three quarters.
    """
    result = []
    for sign in (1.0, -1.0):
        variance = np.square((deviations + sign * mirrored_features(deviations)) / 2).sum(axis=0)
        chance = np.square((noise + sign * mirrored_features(noise)) / 2).sum(axis=0)
        result.append(np.sqrt(np.maximum(variance - chance, variance / 4)))
    return np.stack(result)


def gait_features(path: Path) -> tuple[dict[str, Floats], Floats]:
    """Returns the features `[walk, feature]` of each recorded person, and what is not periodic.

    The second is the spread `[channel]` of what the Fourier series leave unexplained.
    """
    people: dict[str, Floats] = {}
    residuals = []
    for subject, clips in kept_clips(read_clips(path)).items():
        fits = [fit_stride(clip_channels(clip, FIT_FPS), FIT_FPS) for clip in clips]
        people[subject] = np.stack([stride.features() for stride, _ in fits])
        residuals += [residual for _, residual in fits]
    # The median: a walker who lifts an arm once does not make everybody's arms tremble.
    return people, 1.48 * np.median(np.abs(np.concatenate(residuals)), axis=0)


def save_model(walks: Path, out: Path) -> None:
    """Fits the walks of a file and writes the gait model."""
    people, residual = gait_features(walks)
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
        sys.exit("usage: python -m gaittake.sources.walkers.fit walks.npz out.npz")
    save_model(Path(sys.argv[1]), Path(sys.argv[2]))
