"""Augmentation: silhouettes and keypoints change together, and only as the generator decides."""

import math

import numpy as np
import pytest
import torch

from gaittake.data.augment import (
    augmented,
    mirrored,
    random_perspectives,
    random_rotations,
)
from gaittake.data.store import Batch
from gaittake.keypoints import MIRROR, NAMES
from gaittake.models.maps import skeleton_maps


def batch(n: int = 4) -> Batch:
    torch.manual_seed(0)
    return Batch(torch.rand(n, 3, 16, 12), torch.rand(n, 3, 17, 3), None)


def same(one: Batch, other: Batch) -> bool:
    return one.silhouettes.equal(other.silhouettes) and one.keypoints.equal(other.keypoints)


def test_mirroring_exchanges_left_and_right_of_the_chosen_clips_only() -> None:
    before = batch()
    after = mirrored(before, np.array([True, False, True, False]))
    assert after.silhouettes[0].equal(before.silhouettes[0].flip(2))
    left, right = NAMES.index("left_wrist"), NAMES.index("right_wrist")
    assert after.keypoints[0, :, left, 0].equal(1 - before.keypoints[0, :, right, 0])
    assert after.keypoints[0, :, left, 1:].equal(before.keypoints[0, :, right, 1:])
    assert after.keypoints[0, :, 0, 0].equal(1 - before.keypoints[0, :, 0, 0])  # the nose
    assert after.silhouettes[1].equal(before.silhouettes[1])
    assert after.keypoints[3].equal(before.keypoints[3])


def test_mirroring_twice_is_identity() -> None:
    before, everything = batch(), np.ones(4, dtype=bool)
    after = mirrored(mirrored(before, everything), everything)
    assert after.silhouettes.equal(before.silhouettes)
    torch.testing.assert_close(after.keypoints, before.keypoints)
    assert [MIRROR[i] for i in MIRROR] == list(range(17))


def test_silhouettes_without_keypoints_are_mirrored_as_well() -> None:
    before = batch()._replace(keypoints=torch.empty(4, 3, 0, 3))
    after = mirrored(before, np.array([True, False, True, False]))
    assert after.silhouettes[0].equal(before.silhouettes[0].flip(2))
    assert after.silhouettes[1].equal(before.silhouettes[1])
    assert after.keypoints.shape == (4, 3, 0, 3)


def spots(places: torch.Tensor, rows: int = 64, columns: int = 44) -> Batch:
    """Returns clips with a bright spot at the first keypoint `[n, 2]`."""
    n = len(places)
    keypoints = torch.full((n, 1, 17, 3), 0.5)
    keypoints[:, 0, 0, :2] = places
    row, column = places[:, 1] * rows, (places[:, 0] - 0.5) * rows + columns / 2
    y = torch.arange(rows)[:, None] + 0.5 - row[:, None, None]
    x = torch.arange(columns) + 0.5 - column[:, None, None]
    return Batch((-(x**2 + y**2) / 8).exp()[:, None], keypoints, None)


def brightest(image: torch.Tensor) -> tuple[float, float]:
    """Returns the place of an image's spot in the keypoints' coordinates."""
    rows, columns = image.shape
    weight = image.clamp(min=0.05) - 0.05
    y = (weight.sum(dim=1) * (torch.arange(rows) + 0.5)).sum() / weight.sum()
    x = (weight.sum(dim=0) * (torch.arange(columns) + 0.5)).sum() / weight.sum()
    return float((x - columns / 2) / rows + 0.5), float(y / rows)


@pytest.mark.parametrize("change", ["mirror", "rotate", "perspective", "all"])
def test_a_keypoint_stays_on_its_pixel(change: str) -> None:
    """A bright spot at a keypoint is still there after both have changed."""
    generator = np.random.default_rng(0)
    before = spots(torch.from_numpy(generator.uniform(0.35, 0.65, (16, 2))).float())
    shares = {name: 1.0 for name in ("mirror", "rotate", "perspective") if change in (name, "all")}
    after = augmented(before, generator, **shares)
    moves = []
    for i in range(16):
        x, y = after.keypoints[i, 0, MIRROR[0], :2].tolist()
        assert brightest(after.silhouettes[i, 0]) == pytest.approx((x, y), abs=0.5 / 64)
        moves.append(math.dist((x, y), before.keypoints[i, 0, 0, :2].tolist()))
    assert max(moves) > 1 / 64


def test_maps_of_changed_keypoints_are_changed_maps() -> None:
    torch.manual_seed(0)
    keypoints = torch.rand(6, 2, 17, 3)
    keypoints[..., :2] = 0.3 + 0.4 * keypoints[..., :2]
    drawn = {"rows": 64, "columns": 44, "deviation": 1 / 16}
    maps = skeleton_maps(keypoints, **drawn)  # [n, 2, s, rows, columns]
    shares = {"mirror": 0.5, "rotate": 0.7, "perspective": 0.7}
    images = maps.flatten(1, 2)
    after = augmented(Batch(images, keypoints, None), np.random.default_rng(3), **shares)
    again = skeleton_maps(after.keypoints, **drawn).flatten(1, 2)
    near = (again - after.silhouettes).abs()
    # A perspective widens a Gaussian a little, and the frame ends where the image does.
    assert float(near[..., 4:-4, 4:-4].mean()) < 0.02
    assert float(near[..., 4:-4, 4:-4].max()) < 0.25
    unchanged = (images - after.silhouettes).abs()
    assert float(unchanged.mean()) > 0.05


def test_what_is_erased_is_empty_and_its_keypoints_are_not_certain() -> None:
    before = Batch(torch.ones(64, 2, 64, 44), torch.rand(64, 2, 17, 3) + 1e-3, None)
    after = augmented(before, np.random.default_rng(0), erase=0.5)
    holes = (after.silhouettes == 0).float().mean(dim=(1, 2, 3))
    changed = holes > 0
    assert 20 < int(changed.sum()) < 44
    assert float(holes[changed].min()) > 0.03
    assert float(holes.max()) < 0.22
    assert after.silhouettes[~changed].equal(before.silhouettes[~changed])
    for i in range(64):
        empty = after.silhouettes[i, 0] == 0
        for x, y, confidence in after.keypoints[i, 0].tolist():
            row, column = int(y * 64), int((x - 0.5) * 64 + 22)
            if 1 < row < 62 and 1 < column < 42:  # not on the edge of a pixel of the edge
                around = empty[row - 1 : row + 2, column - 1 : column + 2]
                if bool(around.all()) or not bool(around.any()):
                    assert (confidence == 0) == bool(empty[row, column])
    assert after.keypoints[..., :2].equal(before.keypoints[..., :2])


def test_a_rotation_turns_by_at_most_ten_degrees_about_the_middle() -> None:
    maps = random_rotations(np.random.default_rng(0), 200)
    angles = np.rad2deg(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))
    assert 9 < np.abs(angles).max() <= 10
    middle = np.array([0.5, 0.5, 1.0])
    np.testing.assert_allclose(maps @ middle, np.tile(middle, (200, 1)), atol=1e-12)


def test_a_perspective_stretches_the_upper_and_the_lower_edge() -> None:
    maps = random_perspectives(np.random.default_rng(0), 200)
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], dtype=float)
    back = np.linalg.inv(maps) @ corners.T  # [n, 3, 4]
    x, y = back[:, 0] / back[:, 2], back[:, 1] / back[:, 2]
    np.testing.assert_allclose(y, np.tile([0, 0, 1, 1], (200, 1)), atol=1e-9)
    inwards = x * [1, -1, -1, 1] + [0, 1, 1, 0]
    assert inwards.min() >= -1e-9
    assert 0.14 < inwards.max() <= 10 / 64 + 1e-9


def test_a_share_of_zero_changes_nothing_and_draws_nothing() -> None:
    before, generator = batch(), np.random.default_rng(1)
    after = augmented(before, generator)
    assert same(before, after)
    assert generator.random() == np.random.default_rng(1).random()


def test_clips_are_changed_as_the_generator_decides() -> None:
    shares = {"mirror": 0.5, "rotate": 0.3, "perspective": 0.3, "erase": 0.3}
    before = batch(64)
    after = augmented(before, np.random.default_rng(1), **shares)
    moved = (after.silhouettes - before.silhouettes).abs().amax(dim=(1, 2, 3)) > 1e-4
    assert 40 < int(moved.sum()) < 64
    assert same(after, augmented(batch(64), np.random.default_rng(1), **shares))
    assert not same(after, augmented(batch(64), np.random.default_rng(2), **shares))
    mirrored_only = augmented(before, np.random.default_rng(1), mirror=0.5)
    moved = (mirrored_only.silhouettes - before.silhouettes).abs().amax(dim=(1, 2, 3)) > 1e-4
    assert 16 < int(moved.sum()) < 48


def test_silhouettes_without_keypoints_are_changed_as_well() -> None:
    before = batch()._replace(keypoints=torch.empty(4, 3, 0, 3))
    after = augmented(before, np.random.default_rng(0), rotate=1.0, perspective=1.0, erase=1.0)
    assert not after.silhouettes.equal(before.silhouettes)
    assert after.keypoints.shape == (4, 3, 0, 3)
