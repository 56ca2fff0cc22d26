"""Keypoints in the coordinates of the normalised silhouette."""

import numpy as np

from gaittake.keypoints import LIMBS, MIRROR, NAMES, normalise


def test_keypoints_move_with_their_silhouette() -> None:
    keypoints = np.zeros((1, 17, 3), dtype=np.float32)
    keypoints[0, 0] = [170, 40, 0.9]  # the top of the head, at the centre
    keypoints[0, 15] = [186, 168, 0.5]  # a foot, an eighth of the height to the right
    keypoints[0, 16] = [500, 900, 0.1]  # outside
    placed = normalise(
        keypoints,
        top=np.array([40], dtype=np.float32),
        height=np.array([128], dtype=np.float32),
        centre=np.array([170], dtype=np.float32),
    )
    assert placed.dtype == np.float32
    np.testing.assert_allclose(placed[0, 0], [0.5, 0.0, 0.9])
    np.testing.assert_allclose(placed[0, 15], [0.625, 1.0, 0.5])
    np.testing.assert_allclose(placed[0, 16], [1.0, 1.0, 0.1])
    assert float(placed.min()) >= 0
    assert float(keypoints[0, 16, 0]) == 500  # the input is unchanged


def test_mirroring_twice_is_identity_and_swaps_left_and_right() -> None:
    assert [MIRROR[i] for i in MIRROR] == list(range(17))
    for i, name in enumerate(NAMES):
        swapped = name.replace("left", "?").replace("right", "left").replace("?", "right")
        assert NAMES[MIRROR[i]] == swapped
    assert {keypoint for limb in LIMBS for keypoint in limb} == set(range(17))
