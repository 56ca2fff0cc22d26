"""Surfaces of coats and bags."""

from dataclasses import replace

import numpy as np

from gaittake.arrays import Float64s
from gaittake.sources.walkers.body import Body
from gaittake.sources.walkers.clothing import Coat, Outfit
from gaittake.sources.walkers.parts import Frame, Part, make_part


def skirt_part(frame: Frame, body: Body, coat: Coat) -> Part:
    """Returns the part of a coat below the waist; its hem spans the legs and lags behind them."""
    g = body.girths
    points = [_down_the_leg(frame, side, coat.hem) for side in ("l_", "r_")]
    front = np.stack([frame.hips_left[:, 1], -frame.hips_left[:, 0]], axis=-1)
    pelvis = frame.at("pelvis")
    reach = np.stack([((p - pelvis)[:, :2] * front).sum(axis=1) for p in points])
    low, high = _lagging(reach.min(axis=0)), _lagging(reach.max(axis=0))
    hem = pelvis.copy()
    hem[:, :2] += (0.45 * (low + high))[:, None] * front
    hem[:, 2] -= coat.hem * body.leg
    base = coat.width * (1 + (coat.flare - 1) * min(1.0, coat.hem / 0.6))
    depth = np.maximum(
        g["pelvis_depth"] * base, 0.42 * (high - low) + g["knee_radius"] * coat.width
    )
    wide = np.full(len(depth), g["pelvis_width"] * base)
    waist = pelvis + 0.3 * body.lengths["trunk"] * frame.up
    part = make_part(
        waist,
        hem,
        (g["waist_width"] * coat.width * 1.05, g["waist_depth"] * coat.width * 1.05),
        np.stack([wide, depth], axis=-1),
        frame.hips_left,
        coat.colour,
        caps=(0.3, 0.12),
    )
    # Cloth covers both thighs, including the one nearer to the camera.
    return replace(part, nearer=0.16, hides=False)


def _lagging(track: Float64s) -> Float64s:
    """Returns a track `[frames]` that follows another one with the inertia of cloth."""
    result = track.copy()
    for index in range(1, len(track)):
        result[index] = 0.45 * result[index - 1] + 0.55 * track[index]
    return result


def _down_the_leg(frame: Frame, side: str, share: float) -> Float64s:
    """Returns the point `[frames, 3]` at a share of the way from hip to ankle."""
    hip, knee, ankle = (frame.at(side + name) for name in ("hip", "knee", "ankle"))
    if share <= 0.5:
        return hip + share / 0.5 * (knee - hip)
    return knee + (share - 0.5) / 0.5 * (ankle - knee)


def bag_parts(frame: Frame, body: Body, outfit: Outfit) -> list[Part]:
    """Returns the parts of the bag, if the outfit has one."""
    makers = {"backpack": _backpack, "hand bag": _hand_bag, "shoulder bag": _shoulder_bag}
    if outfit.bag is None:
        return []
    return makers[outfit.bag](frame, body, outfit, outfit.bag_size * body.stature / 1.72)


def _backpack(frame: Frame, body: Body, outfit: Outfit, size: float) -> list[Part]:
    left = frame.shoulders_left
    front = np.cross(left, frame.up)
    gap = body.girths["chest_depth"] * outfit.trunk + 0.07 * size
    back = frame.at("neck") - gap * front
    low, high = back - 0.44 * size * frame.up, back - 0.10 * size * frame.up
    halves = (0.15 * size, 0.10 * size), (0.13 * size, 0.08 * size)
    return [make_part(low, high, *halves, left, outfit.bag_colour, caps=(0.4, 0.7))]


def _hand_bag(frame: Frame, body: Body, outfit: Outfit, size: float) -> list[Part]:
    hand = frame.at(("l_" if outfit.bag_left else "r_") + "hand")
    left, colour = frame.shoulders_left, outfit.bag_colour
    # It hangs straight down, independent of the arm.
    low, high = (hand - [0.0, 0.0, drop * size] for drop in (0.36, 0.12))
    halves = (0.05 * size, 0.15 * size), (0.06 * size, 0.17 * size)
    case = make_part(high, low, *halves, left, colour, caps=(0.15, 0.15))
    handle = make_part(hand, high, (0.012, 0.03), (0.012, 0.10 * size), left, colour)
    return [replace(case, nearer=0.02), replace(handle, hides=False)]


def _shoulder_bag(frame: Frame, body: Body, outfit: Outfit, size: float) -> list[Part]:
    g, colour, left = body.girths, outfit.bag_colour, frame.shoulders_left
    front = np.cross(left, frame.up)
    sign = 1.0 if outfit.bag_left else -1.0
    beside = sign * (g["pelvis_width"] * outfit.trunk + 0.05 * size)
    hip = frame.at("pelvis") + beside * frame.hips_left
    low, high = hip - 0.16 * size * frame.up, hip + 0.10 * size * frame.up
    halves = (0.07 * size, 0.17 * size), (0.055 * size, 0.15 * size)
    pouch = make_part(low, high, *halves, frame.hips_left, colour, caps=(0.2, 0.2))
    # The strap crosses the trunk from the other shoulder, in front and behind.
    shoulder = frame.at(("r_" if outfit.bag_left else "l_") + "shoulder") + 0.05 * frame.up
    top, thin = 0.75 * shoulder + 0.25 * frame.at("neck"), (0.014, 0.014)
    straps = [
        make_part(
            top + face * 0.6 * g["chest_depth"] * front,
            high + face * 0.5 * g["pelvis_depth"] * front,
            thin,
            thin,
            left,
            colour,
        )
        for face in (1.0, -1.0)
    ]
    return [replace(pouch, nearer=0.03), *(replace(s, hides=False, nearer=0.06) for s in straps)]
