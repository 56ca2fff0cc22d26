"""Bodies of a broad adult population: both sexes, slim to heavy, long-legged to long-backed."""

import numpy as np

from gaittake.sources.walkers.body import GIRTHS, LENGTHS, NOMINAL_STATURE_M, Body

# Mean and standard deviation of adults' stature, metres: women, men.
STATURES = ((1.63, 0.068), (1.76, 0.074))
SHORTEST_M, TALLEST_M = 1.45, 2.02
FURTHEST = 2.5
# How far a woman's mean girths and breadths lie from a body of neither sex; a man's as far away.
SEX = {
    "shoulders": -0.045,
    "hips": 0.025,
    "pelvis_width": 0.045,
    "pelvis_depth": 0.03,
    "waist_width": -0.035,
    "chest_width": -0.045,
    "chest_depth": 0.02,
    "neck_radius": -0.08,
    "upper_arm_radius": -0.05,
    "wrist_radius": -0.06,
    "thigh_radius": 0.04,
    "head": 0.0,
    "foot": -0.02,
}
# Standard deviations of what varies together: build, share of the legs in the stature, breadth of
# the frame, the belly, the size of the head, and muscle on shoulders and arms.
LEAN, HEAVY, BUILD, LEGS, FRAME, BELLY, HEAD, MUSCLE = (
    -0.25,
    0.75,
    0.2,
    0.035,
    0.05,
    0.12,
    0.05,
    0.07,
)
OWN = 1.5  # each length and girth departs from these by so many of its published deviations


def draw_adult(rng: np.random.Generator) -> Body:
    """Returns a body of a broad adult population.

    Args:
        rng: draws the body.
    """

    def normal(deviation: float) -> float:
        return deviation * float(np.clip(rng.normal(), -FURTHEST, FURTHEST))

    woman = bool(rng.random() < 0.5)
    mean, deviation = STATURES[0 if woman else 1]
    stature = float(np.clip(mean + normal(deviation), SHORTEST_M, TALLEST_M))
    sex = normal(0.6) + (1.0 if woman else -1.0)
    # Heavy people lie further from the mean than slim ones.
    build = float(np.clip(np.expm1(normal(BUILD) + abs(normal(0.08))), LEAN, HEAVY))
    legs, frame, belly, head, muscle = (normal(d) for d in (LEGS, FRAME, BELLY, HEAD, MUSCLE))
    together = {
        "thigh": legs,
        "shank": legs,
        "trunk": -1.2 * legs,
        "neck": -0.5 * legs + normal(0.08),
        "head": head,
        "shoulders": frame + 0.5 * muscle,
        "hips": 0.6 * frame,
        "pelvis_width": 0.6 * frame,
        "waist_width": 0.4 * frame + 0.4 * belly,
        "chest_width": frame + 0.4 * muscle,
        "waist_depth": belly,
        "pelvis_depth": 0.35 * belly + normal(0.06),
        "chest_depth": 0.2 * belly + 0.5 * muscle,
        "upper_arm_radius": muscle,
        "neck_radius": muscle,
    }

    def factor(name: str, deviation: float) -> float:
        usual = 1 + SEX.get(name, 0.0) * sex + together.get(name, 0.0)
        return usual * (1 + normal(OWN * deviation))

    lengths = {n: stature * ratio * factor(n, own) for n, (ratio, own) in LENGTHS.items()}
    scale = stature / NOMINAL_STATURE_M
    girths = {
        name: scale * half_width * factor(name, own) * (1 + share * build)
        for name, (half_width, own, share) in GIRTHS.items()
    }
    return Body(stature=stature, lengths=lengths, girths=girths)
