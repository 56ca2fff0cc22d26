"""Clothes of many kinds: a person's usual ones, and what changes in a sequence."""

from dataclasses import dataclass, replace

import numpy as np

from gaittake.sources.walkers.clothing import BAGS, Coat, Outfit, draw_outfit

HEADWEAR = ("cap", "brimmed hat", "beanie", "hood")
ALL_CHANGED, RARELY_CHANGED = 0.35, 0.15  # of the sequences, also trousers and shoes are others
COATS = 0.7  # of the sequences in other clothes


@dataclass(frozen=True)
class Extras:
    """What is worn beside shirt, trousers and coat.

    Attributes:
        hair: thickness of the hair, metres.
        hair_length: how far it falls below the ears, head heights; 0: short.
        bun: radius of hair tied behind the head, metres; 0: none.
        headwear: one of `HEADWEAR`, if any.
        collar: radius of a scarf or collar, metres; 0: none.
        skirt: worn instead of visible trousers, if any.
        cuffs: radius of the trousers' ends relative to tight ones.
        sole: thickness of the soles, metres.
        toe: by how much the shoes lengthen the feet, metres.
        jacket: depth and width of an open jacket's hem relative to the pelvis; 0: none.
        posture: `free`, `left pocket`, `right pocket`, `pockets`, `folded` or `phone`.
    """

    hair: float
    hair_length: float
    bun: float
    headwear: str | None
    collar: float
    skirt: Coat | None
    cuffs: float
    sole: float
    toe: float
    jacket: float
    posture: str


def draw_wardrobe(rng: np.random.Generator) -> Outfit:
    """Returns what a person usually wears."""
    usual = draw_outfit("nm", rng)
    trunk, sleeves, legs = (1 + float(rng.gamma(1.5, s)) for s in (0.05, 0.12, 0.09))
    extras = Extras(
        hair=float(rng.gamma(2.0, 0.009)),
        hair_length=float(rng.uniform(0.2, 1.1)) if rng.random() < 0.35 else 0.0,
        bun=float(rng.uniform(0.03, 0.07)) if rng.random() < 0.12 else 0.0,
        headwear=_headwear(rng, 0.08),
        collar=_collar(rng, 0.15),
        skirt=_skirt(rng) if rng.random() < 0.08 else None,
        cuffs=1 + float(rng.gamma(1.3, 0.3)),
        sole=float(rng.gamma(1.5, 0.009)),
        toe=float(rng.gamma(1.5, 0.012)),
        jacket=_hem(rng),
        posture="free",
    )
    return replace(
        usual,
        trunk=min(trunk, 1.35),
        sleeves=min(sleeves, 1.8),
        legs=min(legs, 1.6),
        coat=_jacket(rng) if rng.random() < 0.1 else None,
        extras=extras,
    )


def draw_clothes(condition: str, usual: Outfit, rng: np.random.Generator) -> Outfit:
    """Returns what is worn and carried in one sequence.

    Most people keep their trousers and shoes on when they put on a coat, and some change all.

    Args:
        condition: `nm` (mostly the usual clothes), `bg` (with a bag) or `cl` (another top, often a
            coat or a hat).
        usual: from `draw_wardrobe`.
        rng: of this sequence.
    """
    drawn = draw_outfit(condition, rng)
    other = draw_wardrobe(rng)
    assert usual.extras is not None
    assert other.extras is not None
    everything = rng.random() < (ALL_CHANGED if condition == "cl" else RARELY_CHANGED)
    kept, extras = (other, other.extras) if everything else (usual, usual.extras)
    if condition == "cl":
        coat = replace(drawn.coat, width=1 + float(rng.gamma(3.0, 0.07))) if drawn.coat else None
        kept = replace(
            kept,
            trunk=other.trunk,
            sleeves=other.sleeves,
            coat=coat if rng.random() < COATS else other.coat,
        )
        extras = replace(
            extras,
            headwear=_headwear(rng, 0.3),
            collar=_collar(rng, 0.35),
            jacket=other.extras.jacket,
        )
    bag = (drawn.bag, drawn.bag_left, drawn.bag_size)
    if condition == "cl" and rng.random() < 0.2:
        bag = (other_bag(rng), drawn.bag_left, drawn.bag_size)
    # The same clothes fall a little differently.
    trunk, sleeves, legs = rng.normal(1.0, 0.02, size=3)
    return replace(
        kept,
        trunk=kept.trunk * float(trunk),
        sleeves=kept.sleeves * float(sleeves),
        legs=kept.legs * float(legs),
        bag=bag[0],
        bag_left=bag[1],
        bag_size=bag[2],
        extras=replace(extras, posture=_posture(rng)),
    )


def other_bag(rng: np.random.Generator) -> str:
    """Returns one of the kinds of bags."""
    return BAGS[int(rng.integers(len(BAGS)))]


def _headwear(rng: np.random.Generator, share: float) -> str | None:
    return HEADWEAR[int(rng.integers(len(HEADWEAR)))] if rng.random() < share else None


def _collar(rng: np.random.Generator, share: float) -> float:
    return float(rng.uniform(0.06, 0.10)) if rng.random() < share else 0.0


def _hem(rng: np.random.Generator) -> float:
    return float(rng.uniform(1.05, 1.35)) if rng.random() < 0.25 else 0.0


def _posture(rng: np.random.Generator) -> str:
    kinds = ("left pocket", "right pocket", "pockets", "folded", "phone")
    return str(rng.choice(kinds)) if rng.random() < 0.15 else "free"


def _jacket(rng: np.random.Generator) -> Coat:
    level = float(rng.uniform(25, 170))
    return Coat(
        hem=float(rng.uniform(0.1, 0.3)),
        width=1.2,
        flare=float(rng.uniform(1.0, 1.2)),
        colour=(level, level, level),
    )


def _skirt(rng: np.random.Generator) -> Coat:
    level = float(rng.uniform(25, 200))
    return Coat(
        hem=float(rng.uniform(0.3, 0.95)),
        width=float(rng.uniform(1.0, 1.15)),
        flare=float(rng.uniform(1.0, 1.6)),
        colour=(level, 0.8 * level, level),
    )
