"""The surface of a dressed person: trunk, head, arms and legs as tapered capsules."""

from dataclasses import replace

import numpy as np

from gaittake.arrays import Float64s
from gaittake.sources.walkers.attire import bag_parts, skirt_part
from gaittake.sources.walkers.body import Body
from gaittake.sources.walkers.clothing import Colour, Look, Outfit
from gaittake.sources.walkers.extras import extra_parts
from gaittake.sources.walkers.parts import Frame, Part, make_part, unit
from gaittake.sources.walkers.skeleton import JOINT


def figure_parts(joints: Float64s, body: Body, look: Look, outfit: Outfit) -> list[Part]:
    """Returns the parts of a dressed person.

    Args:
        joints: `[frames, joint, 3]` metres.
        body: lengths and girths.
        look: colours, hair and sleeves.
        outfit: clothes and bag.
    """
    hips_left = unit(joints[:, JOINT["l_hip"]] - joints[:, JOINT["r_hip"]])
    shoulders_left = unit(joints[:, JOINT["l_shoulder"]] - joints[:, JOINT["r_shoulder"]])
    up = unit(joints[:, JOINT["neck"]] - joints[:, JOINT["pelvis"]])
    frame = Frame(joints, shoulders_left, hips_left, up)
    top = outfit.coat.colour if outfit.coat else look.shirt
    parts = _trunk(frame, body, look, outfit, top) + _head(frame, body, look)
    for side in ("l_", "r_"):
        parts += _arm(frame, body, look, outfit, side, top) + _leg(frame, body, look, outfit, side)
    if outfit.coat:
        parts.append(skirt_part(frame, body, outfit.coat))
    if outfit.extras:
        parts += extra_parts(frame, body, look, outfit.extras)
    return parts + bag_parts(frame, body, outfit)


def _trunk(frame: Frame, body: Body, look: Look, outfit: Outfit, top: Colour) -> list[Part]:
    g, trunk = body.girths, body.lengths["trunk"]
    loose = outfit.trunk * (outfit.coat.width if outfit.coat else 1.0)
    hips, middle, ribs = (
        (g[f"{name}_width"] * loose, g[f"{name}_depth"] * loose)
        for name in ("pelvis", "waist", "chest")
    )
    collar = (0.62 * ribs[0], 0.62 * ribs[1])
    seat = frame.at("pelvis") - 0.03 * frame.up
    waist = frame.at("pelvis") + 0.32 * trunk * frame.up
    chest = frame.at("pelvis") + 0.78 * trunk * frame.up
    neck = frame.at("neck") + 0.01 * frame.up
    left = unit(frame.hips_left + frame.shoulders_left)
    lower = top if outfit.coat else look.trousers
    parts = [
        make_part(seat, waist, hips, middle, frame.hips_left, lower, caps=(0.6, 0.3)),
        make_part(waist, chest, middle, ribs, left, top, caps=(0.3, 0.55)),
        make_part(chest, neck, ribs, collar, frame.shoulders_left, top, caps=(0.3, 0.35)),
        _yoke(frame, g["upper_arm_radius"] * 1.12 * (1 + 0.6 * (loose - 1)), left, top),
    ]
    owns = ("l_shoulder", "r_shoulder", "l_hip", "r_hip")
    return [replace(part, owns=owns) for part in parts]


def _yoke(frame: Frame, radius: float, left: Float64s, colour: Colour) -> Part:
    """Returns the part between the shoulders."""
    ends = [frame.at("l_shoulder"), frame.at("r_shoulder")]
    inset = 0.10 * (ends[0] - ends[1])
    size = (radius, radius)
    part = make_part(ends[0] - inset, ends[1] + inset, size, size, left, colour)
    return replace(part, hides=False)


def _head(frame: Frame, body: Body, look: Look) -> list[Part]:
    h, throat = body.lengths["head"], (body.girths["neck_radius"],) * 2
    centre = frame.at("head")
    up = unit(frame.at("crown") - centre)
    left = unit(frame.at("l_ear") - frame.at("r_ear"))
    front = np.cross(left, up)

    def lump(
        start: tuple[float, float],
        stop: tuple[float, float],
        half_start: tuple[float, float],
        half_stop: tuple[float, float],
        colour: Colour,
    ) -> Part:
        """Returns a part; (up, front) and half-widths of both ends are in head heights."""
        ends = [centre + h * (u * up + f * front) for u, f in (start, stop)]
        halves = [(h * w, h * d) for w, d in (half_start, half_stop)]
        return make_part(ends[0], ends[1], halves[0], halves[1], left, colour)

    skull = lump((-0.24, 0.05), (0.13, 0.0), (0.25, 0.29), (0.335, 0.40), look.skin)
    if look.long_hair:
        hair = lump((-0.75, -0.14), (0.17, -0.14), (0.27, 0.16), (0.35, 0.33), look.hair)
    else:
        hair = lump((-0.12, -0.14), (0.17, -0.14), (0.26, 0.20), (0.35, 0.33), look.hair)
    fringe = lump((0.28, -0.06), (0.30, 0.10), (0.27, 0.22), (0.25, 0.20), look.hair)
    neck = make_part(
        frame.at("neck") - 0.02 * up, centre - 0.2 * h * up, throat, throat, left, look.skin
    )
    return [
        replace(neck, hides=False, nearer=-0.01),
        skull,
        replace(hair, hides=False, nearer=0.03),
        replace(fringe, hides=False, nearer=0.06),
    ]


def _arm(
    frame: Frame, body: Body, look: Look, outfit: Outfit, side: str, top: Colour
) -> list[Part]:
    g = body.girths
    loose = outfit.sleeves * (1.0 + 0.6 * (outfit.coat.width - 1.0) if outfit.coat else 1.0)
    bare = look.short_sleeves and outfit.coat is None
    shoulder, elbow, wrist = (frame.at(side + n) for n in ("shoulder", "elbow", "wrist"))
    upper, middle = g["upper_arm_radius"] * loose, g["elbow_radius"] * loose
    cuff = g["wrist_radius"] * (1.0 if bare else 1 + 0.8 * (loose - 1))
    if bare:
        middle = g["elbow_radius"]
    palm = 0.045 * body.stature / 1.72
    left = frame.shoulders_left
    chain = (side + "shoulder", side + "elbow", side + "wrist")
    reach = frame.at(side + "hand") - wrist
    knuckles, tips = (0.55 * palm, 0.8 * palm), (0.5 * palm, 0.7 * palm)
    parts = [
        make_part(shoulder, elbow, (upper, upper), (middle, middle), left, top),
        make_part(elbow, wrist, (middle, middle), (cuff, cuff), left, look.skin if bare else top),
        make_part(wrist + 0.2 * reach, wrist + 0.75 * reach, knuckles, tips, left, look.skin),
    ]
    return [replace(part, owns=chain) for part in parts]


def _leg(frame: Frame, body: Body, look: Look, outfit: Outfit, side: str) -> list[Part]:
    g, loose = body.girths, outfit.legs
    hip, knee, ankle = (frame.at(side + n) for n in ("hip", "knee", "ankle"))
    thigh, patella = g["thigh_radius"] * (0.5 + 0.5 * loose), g["knee_radius"] * loose
    calf, cuff = g["calf_radius"] * loose, g["ankle_radius"] * (1 + 1.6 * (loose - 1))
    bulge = knee + 0.3 * (ankle - knee)
    left = frame.hips_left
    chain = (side + "hip", side + "knee", side + "ankle")
    sole = 0.034 * body.stature / 1.72
    toe, heel = frame.at(side + "toe").copy(), frame.at(side + "heel").copy()
    toe[:, 2] += sole
    heel[:, 2] += sole * 1.15
    knee_half, calf_half = (patella, patella), (calf, calf * 1.06)
    ball, shoe = (sole * 1.1, sole * 0.8), look.shoes
    instep = heel + 0.45 * (toe - heel)
    parts = [
        make_part(hip, knee, (thigh, thigh * 1.05), knee_half, left, look.trousers),
        make_part(knee, bulge, knee_half, calf_half, left, look.trousers),
        make_part(bulge, ankle, calf_half, (cuff, cuff), left, look.trousers),
        make_part(heel, toe, (sole * 1.05, sole * 1.15), ball, left, shoe),
        make_part(ankle, instep, (sole * 1.1, sole * 1.1), (sole, sole), left, shoe),
    ]
    return [replace(part, owns=chain) for part in parts]
