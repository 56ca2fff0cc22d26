"""Clothing of the subjects: colours, loose or tight clothes, coats, bags."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from gaittake.sources.walkers.wardrobe import Extras

BAGS = ("shoulder bag", "backpack", "hand bag")
Colour = tuple[float, float, float]  # blue, green, red, 0 to 255


@dataclass(frozen=True)
class Look:
    """The constant look of a subject: colours of skin, hair, and everyday clothes."""

    skin: Colour
    hair: Colour
    shirt: Colour
    trousers: Colour
    shoes: Colour
    long_hair: bool
    short_sleeves: bool


@dataclass(frozen=True)
class Coat:
    """A coat.

    Attributes:
        hem: its lower end along the leg: 0 at the hip, 0.5 at the knee, 1 at the ankle.
        width: girth relative to the body's.
        flare: width of the hem relative to the waist.
        colour: of its cloth.
    """

    hem: float
    width: float
    flare: float
    colour: Colour


@dataclass(frozen=True)
class Outfit:
    """The clothes and the bag of one sequence.

    Attributes:
        trunk: girth of the clothed trunk relative to the body's.
        sleeves: the same for the arms.
        legs: the same for the legs.
        coat: worn over it, if any.
        bag: one of `BAGS`, if any.
        bag_left: whether it is carried on the left.
        bag_size: relative to an ordinary one.
        bag_colour: of the bag.
        extras: what a broad wardrobe adds.
    """

    trunk: float
    sleeves: float
    legs: float
    coat: Coat | None
    bag: str | None
    bag_left: bool
    bag_size: float
    bag_colour: Colour
    extras: "Extras | None" = None


def draw_look(rng: np.random.Generator) -> Look:
    """Returns the colours of one subject."""
    tone = rng.uniform(0.35, 1.0)
    skin = (150.0 * tone, 180.0 * tone, 225.0 * tone)
    hair = tuple(float(v) for v in np.array([30, 45, 65]) * rng.uniform(0.3, 2.2))
    return Look(
        skin=skin,
        hair=(hair[0], hair[1], hair[2]),
        shirt=_cloth(rng, 50, 220),
        trousers=_cloth(rng, 25, 130),
        shoes=_cloth(rng, 15, 90),
        long_hair=bool(rng.random() < 0.4),
        short_sleeves=bool(rng.random() < 0.4),
    )


def draw_outfit(condition: str, rng: np.random.Generator) -> Outfit:
    """Returns the outfit of one sequence, which is independent of the subject.

    Args:
        condition: `nm`, `bg` (a bag) or `cl` (a coat).
        rng: the generator of this sequence.
    """
    coat = _draw_coat(rng)
    bag = BAGS[int(rng.integers(len(BAGS)))]
    trunk, sleeves, legs = (float(v) for v in rng.uniform(1.0, [1.14, 1.3, 1.22]))
    return Outfit(
        trunk=trunk,
        sleeves=sleeves,
        legs=legs,
        coat=coat if condition == "cl" else None,
        bag=bag if condition == "bg" else None,
        bag_left=bool(rng.random() < 0.5),
        bag_size=float(rng.uniform(0.85, 1.2)),
        bag_colour=_cloth(rng, 20, 150),
    )


def _draw_coat(rng: np.random.Generator) -> Coat:
    return Coat(
        hem=float(rng.uniform(0.16, 0.80)),
        width=float(rng.uniform(1.20, 1.55)),
        flare=float(rng.uniform(1.0, 1.35)),
        colour=_cloth(rng, 25, 170),
    )


def _cloth(rng: np.random.Generator, low: float, high: float) -> Colour:
    level, tint = rng.uniform(low, high), rng.uniform(0.55, 1.3, size=3)
    values: npt.NDArray[np.float64] = np.clip(level * tint, 8, 245)
    return float(values[0]), float(values[1]), float(values[2])
