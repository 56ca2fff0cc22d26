"""The skeleton's joints, and the channels (angles over time) that move them.

Axes: x is the walking direction, y the subject's left, z up; metres and radians. A channel is one
number per frame. A limb has a pitch (forward swing) and an `out` angle (away from the midline),
knees and elbows have a flexion, so that the limit of a joint is the limit of one channel.
"""

import numpy as np

from gaittake.arrays import Float64s
from gaittake.sources.walkers.body import Body

COCO = (
    "nose", "l_eye", "r_eye", "l_ear", "r_ear", "l_shoulder", "r_shoulder", "l_elbow", "r_elbow",
    "l_wrist", "r_wrist", "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle",
)  # fmt: skip
JOINTS = (*COCO, "pelvis", "neck", "head", "crown",
          "l_toe", "r_toe", "l_heel", "r_heel", "l_hand", "r_hand")  # fmt: skip
JOINT = {name: index for index, name in enumerate(JOINTS)}

MIDLINE = (
    "pelvis_forward", "pelvis_left", "pelvis_up",  # metres per metre of leg
    "hips_yaw", "hips_roll", "trunk_pitch", "trunk_roll",
    "shoulders_yaw", "shoulders_roll", "head_pitch", "head_roll",
)  # fmt: skip
LIMBS = (
    "upper_arm_pitch", "upper_arm_out", "elbow_flexion", "forearm_out",
    "thigh_pitch", "thigh_out", "knee_flexion", "shank_out", "foot_pitch", "foot_out",
)  # fmt: skip
CHANNELS = (*MIDLINE, *(f"{side}_{limb}" for side in "lr" for limb in LIMBS))
CHANNEL = {name: index for index, name in enumerate(CHANNELS)}
# Channels that change sign when mirrored; the limbs' channels swap sides instead.
SIDEWARD = ("pelvis_left", "hips_yaw", "hips_roll", "trunk_roll", "shoulders_yaw",
            "shoulders_roll", "head_roll")  # fmt: skip

# The centre of a level head is in front of the neck's base by about this angle.
LEVEL_HEAD_RAD = 0.15
LIMITS_RAD = {
    "knee_flexion": (0.0, 2.2),
    "elbow_flexion": (0.05, 2.3),
    "upper_arm_out": (-0.12, 0.6),
    "forearm_out": (-0.35, 0.7),
    "thigh_out": (-0.2, 0.35),
    "foot_pitch": (-0.8, 1.6),
}


def mirrored(channels: Float64s) -> Float64s:
    """Returns the channels `[..., channel]` of the same motion with left and right exchanged."""
    sides = {"l": "r", "r": "l"}
    order = [
        CHANNEL[name] if name in MIDLINE else CHANNEL[sides[name[0]] + name[1:]]
        for name in CHANNELS
    ]
    signs = np.array([-1.0 if name in SIDEWARD else 1.0 for name in CHANNELS])
    exchanged: Float64s = channels[..., order] * signs
    return exchanged


def within_limits(channels: Float64s) -> Float64s:
    """Returns channels `[frames, channel]` with every joint within human limits."""
    result = channels.copy()
    for name, (low, high) in LIMITS_RAD.items():
        columns = [CHANNEL[f"{side}_{name}"] for side in "lr"]
        result[:, columns] = np.clip(result[:, columns], low, high)
    return result


def _down(pitch: Float64s, out: Float64s, side: float) -> Float64s:
    """Returns directions `[frames, 3]` of a limb that hangs straight down at angle zero."""
    return np.stack(
        [np.sin(pitch) * np.cos(out), side * np.sin(out), -np.cos(pitch) * np.cos(out)], -1
    )


def _up(pitch: Float64s, roll: Float64s) -> Float64s:
    return np.stack([np.sin(pitch) * np.cos(roll), np.sin(roll), np.cos(pitch) * np.cos(roll)], -1)


def _leftward(yaw: Float64s, roll: Float64s) -> Float64s:
    return np.stack([-np.sin(yaw) * np.cos(roll), np.cos(yaw) * np.cos(roll), np.sin(roll)], -1)


def _foot(pitch: Float64s, out: Float64s, side: float) -> Float64s:
    return np.stack(
        [np.cos(pitch) * np.cos(out), side * np.sin(out), -np.sin(pitch) * np.cos(out)], -1
    )


def joint_positions(channels: Float64s, body: Body) -> Float64s:
    """Returns joints `[frames, joint, 3]` in metres, with the sole of the lower foot at z = 0.

    Args:
        channels: `[frames, channel]`, ordered as `CHANNELS`.
        body: bone lengths.
    """
    c = {name: channels[:, index] for name, index in CHANNEL.items()}
    size = body.lengths
    at: dict[str, Float64s] = {}
    at["pelvis"] = channels[:, :3] * body.leg
    hips = _leftward(c["hips_yaw"], c["hips_roll"]) * size["hips"] / 2
    at["neck"] = at["pelvis"] + _up(c["trunk_pitch"], c["trunk_roll"]) * size["trunk"]
    shoulders = _leftward(c["shoulders_yaw"], c["shoulders_roll"]) * size["shoulders"] / 2
    _add_head(at, c, size)
    for prefix, side in (("l_", 1.0), ("r_", -1.0)):
        at[prefix + "hip"] = at["pelvis"] + side * hips
        at[prefix + "shoulder"] = at["neck"] + side * shoulders
        _add_arm(at, c, size, prefix, side)
        _add_leg(at, c, size, prefix, side)
    joints = np.stack([at[name] for name in JOINTS], axis=1)
    soles = joints[:, [JOINT[n] for n in ("l_toe", "r_toe", "l_heel", "r_heel")], 2].min(axis=1)
    # One shift for the whole sequence, not one per frame, keeps the body's rise and fall.
    joints[:, :, 2] -= np.percentile(soles, 10)
    return joints


def _add_head(at: dict[str, Float64s], c: dict[str, Float64s], size: dict[str, float]) -> None:
    at["head"] = at["neck"] + _up(c["head_pitch"], c["head_roll"]) * size["neck"]
    up = _up(c["head_pitch"] - LEVEL_HEAD_RAD, c["head_roll"])
    front = np.array([1.0, 0.0, 0.0]) - up[:, :1] * up
    front /= np.linalg.norm(front, axis=1, keepdims=True)
    left = np.cross(up, front)
    h = size["head"]
    at["crown"] = at["head"] + 0.5 * h * up
    at["nose"] = at["head"] + 0.46 * h * front - 0.10 * h * up
    for prefix, side in (("l_", 1.0), ("r_", -1.0)):
        at[prefix + "eye"] = at["head"] + (0.39 * front + 0.06 * up + side * 0.14 * left) * h
        at[prefix + "ear"] = at["head"] + (side * 0.34 * left - 0.04 * up) * h


def _add_arm(
    at: dict[str, Float64s],
    c: dict[str, Float64s],
    size: dict[str, float],
    prefix: str,
    side: float,
) -> None:
    pitch = c[prefix + "upper_arm_pitch"]
    upper = _down(pitch, c[prefix + "upper_arm_out"], side)
    lower = _down(pitch + c[prefix + "elbow_flexion"], c[prefix + "forearm_out"], side)
    at[prefix + "elbow"] = at[prefix + "shoulder"] + upper * size["upper_arm"]
    at[prefix + "wrist"] = at[prefix + "elbow"] + lower * size["forearm"]
    at[prefix + "hand"] = at[prefix + "wrist"] + lower * size["hand"]


def _add_leg(
    at: dict[str, Float64s],
    c: dict[str, Float64s],
    size: dict[str, float],
    prefix: str,
    side: float,
) -> None:
    pitch = c[prefix + "thigh_pitch"]
    thigh = _down(pitch, c[prefix + "thigh_out"], side)
    shank = _down(pitch - c[prefix + "knee_flexion"], c[prefix + "shank_out"], side)
    foot = _foot(c[prefix + "foot_pitch"], c[prefix + "foot_out"], side)
    at[prefix + "knee"] = at[prefix + "hip"] + thigh * size["thigh"]
    at[prefix + "ankle"] = at[prefix + "knee"] + shank * size["shank"]
    # The sole is below the line from ankle to toe tip; the heel is behind the ankle.
    rise = np.arcsin(min(0.9, size["ankle_height"] / (0.75 * size["foot"])))
    flat = _foot(c[prefix + "foot_pitch"] - rise, c[prefix + "foot_out"], side)
    below = _foot(c[prefix + "foot_pitch"] - rise + np.pi / 2, c[prefix + "foot_out"], side)
    at[prefix + "toe"] = at[prefix + "ankle"] + foot * 0.75 * size["foot"]
    at[prefix + "heel"] = (
        at[prefix + "ankle"] + below * size["ankle_height"] - flat * 0.22 * size["foot"]
    )
