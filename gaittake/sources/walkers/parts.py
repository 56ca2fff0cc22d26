"""The parts of a figure: tapered capsules with elliptical cross-sections, in metres."""

from dataclasses import dataclass

import numpy as np

from gaittake.arrays import Float64s
from gaittake.sources.walkers.clothing import Colour
from gaittake.sources.walkers.skeleton import JOINT


@dataclass(frozen=True)
class Part:
    """One tapered capsule.

    Attributes:
        ends: `[frames, 2, 3]` metres.
        half: `[frames, 2, 2]`: half-width (to the left) and half-depth (to the front) at both ends.
        left: `[frames, 3]`: the direction of the width.
        caps: bulge of each end: 0 is flat, 1 a hemisphere.
        colour: blue, green, red.
        nearer: metres by which its painting order is moved towards the camera.
        owns: joints inside the part, which it does not hide.
        hides: whether it hides joints behind it.
    """

    ends: Float64s
    half: Float64s
    left: Float64s
    caps: tuple[float, float]
    colour: Colour
    nearer: float = 0.0
    owns: tuple[str, ...] = ()
    hides: bool = True


@dataclass(frozen=True)
class Frame:
    """Joints `[frames, joint, 3]` and the axes `[frames, 3]` of shoulders, hips and trunk."""

    joints: Float64s
    shoulders_left: Float64s
    hips_left: Float64s
    up: Float64s

    def at(self, name: str) -> Float64s:
        """Returns one joint's track `[frames, 3]`."""
        return self.joints[:, JOINT[name]]


def unit(vectors: Float64s) -> Float64s:
    """Returns vectors `[..., 3]` of length 1."""
    result: Float64s = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return result


def make_part(
    start: Float64s,
    stop: Float64s,
    half_start: Float64s | tuple[float, float],
    half_stop: Float64s | tuple[float, float],
    left: Float64s,
    colour: Colour,
    *,
    caps: tuple[float, float] = (1.0, 1.0),
) -> Part:
    """Returns a part between two tracks `[frames, 3]` with these half-widths and half-depths."""
    ends, half = np.empty((len(start), 2, 3)), np.empty((len(start), 2, 2))
    ends[:, 0], ends[:, 1] = start, stop
    half[:, 0], half[:, 1] = half_start, half_stop
    return Part(ends, half, left, caps, colour)
