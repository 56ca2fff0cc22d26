"""Ways of walking beyond the fitted model's: stoop, swing of the arms, feet, bounce, speed.

The fitted model spans what thirteen recorded people did. A style moves and scales single channels
of a gait, so that people differ in more ways; each sequence departs a little from its person's.
"""

from dataclasses import dataclass

import numpy as np

from gaittake.arrays import Float64s
from gaittake.sources.walkers.skeleton import CHANNEL
from gaittake.sources.walkers.stride import Stride

FURTHEST = 2.5
# Standard deviations between people where `spread` is AT_SPREAD: of offsets in radians, of
# amplitudes as logarithms.
AT_SPREAD = 1.4
OFFSETS = {
    "trunk_pitch": 0.07,
    "head_pitch": 0.14,
    "upper_arm_pitch": 0.12,
    "elbow_flexion": 0.22,
    "upper_arm_out": 0.07,
    "forearm_out": 0.07,
    "thigh_out": 0.025,
    "knee_flexion": 0.06,
    "thigh_pitch": 0.03,
    "foot_pitch": 0.05,
    "foot_out": 0.10,
}
AMPLITUDES = {
    "pelvis_forward": 0.3,
    "pelvis_left": 0.35,
    "pelvis_up": 0.3,
    "hips_yaw": 0.4,
    "hips_roll": 0.35,
    "trunk_pitch": 0.35,
    "trunk_roll": 0.4,
    "shoulders_yaw": 0.4,
    "shoulders_roll": 0.35,
    "head_pitch": 0.4,
    "head_roll": 0.4,
    "upper_arm_pitch": 0.45,
    "elbow_flexion": 0.4,
    "thigh_pitch": 0.11,
    "knee_flexion": 0.12,
    "foot_pitch": 0.15,
}
CADENCE = 0.07
UNEVEN = 0.35  # share of a limb's departure that is the side's own
WITHIN = 0.3  # of a sequence's departure from its person


@dataclass(frozen=True)
class Style:
    """Departures from a gait.

    Attributes:
        offsets: `[channel]` radians.
        amplitudes: `[channel]` logarithms of factors.
        cadence: logarithm of a factor.
    """

    offsets: Float64s
    amplitudes: Float64s
    cadence: float


def draw_style(rng: np.random.Generator, *, spread: float) -> Style:
    """Returns the style of one person.

    Args:
        rng: source of randomness.
        spread: differences between people, as in the settings of the dataset.
    """
    scale = spread / AT_SPREAD
    return Style(
        scale * _departures(OFFSETS, rng),
        scale * _departures(AMPLITUDES, rng),
        scale * CADENCE * _normals(1, rng)[0],
    )


def sequence_style(style: Style, rng: np.random.Generator, *, spread: float) -> Style:
    """Returns a person's style in one sequence, see `draw_style`."""
    own = draw_style(rng, spread=spread)
    return Style(
        style.offsets + WITHIN * own.offsets,
        style.amplitudes + WITHIN * own.amplitudes,
        style.cadence + WITHIN * own.cadence,
    )


def styled(stride: Stride, style: Style) -> Stride:
    """Returns a stride in a style."""
    terms = stride.terms.copy()
    terms[:, 1:] *= np.exp(style.amplitudes)[:, None]
    terms[:, 0] += style.offsets
    cadence = float(np.clip(stride.cadence * np.exp(style.cadence), 0.5, 1.35))
    return Stride(cadence, terms)


def posed(channels: Float64s, posture: str) -> Float64s:
    """Returns channels `[frames, channel]` of the same walk with arms that do something.

    Args:
        channels: of a walk whose arms swing freely.
        posture: see `gaittake.sources.walkers.wardrobe.Extras`.
    """
    result = channels.copy()
    arms = {"left pocket": "l", "right pocket": "r", "pockets": "lr", "phone": "r", "folded": "lr"}
    pitch, elbow, out, inward = {
        "phone": (0.3, 1.9, 0.1, -0.2),
        "folded": (0.35, 1.5, 0.2, -0.35),
    }.get(posture, (-0.25, 0.65, 0.22, -0.1))
    for side in arms.get(posture, ""):
        held = {"upper_arm_pitch": pitch, "elbow_flexion": elbow, "upper_arm_out": out}
        for name, value in (held | {"forearm_out": inward}).items():
            column = CHANNEL[f"{side}_{name}"]
            result[:, column] = value + 0.15 * (result[:, column] - result[:, column].mean())
    return result


def _departures(deviations: dict[str, float], rng: np.random.Generator) -> Float64s:
    found = np.zeros(len(CHANNEL))
    for name, deviation in deviations.items():
        if name in CHANNEL:
            found[CHANNEL[name]] = deviation * _normals(1, rng)[0]
            continue
        both, left, right = deviation * _normals(3, rng)
        found[CHANNEL["l_" + name]] = both + UNEVEN * left
        found[CHANNEL["r_" + name]] = both + UNEVEN * right
    return found


def _normals(count: int, rng: np.random.Generator) -> Float64s:
    return np.clip(rng.normal(size=count), -FURTHEST, FURTHEST)
