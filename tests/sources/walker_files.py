"""Writes synthetic motion capture in the format of the recordings."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake.sources.walkers.body import draw_body
from gaittake.sources.walkers.gait import draw_person, draw_stride, load_model, stride_channels
from gaittake.sources.walkers.recorded import NEEDED
from gaittake.sources.walkers.skeleton import JOINT, joint_positions

Floats = npt.NDArray[np.float64]
EXTRA = ("neck", "head", "l_toe", "r_toe")


def clip_positions(person: int, trial: int, *, frames: int = 90, fps: float = 30.0) -> Floats:
    """Returns joints `[frames, joint, 3]` of a generated person walking forwards."""
    model, body = load_model(), draw_body(np.random.default_rng(0))
    drawn = draw_person(model, np.random.default_rng([1, person]))
    rng = np.random.default_rng([2, person, trial])
    channels = stride_channels(model, draw_stride(model, drawn, rng), frames, fps, rng)
    joints = joint_positions(channels, body)
    joints[:, :, 0] += 1.2 * np.arange(frames)[:, None] / fps
    return joints


def write_clips(
    folder: Path,
    counts: dict[str, int],
    *,
    names: tuple[str, ...] = NEEDED + EXTRA,
    frames: int = 90,
    fps: float = 30.0,
) -> Path:
    """Writes `walks.npz` and its table with this number of clips per subject."""
    order = [JOINT[name] for name in names]
    rows, clips = [], {}
    for person, (subject, count) in enumerate(counts.items()):
        for trial in range(count):
            clip = f"{subject}_{trial:02d}"
            joints = clip_positions(person, trial, frames=frames, fps=fps)[:, order]
            clips[clip] = joints.astype(np.float32)
            rows.append(
                {"clip": clip, "skeleton": "s", "subject": subject, "trial": f"{trial:02d}"}
            )
    path = folder / "walks.npz"
    parents = np.full(len(names), -1, np.int16)
    np.savez(path, joints=np.array(names), parents=parents, fps=np.float32(fps), **clips)  # type: ignore[arg-type]
    pd.DataFrame(rows).to_csv(path.with_suffix(".csv"), index=False)
    return path


def rewrite(path: Path, **changes: npt.NDArray[np.generic] | None) -> None:
    """Changes or removes arrays of an `.npz`."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changes
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})  # type: ignore[arg-type]
