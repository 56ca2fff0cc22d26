"""Reads and checks motion capture.

The file is an `.npz` with `joints` (names), `parents`, `fps` and one array `[frames, joints, 3]`
per clip (metres, z up, walking towards +x). The `.csv` of the same name has a row per clip with at
least the columns clip, skeleton, subject and trial.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from gaittake.arrays import Float64s

NEEDED = tuple(
    f"{side}_{joint}"
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in "lr"
)
COLUMNS = ("clip", "skeleton", "subject", "trial")
NOT_CLIPS = ("joints", "parents", "fps")
SHORTEST_S = 1.0
FIRST_PROBE = 51  # number of the first sequence of the walks in no gallery
MOST_PROBES = 49  # nm-51 to nm-99
BONE_M = (0.05, 1.2)
BONES = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))


@dataclass(frozen=True)
class Clip:
    """One recording.

    Attributes:
        name: the clip's name in its file.
        skeleton: which skeleton the recording was fitted to.
        subject: the recorded person.
        trial: orders the clips of a subject.
        fps: frames per second.
        joints: positions `[frames, 3]` by joint name, metres.
    """

    name: str
    skeleton: str
    subject: str
    trial: str
    fps: float
    joints: dict[str, Float64s]


def read_clips(path: Path) -> list[Clip]:
    """Returns all clips of a file, in the table's order.

    Raises:
        ValueError: the file or its table is malformed; the message names file, clip and joint.
    """
    table = _read_table(path)
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    names, fps = _check_header(path, arrays)
    clips = []
    for row in table.to_dict("records"):
        clip = str(row["clip"])
        if clip not in arrays:
            raise ValueError(f"{path}: clip '{clip}' of the table is not in the file")
        positions = _check_clip(path, clip, arrays[clip], len(names), fps)
        joints = {name: positions[:, index] for index, name in enumerate(names)}
        who = (str(row["skeleton"]), str(row["subject"]), str(row["trial"]))
        clips.append(_check_body(path, Clip(clip, *who, fps, joints)))
    return clips


def _read_table(path: Path) -> pd.DataFrame:
    table_path = path.with_suffix(".csv")
    for needed in (path, table_path):
        if not needed.exists():
            raise ValueError(f"{needed}: motion capture needs this file, and it does not exist")
    table = pd.read_csv(table_path, dtype=str)
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise ValueError(f"{table_path}: columns {missing} are missing, it has {list(table)}")
    if table["clip"].duplicated().any() or table[list(COLUMNS)].isna().to_numpy().any():
        raise ValueError(f"{table_path}: each clip needs one row with {', '.join(COLUMNS)}")
    return table


def _check_header(
    path: Path, arrays: dict[str, npt.NDArray[np.generic]]
) -> tuple[list[str], float]:
    for name in NOT_CLIPS:
        if name not in arrays:
            raise ValueError(
                f"{path}: array '{name}' is missing; joints, parents, fps are required"
            )
    names = [str(name) for name in arrays["joints"].ravel()]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise ValueError(f"{path}: joints {missing} are missing, the file has {names}")
    if len(set(names)) != len(names):
        raise ValueError(f"{path}: the names of joints must be unique, 'joints' has {names}")
    if len(arrays["parents"].ravel()) != len(names):
        raise ValueError(
            f"{path}: {len(names)} joints need one parent each, "
            f"'parents' has {len(arrays['parents'].ravel())}"
        )
    fps = float(np.asarray(arrays["fps"], dtype=np.float64).reshape(-1)[0])
    if not 5 <= fps <= 1000:
        raise ValueError(f"{path}: fps must lie in 5 to 1000, it is {fps:g}")
    return names, fps


def _check_clip(
    path: Path, clip: str, array: npt.NDArray[np.generic], joints: int, fps: float
) -> Float64s:
    if array.ndim != 3 or array.shape[1:] != (joints, 3):
        raise ValueError(
            f"{path}: clip '{clip}' must be [frames, {joints}, 3], it is {list(array.shape)}"
        )
    if len(array) < SHORTEST_S * fps:
        raise ValueError(
            f"{path}: clip '{clip}' needs {SHORTEST_S:g} s ({int(np.ceil(SHORTEST_S * fps))} "
            f"frames at {fps:g} fps), it has {len(array)} frames"
        )
    positions = np.asarray(array, dtype=np.float64)
    if not np.isfinite(positions).all():
        raise ValueError(f"{path}: clip '{clip}' has positions that are not finite numbers")
    return positions


def _check_body(path: Path, clip: Clip) -> Clip:
    at = clip.joints
    for upper, lower in [(f"{s}_{a}", f"{s}_{b}") for s in "lr" for a, b in BONES]:
        length = float(np.median(np.linalg.norm(at[upper] - at[lower], axis=1)))
        if not BONE_M[0] < length < BONE_M[1]:
            raise ValueError(
                f"{path}: clip '{clip.name}': from {upper} to {lower} it is {length:.3g}, "
                f"but bones measure {BONE_M[0]:g} to {BONE_M[1]:g} m; positions must be in metres"
            )
    leg = at["l_hip"] - at["l_ankle"]
    if float(np.mean(leg[:, 2])) < 0.5 * float(np.mean(np.linalg.norm(leg, axis=1))):
        raise ValueError(
            f"{path}: clip '{clip.name}': l_hip must lie above l_ankle; z must point up"
        )
    if float(np.mean(at["l_hip"][:, 1] - at["r_hip"][:, 1])) <= 0:
        raise ValueError(
            f"{path}: clip '{clip.name}': l_hip must lie on the +y side of r_hip; "
            "the subject must walk towards +x"
        )
    return clip


def kept_clips(clips: list[Clip]) -> dict[str, list[Clip]]:
    """Returns the clips of each subject in order of trial, on the skeleton with most clips.

    Clips on other skeletons are skipped: their bone lengths would split one person into two.
    """
    people: dict[str, dict[str, list[Clip]]] = {}
    for clip in clips:
        people.setdefault(clip.subject, {}).setdefault(clip.skeleton, []).append(clip)
    return {
        subject: sorted(
            max(people[subject].items(), key=lambda item: (len(item[1]), item[0]))[1],
            key=lambda clip: (clip.trial, clip.name),
        )
        for subject in sorted(people)
    }


def recorded_walks(path: Path, *, halves: bool) -> dict[str, list[tuple[Clip, ...]]]:
    """Returns the walks of each test subject, sorted by trial; a test subject has two sequences.

    Args:
        path: the file.
        halves: whether each walk becomes two sequences; else it is one.

    Raises:
        ValueError: the file or its table is malformed, a walk is too short for two halves, or a
            subject has more sequences than there are numbers.
    """
    walks = {
        subject: [_halves(path, clip) if halves else (clip,) for clip in clips]
        for subject, clips in kept_clips(read_clips(path)).items()
    }
    most = MOST_PROBES // (2 if halves else 1) * 2
    for subject, found in walks.items():
        if len(found) > most:
            raise ValueError(
                f"{path}: subject {subject} has {len(found)} walks, at most {most} can be "
                f"numbered; remove rows from {path.with_suffix('.csv')}"
            )
    return {subject: found for subject, found in walks.items() if sum(map(len, found)) >= 2}


def _halves(path: Path, clip: Clip) -> tuple[Clip, ...]:
    """Returns both halves of a clip, which share no recorded frame."""
    frames = len(clip.joints["l_hip"])
    middle = frames // 2
    if middle < SHORTEST_S * clip.fps:
        raise ValueError(
            f"{path}: walkers.recorded_halves: each half of clip '{clip.name}' needs "
            f"{SHORTEST_S:g} s, the clip has {frames} frames at {clip.fps:g} fps; remove its row "
            f"from {path.with_suffix('.csv')}"
        )

    def part(which: str, frames: slice) -> Clip:
        joints = {name: track[frames] for name, track in clip.joints.items()}
        return replace(clip, name=f"{clip.name}, {which} half", joints=joints)

    return part("first", slice(middle)), part("second", slice(middle, None))
