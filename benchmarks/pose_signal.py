"""Errors of predicted keypoints, compared with the differences between people.

python benchmarks/pose_signal.py results/walkers/cache.h5 201
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake.io.ragged import open_ragged
from gaittake.sequence import view_title

Floats = npt.NDArray[np.float64]
KNEES_ANKLES = ((13, 15), (14, 16))
ANKLES = (15, 16)


def load(cache: Path, first_subject: int) -> tuple[pd.DataFrame, Floats, Floats]:
    """Returns the sequences from a subject on, and keypoints and truth in % of the body height."""
    with open_ragged(cache, kind="cache") as opened:
        table = opened.sequences
        table = table[table["subject"].astype(int) >= first_subject].reset_index(drop=True)
        first, count = int(table["first_frame"].min()), int(table["frame_count"].sum())
        found = [100 * opened.read(name, first, count)[..., :2] for name in ("keypoints", "truth")]
    table["first_frame"] -= first
    return table, found[0].astype(float), found[1].astype(float)


def exchanged(predicted: Floats, truth: Floats) -> npt.NDArray[np.bool_]:
    """Returns `[frames]`: whether knees and ankles are nearer to the truth if exchanged."""
    left, right = list(KNEES_ANKLES[0]), list(KNEES_ANKLES[1])
    own = np.linalg.norm(predicted[:, left + right] - truth[:, left + right], axis=2).sum(axis=1)
    other = np.linalg.norm(predicted[:, right + left] - truth[:, left + right], axis=2).sum(axis=1)
    return np.asarray(other < own)


def means(keypoints: Floats, table: pd.DataFrame) -> Floats:
    """Returns `[sequences, 17, 2]`: each sequence's mean pose."""
    return np.stack(
        [
            keypoints[first : first + n].mean(axis=0)
            for first, n in table[["first_frame", "frame_count"]].to_numpy()
        ]
    )


def main() -> None:
    """Prints a row for each view."""
    table, predicted, truth = load(Path(sys.argv[1]), int(sys.argv[2]))
    errors = np.linalg.norm(predicted - truth, axis=2)
    print(f"error of a keypoint, % of the body height: median {np.median(errors):.2f}\n")
    print(
        "| view | people differ by | error of a sequence's mean pose | slope | error of an ankle | "
        "legs exchanged | exchanged within a sequence |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    predicted_means, true_means = means(predicted, table), means(truth, table)
    for view, rows in table.groupby("view"):
        chosen = rows.index.to_numpy()
        spans = [slice(a, a + n) for a, n in rows[["first_frame", "frame_count"]].to_numpy()]
        frames = np.concatenate([np.arange(span.start, span.stop) for span in spans])
        between = true_means[chosen].std(axis=0).mean()
        wrong = (predicted_means - true_means)[chosen].std(axis=0).mean()
        # 1 if predicted people differ as much as the true ones; a detector makes them more alike.
        true, found = (
            each[chosen] - each[chosen].mean(axis=0) for each in (true_means, predicted_means)
        )
        slope = (true * found).sum() / (true**2).sum()
        shares = np.array([exchanged(predicted[span], truth[span]).mean() for span in spans])
        within = np.minimum(shares, 1 - shares).mean()
        ankle = errors[frames][:, ANKLES].mean()
        print(
            f"| {view_title(view)} | {between:.2f} | {wrong:.2f} | {slope:.2f} | {ankle:.1f} | "
            f"{shares.mean():.0%} | {within:.0%} |"
        )


if __name__ == "__main__":
    main()
