"""Random cameras near a view: low or high, near or far."""

from dataclasses import replace

import numpy as np

from gaittake.sources.walkers.camera import DISTANCE_M, Camera, place_camera

TURN_DEG = 9.0
HEIGHT_M = (0.7, 2.6)
NEAREST_M, FURTHEST_M = 3.2, 12.0
SHARE = (0.7, 1.2)  # size of the figure relative to a placed camera's


def stray_camera(view: float, width: int, height: int, rng: np.random.Generator) -> Camera:
    """Returns a camera near `view`: drawn direction, height, distance and size of the figure.

    Args:
        view: degrees from the way the walker goes.
        width: pixels.
        height: pixels.
        rng: of this sequence and view.
    """
    turn = TURN_DEG * float(np.clip(rng.normal(), -2.0, 2.0))
    distance = float(np.exp(rng.uniform(*np.log([NEAREST_M, FURTHEST_M]))))
    camera_height = float(rng.uniform(*HEIGHT_M))
    camera = place_camera(
        view + turn, width, height, distance=distance, camera_height=camera_height
    )
    # Farther away a longer lens is taken, so that the figure fills about as much of the picture.
    focal = camera.focal * np.hypot(distance, camera_height - 0.9) / DISTANCE_M
    return replace(camera, focal=float(focal * rng.uniform(*SHARE)))
