"""Likelihood of held-out people under the gait model; the basis of the shares in `walkers/fit.py`.

The variance between people is a mixture of three parts: along the recorded people, along the
differences between one person's walks, and independent features. For each mixture and each
recorded person, the model is fitted to all others, and the Gaussian log-likelihood of this person's
mean walk is computed. The output is the mean per feature in nats, minus that of independent
features.

    python benchmarks/gait_shares.py data/cmu_walks.npz
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gaittake.sources.walkers import fit
from gaittake.sources.walkers.gait import one_side
from gaittake.sources.walkers.stride import FEATURES

Floats = npt.NDArray[np.float64]
# Shares of people, walks, independent features.
MIXTURES = [
    (0.0, 0.0, 1.0),
    (0.2, 0.1, 0.7),
    (0.3, 0.0, 0.7),
    (0.3, 0.1, 0.6),
    (0.3, 0.2, 0.5),
    (0.4, 0.1, 0.5),
    (0.5, 0.0, 0.5),
    (0.7, 0.0, 0.3),
]


def covariance(model: dict[str, Floats], walks: int) -> Floats:
    """Returns the covariance `[feature, feature]` of a person's mean over some walks."""
    total = model["between"].T @ model["between"]
    for sign, side in zip((1.0, -1.0), model["sides"], strict=True):
        rows = np.stack([one_side(row, sign) for row in np.eye(FEATURES)]) * side
        total += rows.T @ rows
    within = model["within"].T @ model["within"] + np.diag(np.square(model["within_own"]))
    ridge = 1e-9 * np.trace(total) / FEATURES
    return np.asarray(total + within / walks + ridge * np.eye(FEATURES))


def likelihood(people: dict[str, Floats]) -> float:
    """Returns the mean log-likelihood per feature of each person under the model of the others."""
    values = []
    for name, walks in people.items():
        model = fit.fit_population({n: w for n, w in people.items() if n != name})
        matrix = covariance(model, len(walks))
        off = walks.mean(axis=0) - model["mean"]
        _, logarithm = np.linalg.slogdet(matrix)
        values.append(-0.5 * (logarithm + off @ np.linalg.solve(matrix, off)))
    return float(np.mean(values)) / FEATURES


def main() -> None:
    """Prints a row for each mixture."""
    people, _ = fit.gait_features(Path(sys.argv[1]))
    found = []
    for mixture in MIXTURES:
        fit.SHARE_PEOPLE, fit.SHARE_WALKS, fit.SHARE_OWN = mixture
        found.append(likelihood(people))
    print(f"{len(people)} people, {FEATURES} features")
    print("people  walks    own   nats")
    for mixture, value in zip(MIXTURES, found, strict=True):
        print(*(f"{share:6.2f}" for share in mixture), f"{value - found[0]:+.4f}")


if __name__ == "__main__":
    main()
