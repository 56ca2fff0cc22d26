"""A figure's parts in a camera's image: polygons, painting order, and hidden joints."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaittake.arrays import Bools, Float64s
from gaittake.sources.walkers.camera import Camera, project
from gaittake.sources.walkers.parts import Part
from gaittake.sources.walkers.skeleton import COCO

CAP_POINTS = 7
# A joint deeper than this behind another part's surface counts as hidden, in metres.
HIDDEN_M = 0.05
# A part also hides its own joint if the whole trunk is in front of it: the far hip or shoulder.
HIDDEN_BY_OWN_M = 0.30


@dataclass(frozen=True)
class Outlines:
    """The parts of a figure in one camera's image.

    Attributes:
        ends: `[frames, part, 2, 2]` pixels.
        radii: `[frames, part, 2]` pixels across the part.
        caps: `[frames, part, 2]` pixels by which the ends bulge.
        thickness: `[frames, part, 2]`: half-extent towards the camera, metres.
        depths: `[frames, part, 2]` metres.
        order: `[frames, part]`: parts from the furthest to the nearest.
    """

    ends: Float64s
    radii: Float64s
    caps: Float64s
    thickness: Float64s
    depths: Float64s
    order: npt.NDArray[np.intp]


def see_parts(parts: list[Part], camera: Camera) -> Outlines:
    """Returns the outlines of the parts in the camera's image."""
    points = np.stack([part.ends for part in parts], axis=1)
    half = np.stack([part.half for part in parts], axis=1)
    lateral = np.stack([part.left for part in parts], axis=1)
    ends, depths = project(camera, points)
    axis = _unit(points[:, :, 1] - points[:, :, 0])
    lateral = _unit(lateral - (lateral * axis).sum(-1, keepdims=True) * axis)
    sagittal = np.cross(axis, lateral)
    along = _unit(axis @ camera.axes[:2].T, least=1e-3) @ camera.axes[:2]
    across = np.cross(along, camera.axes[2])

    def extent(direction: Float64s) -> Float64s:
        """Half-extents `[frames, part, end]` of the cross-sections in a direction, metres."""
        sides = [(v * direction).sum(-1)[:, :, None] for v in (lateral, sagittal)]
        size: Float64s = np.hypot(half[..., 0] * sides[0], half[..., 1] * sides[1])
        return size

    scale = camera.focal / depths
    radii = extent(across) * scale
    bulge = np.array([part.caps for part in parts])
    seen_side_on = np.linalg.norm(axis @ camera.axes[:2].T, axis=-1)[:, :, None]
    caps = np.hypot(bulge * radii * seen_side_on, extent(along) * scale)
    nearer = np.array([part.nearer for part in parts])
    order = np.argsort(nearer - depths.mean(axis=-1), axis=1, kind="stable")
    return Outlines(ends, radii, caps, extent(camera.axes[2]), depths, order)


def _unit(vectors: Float64s, least: float = 1e-9) -> Float64s:
    result: Float64s = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), least)
    return result


def polygons(seen: Outlines, shrink: float = 1.0, shift: tuple[float, float] = (0, 0)) -> Float64s:
    """Returns the parts' outlines `[frames, part, point, 2]` in pixels.

    Args:
        seen: the parts in the image.
        shrink: factor of the girth; below 1 for the lit inner face.
        shift: moves the outline, in units of the girth.
    """
    start, stop = seen.ends[:, :, 0], seen.ends[:, :, 1]
    length = np.linalg.norm(stop - start, axis=-1)
    along = np.where(length[..., None] > 1e-3, (stop - start) / (length[..., None] + 1e-9), [0, 1])
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    radii, caps = seen.radii * shrink, seen.caps * shrink
    # The straight sides are tangents of both ends' ellipses and touch them off the middle.
    tilt = np.clip((radii[..., 0] - radii[..., 1]) / np.maximum(length, 1e-3), -0.9, 0.9)
    touch = np.arccos(tilt)[..., None]
    sweep = np.linspace(-1, 1, CAP_POINTS)
    turns = (sweep * touch, np.pi + sweep * (np.pi - touch))
    sides = []
    for end, turn in zip((1, 0), turns, strict=True):
        forward = np.cos(turn) * caps[:, :, end, None]
        sideward = np.sin(turn) * radii[:, :, end, None]
        sides.append(
            seen.ends[:, :, None, end]
            + forward[..., None] * along[:, :, None]
            + sideward[..., None] * across[:, :, None]
        )
    offset = seen.radii.mean(axis=-1)[..., None, None] * np.asarray(shift)
    points: Float64s = np.concatenate(sides, axis=2) + offset
    return points


def visible_joints(
    parts: list[Part], seen: Outlines, pixels: Float64s, depths: Float64s, size: tuple[int, int]
) -> Bools:
    """Returns `[frames, 17]`: joints inside the image that no other part of the body hides.

    Args:
        parts: the figure.
        seen: their outlines in the image.
        pixels: the joints, `[frames, 17, 2]`.
        depths: the joints' distances from the camera, `[frames, 17]` metres.
        size: width and height in pixels.
    """
    hiding = [index for index, part in enumerate(parts) if part.hides]
    start, stop = seen.ends[:, hiding, 0][:, None], seen.ends[:, hiding, 1][:, None]
    span = stop - start
    square = np.maximum(np.square(span).sum(-1), 1e-6)
    place = np.clip(((pixels[:, :, None] - start) * span).sum(-1) / square, 0, 1)
    distance = np.linalg.norm(pixels[:, :, None] - start - place[..., None] * span, axis=-1)

    def between(values: Float64s) -> Float64s:
        ends = values[:, None, hiding]
        blend: Float64s = ends[..., 0] * (1 - place) + ends[..., 1] * place
        return blend

    radius = between(seen.radii)
    ball = np.sqrt(np.clip(1 - np.square(distance / np.maximum(radius, 1e-6)), 0, 1))
    surface = between(seen.depths) - between(seen.thickness) * ball
    own = np.array([[joint in parts[index].owns for index in hiding] for joint in COCO])
    slack = np.where(own, HIDDEN_BY_OWN_M, HIDDEN_M)
    hidden = ((distance < radius) & (depths[:, :, None] - surface > slack)).any(axis=-1)
    inside = ((pixels >= 0) & (pixels <= np.asarray(size) - 1)).all(axis=-1)
    result: Bools = inside & ~hidden
    return result
