"""A camera that faces the subject: 0 degrees in front, 90 on the left, 180 behind.

At 90 degrees the subject walks to the left in the image, as in CASIA-B.
"""

from dataclasses import dataclass

import numpy as np

from gaittake.arrays import Float64s

DISTANCE_M = 4.5
CAMERA_HEIGHT_M = 1.2
TARGET_HEIGHT_M = 0.88
# A person of this stature at this distance fills this share of the image's height.
FIGURE_M, FIGURE_SHARE = 1.72, 0.64


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        position: `[3]` metres.
        axes: `[3, 3]`: unit vectors to the image's right, down, and into the scene.
        focal: pixels.
        centre: `[2]`: pixel that the camera looks at.
    """

    position: Float64s
    axes: Float64s
    focal: float
    centre: Float64s


def place_camera(
    view: float,
    width: int,
    height: int,
    *,
    distance: float = DISTANCE_M,
    camera_height: float = CAMERA_HEIGHT_M,
) -> Camera:
    """Returns a camera at `view` degrees from the walking direction, on the left-hand side.

    Args:
        view: degrees, 0 to 180.
        width: pixels.
        height: pixels.
        distance: metres from the subject along the ground.
        camera_height: metres above the ground.
    """
    angle = np.radians(view)
    position = np.array([distance * np.cos(angle), distance * np.sin(angle), camera_height])
    into = np.array([0.0, 0.0, TARGET_HEIGHT_M]) - position
    into /= np.linalg.norm(into)
    right = np.cross(into, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    focal = FIGURE_SHARE * height * DISTANCE_M / FIGURE_M
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return Camera(position, np.stack([right, np.cross(into, right), into]), focal, centre)


def project(camera: Camera, points: Float64s) -> tuple[Float64s, Float64s]:
    """Returns pixels `[..., 2]` (centres at whole numbers) and depths `[...]` in metres."""
    seen = (points - camera.position) @ camera.axes.T
    depth = seen[..., 2]
    return camera.centre + camera.focal * seen[..., :2] / depth[..., None], depth
