"""Surfaces of hair, hats, hoods, collars, skirts, wide trousers and shoes."""

from dataclasses import replace

import numpy as np

from gaittake.arrays import Float64s
from gaittake.sources.walkers.attire import skirt_part
from gaittake.sources.walkers.body import Body
from gaittake.sources.walkers.clothing import Look
from gaittake.sources.walkers.parts import Frame, Part, make_part, unit
from gaittake.sources.walkers.wardrobe import Extras

DARK = (60.0, 60.0, 70.0)


def extra_parts(frame: Frame, body: Body, look: Look, extras: Extras) -> list[Part]:
    """Returns the parts of what is worn beside shirt, trousers and coat; none hides a keypoint."""
    parts = _hair(frame, body, look, extras) + _headwear(frame, body, extras)
    parts += _collar(frame, body, extras) + _below(frame, body, look, extras)
    return [replace(part, hides=False) for part in parts]


def _axes(frame: Frame) -> tuple[Float64s, Float64s, Float64s, Float64s]:
    """Returns the head's centre and its directions up, left and to the front."""
    centre = frame.at("head")
    up = unit(frame.at("crown") - centre)
    left = unit(frame.at("l_ear") - frame.at("r_ear"))
    return centre, up, left, np.cross(left, up)


def _hair(frame: Frame, body: Body, look: Look, extras: Extras) -> list[Part]:
    h = body.lengths["head"]
    centre, up, left, front = _axes(frame)
    wide, deep = 0.335 * h + extras.hair, 0.36 * h + extras.hair
    back = centre - 0.10 * h * front
    parts = [
        make_part(
            back - 0.05 * h * up,
            back + 0.18 * h * up,
            (wide * 0.95, deep * 0.9),
            (wide, deep),
            left,
            look.hair,
        )
    ]
    if extras.hair_length:
        low = back - (0.2 + extras.hair_length) * h * up - 0.1 * h * front
        size = (wide * 0.95, 0.5 * deep)
        parts.append(make_part(back, low, size, size, left, look.hair))
    if extras.bun:
        place = centre + (0.05 * up - 0.42 * front) * h - extras.bun * front
        size = (extras.bun, extras.bun)
        parts.append(make_part(place, place - 0.02 * up, size, size, left, look.hair))
    return [replace(part, nearer=0.03) for part in parts]


def _headwear(frame: Frame, body: Body, extras: Extras) -> list[Part]:
    h = body.lengths["head"]
    centre, up, left, front = _axes(frame)
    if extras.headwear is None:
        return []
    thick = extras.hair + 0.012
    wide, deep = 0.335 * h + thick, 0.40 * h + thick
    if extras.headwear == "hood":
        low, high = centre - (0.35 * up + 0.12 * front) * h, centre + (0.22 * up - 0.06 * front) * h
        return [make_part(low, high, (wide, deep * 1.05), (wide, deep * 1.1), left, DARK)]
    crown = 0.30 if extras.headwear == "beanie" else 0.34
    dome = make_part(
        centre + 0.12 * h * up, centre + crown * h * up, (wide, deep), (wide, deep), left, DARK
    )
    if extras.headwear == "beanie":
        return [dome]
    brim = centre + 0.17 * h * up
    if extras.headwear == "cap":
        ahead = brim + (0.40 * h + 0.09) * front - 0.02 * up
        return [dome, make_part(brim, ahead, (wide, 0.02), (0.7 * wide, 0.012), left, DARK)]
    disc = (wide + 0.07, deep + 0.07)
    return [dome, make_part(brim, brim + 0.012 * up, disc, disc, left, DARK, caps=(0.1, 0.1))]


def _collar(frame: Frame, body: Body, extras: Extras) -> list[Part]:
    if not extras.collar:
        return []
    low, high = frame.at("neck") - 0.02 * frame.up, frame.at("neck") + 0.07 * frame.up
    size = (extras.collar * body.stature / 1.72,) * 2
    return [make_part(low, high, size, size, frame.shoulders_left, DARK, caps=(0.4, 0.4))]


def _below(frame: Frame, body: Body, look: Look, extras: Extras) -> list[Part]:
    parts = []
    if extras.skirt is not None:
        parts.append(skirt_part(frame, body, extras.skirt))
    if extras.jacket:
        g, pelvis = body.girths, frame.at("pelvis")
        size = (g["pelvis_width"] * extras.jacket, g["pelvis_depth"] * extras.jacket)
        waist = (g["waist_width"] * extras.jacket, g["waist_depth"] * extras.jacket)
        hem = pelvis - 0.10 * frame.up
        top = pelvis + 0.35 * body.lengths["trunk"] * frame.up
        parts.append(
            make_part(hem, top, size, waist, frame.hips_left, look.shirt, caps=(0.15, 0.3))
        )
    for side in ("l_", "r_"):
        knee, ankle = frame.at(side + "knee"), frame.at(side + "ankle")
        if extras.skirt is None:
            left, cloth = frame.hips_left, look.trousers
            upper = (body.girths["calf_radius"] * (0.7 + 0.3 * extras.cuffs),) * 2
            lower = (min(0.15, body.girths["ankle_radius"] * extras.cuffs),) * 2
            start, stop = knee + 0.2 * (ankle - knee), knee + 1.04 * (ankle - knee)
            parts.append(make_part(start, stop, upper, lower, left, cloth, caps=(0.5, 0.2)))
        parts.append(_shoe(frame, body, look, extras, side))
    return parts


def _shoe(frame: Frame, body: Body, look: Look, extras: Extras, side: str) -> Part:
    toe, heel = frame.at(side + "toe"), frame.at(side + "heel")
    along = unit(toe - heel)
    half = 0.5 * (0.04 * body.stature / 1.72 + extras.sole)
    size = (0.045, half)
    # Soles grow downwards: thick ones make a person taller.
    shift = np.array([0.0, 0.0, half - extras.sole])
    start, stop = heel + shift, toe + extras.toe * along + shift
    return make_part(start, stop, size, size, frame.hips_left, look.shoes, caps=(0.6, 0.8))
