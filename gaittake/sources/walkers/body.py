"""Body shapes: bone lengths and girths from published anthropometric ratios.

Lengths are fractions of stature after Drillis and Contini (1966), as reprinted in Winter,
Biomechanics and Motor Control of Human Movement, figure 4.1; each person deviates from them by a
few percent. Girths are half-widths of cross-sections, scaled by one build for the whole body.
"""

from dataclasses import dataclass

import numpy as np

STATURE_M = (1.50, 1.95)
NOMINAL_STATURE_M = 1.72

# Fraction of stature, and the relative standard deviation between adults.
LENGTHS: dict[str, tuple[float, float]] = {
    "thigh": (0.245, 0.035),
    "shank": (0.246, 0.035),
    "ankle_height": (0.039, 0.05),
    "foot": (0.152, 0.04),
    # Between joint centres: Winter's 0.191 and 0.259 are the outer breadths.
    "hips": (0.105, 0.07),
    "shoulders": (0.225, 0.06),
    "trunk": (0.288, 0.03),
    "neck": (0.115, 0.05),
    "upper_arm": (0.186, 0.035),
    "forearm": (0.146, 0.035),
    "hand": (0.085, 0.04),
    "head": (0.130, 0.03),
}
# Half-width in metres at nominal stature and build, relative standard deviation, and how strongly
# the build affects it: fat and muscle sit on trunk and thighs rather than on wrists and shins.
GIRTHS: dict[str, tuple[float, float, float]] = {
    "pelvis_width": (0.165, 0.04, 0.7),
    "pelvis_depth": (0.115, 0.06, 1.0),
    "waist_width": (0.140, 0.05, 1.0),
    "waist_depth": (0.106, 0.08, 1.4),
    "chest_width": (0.160, 0.04, 0.7),
    "chest_depth": (0.118, 0.06, 0.8),
    "neck_radius": (0.056, 0.05, 0.5),
    "upper_arm_radius": (0.048, 0.06, 0.8),
    "elbow_radius": (0.040, 0.05, 0.5),
    "wrist_radius": (0.028, 0.04, 0.3),
    "thigh_radius": (0.086, 0.05, 0.8),
    "knee_radius": (0.058, 0.04, 0.5),
    "calf_radius": (0.057, 0.05, 0.6),
    "ankle_radius": (0.038, 0.04, 0.3),
}


@dataclass(frozen=True)
class Body:
    """One body shape, in metres.

    Attributes:
        stature: body height, metres.
        lengths: bone lengths by the names of `LENGTHS`, metres.
        girths: half-widths of cross-sections by the names of `GIRTHS`, metres.
    """

    stature: float
    lengths: dict[str, float]
    girths: dict[str, float]

    @property
    def leg(self) -> float:
        """Hip to ankle, metres: the unit of the pelvis's motion."""
        return self.lengths["thigh"] + self.lengths["shank"]


def draw_body(rng: np.random.Generator, *, spread: float = 1.0) -> Body:
    """Returns a body drawn from the ranges above, independent of sex.

    Args:
        rng: source of randomness.
        spread: variation of proportions and build, relative to the published one.
    """
    stature = float(np.clip(rng.normal(NOMINAL_STATURE_M, 0.095), *STATURE_M))
    build = spread * float(np.clip(rng.normal(0.0, 0.13), -0.22, 0.32))
    lengths = {
        name: stature * ratio * float(1 + spread * deviation * np.clip(rng.normal(), -2.5, 2.5))
        for name, (ratio, deviation) in LENGTHS.items()
    }
    scale = stature / NOMINAL_STATURE_M
    girths = {
        name: scale
        * half_width
        * float((1 + spread * deviation * np.clip(rng.normal(), -2.5, 2.5)) * (1 + share * build))
        for name, (half_width, deviation, share) in GIRTHS.items()
    }
    return Body(stature=stature, lengths=lengths, girths=girths)
