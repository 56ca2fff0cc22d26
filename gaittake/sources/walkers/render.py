"""Renders one take in one view: colour frames, silhouettes, and the true keypoints."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float64s, Uint8s
from gaittake.sources.walkers.body import Body
from gaittake.sources.walkers.camera import Camera, project
from gaittake.sources.walkers.clothing import Look, Outfit
from gaittake.sources.walkers.draw import NoiseTile, add_sensor_noise, boxes_of, paint
from gaittake.sources.walkers.figure import figure_parts
from gaittake.sources.walkers.outline import see_parts, visible_joints
from gaittake.sources.walkers.skeleton import COCO
from gaittake.sources.walkers.subtraction import Fields, subtract


@dataclass(frozen=True)
class Rendered:
    """A rendered sequence.

    Attributes:
        colour: `[frames, height, width, 3]`, blue green red.
        silhouettes: `[frames, height, width]` of 0 and 255, with the errors of subtraction.
        clean: the same without errors.
        joints: `[frames, 17, 2]` pixels.
        visible: `[frames, 17]`.
        boxes: `[frames, 4]`: x1, y1, x2, y2 of the clean silhouettes.
    """

    colour: Uint8s
    silhouettes: Uint8s
    clean: Uint8s
    joints: npt.NDArray[np.float32]
    visible: npt.NDArray[np.bool_]
    boxes: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """Background, sensor noise, and errors of background subtraction."""

    background: Uint8s
    noise: NoiseTile
    fields: Fields


def render_view(
    joints: Float64s,
    body: Body,
    look: Look,
    outfit: Outfit,
    camera: Camera,
    scene: Scene,
    *,
    raggedness: float,
    rng: np.random.Generator,
) -> Rendered:
    """Returns the camera's images of a motion `[frames, joint, 3]`."""
    height, width = scene.background.shape[:2]
    parts = figure_parts(joints, body, look, outfit)
    seen = see_parts(parts, camera)
    colour, clean = paint(seen, [part.colour for part in parts], scene.background)
    pixels, depths = project(camera, joints[:, : len(COCO)])
    return Rendered(
        colour=add_sensor_noise(colour, scene.noise, rng),
        silhouettes=subtract(clean, scene.fields, raggedness, rng),
        clean=clean,
        # Here pixel i covers i…i+1, as in boxes; the camera puts its centre at i.
        joints=(pixels + 0.5).astype(np.float32),
        visible=visible_joints(parts, seen, pixels, depths, (width, height)),
        boxes=boxes_of(clean),
    )
