"""Errors of predicted keypoints, compared with the differences between people.

python benchmarks/pose_signal.py results/walkers/cache.h5 201
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake.io.ragged import open_ragged
from gaittake.keypoints import MIRROR
from gaittake.sequence import view_title

Floats = npt.NDArray[np.float64]


def load(cache: Path, first_subject: int) -> tuple[pd.DataFrame, Floats, Floats]:
    """Returns the sequences from a subject on, and keypoints and truth in % of the body height."""
    with open_ragged(cache, kind="cache") as opened:
        table = opened.sequences
        table = table[table["subject"].astype(int) >= first_subject].reset_index(drop=True)
        first, count = int(table["first_frame"].min()), int(table["frame_count"].sum())
        found = [100 * opened.read(name, first, count)[..., :2] for name in ("keypoints", "truth")]
    table["first_frame"] -= first
    return table, found[0].astype(float), found[1].astype(float)


def share_exchanged(predicted: Floats, truth: Floats) -> float:
    """Returns the share of left-right pairs that are nearer to the truth if exchanged."""
    own = np.linalg.norm(predicted - truth, axis=2)
    other = np.linalg.norm(predicted[:, list(MIRROR)] - truth, axis=2)
    pairs = [left for left, right in enumerate(MIRROR) if left < right]
    twins = [MIRROR[left] for left in pairs]
    return float((other[:, pairs] + other[:, twins] < own[:, pairs] + own[:, twins]).mean())


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
    print(f"error of a keypoint, % of the body height: median {np.median(errors):.2f}")
    print(f"pairs with left and right exchanged: {share_exchanged(predicted, truth):.0%}\n")
    print("| view | people differ by | error of a sequence's mean pose | exchanged |")
    print("|---:|---:|---:|---:|")
    predicted_means, true_means = means(predicted, table), means(truth, table)
    for view, rows in table.groupby("view"):
        chosen = rows.index.to_numpy()
        frames = np.concatenate(
            [np.arange(a, a + n) for a, n in rows[["first_frame", "frame_count"]].to_numpy()]
        )
        between = true_means[chosen].std(axis=0).mean()
        wrong = (predicted_means - true_means)[chosen].std(axis=0).mean()
        exchanged = share_exchanged(predicted[frames], truth[frames])
        print(f"| {view_title(view)} | {between:.2f} | {wrong:.2f} | {exchanged:.0%} |")


if __name__ == "__main__":
    main()
