"""Converts recordings to the skeleton's channels: directions of segments without lengths."""

import numpy as np

from gaittake.arrays import Float64s
from gaittake.sources.walkers.recorded import Clip
from gaittake.sources.walkers.skeleton import CHANNELS, LEVEL_HEAD_RAD

FLAT_FOOT_RAD = 0.35


def clip_channels(clip: Clip, fps: float) -> Float64s:
    """Returns the clip's channels `[frames, channel]` at `fps` frames per second.

    Only directions of segments, and the pelvis's motion in leg lengths, are kept; the recorded
    person's proportions are discarded.
    """
    count = len(clip.joints["l_hip"])
    times = np.arange(int((count - 1) / clip.fps * fps + 1e-6) + 1) / fps
    recorded = np.arange(count) / clip.fps
    at = {
        name: np.stack([np.interp(times, recorded, track[:, axis]) for axis in range(3)], -1)
        for name, track in clip.joints.items()
    }
    channels: dict[str, Float64s] = _midline(at, times)
    for prefix, side in (("l_", 1.0), ("r_", -1.0)):
        channels |= _limbs(at, prefix, side)
    return np.stack([channels[name] for name in CHANNELS], axis=1)


def _midline(at: dict[str, Float64s], times: Float64s) -> dict[str, Float64s]:
    hips, shoulders = at["l_hip"] - at["r_hip"], at["l_shoulder"] - at["r_shoulder"]
    pelvis = (at["l_hip"] + at["r_hip"]) / 2
    neck = (at["l_shoulder"] + at["r_shoulder"]) / 2
    leg = np.mean(
        [
            np.linalg.norm(at[f"{s}_{a}"] - at[f"{s}_{b}"], axis=1).mean()
            for s in "lr"
            for a, b in (("hip", "knee"), ("knee", "ankle"))
        ]
    )
    path = pelvis - np.stack([np.polyval(np.polyfit(times, p, 3), times) for p in pelvis.T], -1)
    path = path / (2 * leg)
    trunk = neck - pelvis
    head = at["head"] - at["neck"] if "head" in at and "neck" in at else None
    if "head" in at and head is None:
        head = at["head"] - neck
    zero = np.zeros(len(times))
    return {
        "pelvis_forward": path[:, 0],
        "pelvis_left": path[:, 1],
        "pelvis_up": path[:, 2],
        "hips_yaw": np.arctan2(-hips[:, 0], hips[:, 1]),
        "hips_roll": _elevation(hips, 2),
        "trunk_pitch": np.arctan2(trunk[:, 0], trunk[:, 2]),
        "trunk_roll": _elevation(trunk, 1),
        "shoulders_yaw": np.arctan2(-shoulders[:, 0], shoulders[:, 1]),
        "shoulders_roll": _elevation(shoulders, 2),
        "head_pitch": zero + LEVEL_HEAD_RAD if head is None else np.arctan2(head[:, 0], head[:, 2]),
        "head_roll": zero if head is None else _elevation(head, 1),
    }


def _elevation(direction: Float64s, axis: int) -> Float64s:
    """Returns the angle `[frames]` between a direction and the plane across an axis."""
    length = np.linalg.norm(direction, axis=1)
    angle: Float64s = np.arcsin(np.clip(direction[:, axis] / length, -1, 1))
    return angle


def _limbs(at: dict[str, Float64s], prefix: str, side: float) -> dict[str, Float64s]:
    def angles(upper: str, lower: str) -> tuple[Float64s, Float64s]:
        direction = at[prefix + lower] - at[prefix + upper]
        return np.arctan2(direction[:, 0], -direction[:, 2]), side * _elevation(direction, 1)

    arm, arm_out = angles("shoulder", "elbow")
    forearm, forearm_out = angles("elbow", "wrist")
    thigh, thigh_out = angles("hip", "knee")
    shank, shank_out = angles("knee", "ankle")
    if prefix + "toe" in at:
        foot = at[prefix + "toe"] - at[prefix + "ankle"]
        foot_pitch = np.arctan2(-foot[:, 2], np.hypot(foot[:, 0], 1e-9))
        foot_out = side * _elevation(foot, 1)
    else:
        # Without a toe, the foot follows the shin in swing and is flat in stance.
        foot_pitch = FLAT_FOOT_RAD - np.minimum(shank, 0.0) * 0.8
        foot_out = np.full_like(shank, 0.1)
    return {
        f"{prefix}upper_arm_pitch": arm,
        f"{prefix}upper_arm_out": arm_out,
        # An elbow bends in one direction; this range of angles avoids a jump at 180 degrees.
        f"{prefix}elbow_flexion": (forearm - arm + np.pi / 2) % (2 * np.pi) - np.pi / 2,
        f"{prefix}forearm_out": forearm_out,
        f"{prefix}thigh_pitch": thigh,
        f"{prefix}thigh_out": thigh_out,
        f"{prefix}knee_flexion": thigh - shank,
        f"{prefix}shank_out": shank_out,
        f"{prefix}foot_pitch": foot_pitch,
        f"{prefix}foot_out": foot_out,
    }
