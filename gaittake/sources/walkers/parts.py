"""The parts of a figure: tapered capsules with elliptical cross-sections, in metres."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaittake.sources.walkers.clothing import Colour
from gaittake.sources.walkers.skeleton import JOINT

Floats = npt.NDArray[np.float64]


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

    ends: Floats
    half: Floats
    left: Floats
    caps: tuple[float, float]
    colour: Colour
    nearer: float = 0.0
    owns: tuple[str, ...] = ()
    hides: bool = True


@dataclass(frozen=True)
class Frame:
    """Joints `[frames, joint, 3]` and the axes `[frames, 3]` of shoulders, hips and trunk."""

    joints: Floats
    shoulders_left: Floats
    hips_left: Floats
    up: Floats

    def at(self, name: str) -> Floats:
        """Returns one joint's track `[frames, 3]`."""
        return self.joints[:, JOINT[name]]


def unit(vectors: Floats) -> Floats:
    """Returns vectors `[..., 3]` of length 1."""
    result: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return result


def make_part(
    start: Floats,
    stop: Floats,
    half_start: Floats | tuple[float, float],
    half_stop: Floats | tuple[float, float],
    left: Floats,
    colour: Colour,
    *,
    caps: tuple[float, float] = (1.0, 1.0),
) -> Part:
    """Returns a part between two tracks `[frames, 3]` with these half-widths and half-depths."""
    ends, half = np.empty((len(start), 2, 3)), np.empty((len(start), 2, 2))
    ends[:, 0], ends[:, 1] = start, stop
    half[:, 0], half[:, 1] = half_start, half_stop
    return Part(ends, half, left, caps, colour)
