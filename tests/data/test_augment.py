"""Augmentation: silhouettes and keypoints change together, and only as the generator decides."""

import numpy as np
import pytest
import torch

from gaittake.data.augment import mirror_half, mirrored
from gaittake.data.store import Batch
from gaittake.keypoints import MIRROR, NAMES


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


def test_a_keypoint_stays_on_its_pixel() -> None:
    """A bright spot at a keypoint is still there after mirroring both."""
    rows, columns, n = 64, 44, 8
    generator = np.random.default_rng(0)
    keypoints = torch.full((n, 1, 17, 3), 0.5)
    silhouettes = torch.zeros(n, 1, rows, columns)
    for i in range(n):
        x, y = generator.uniform(0.35, 0.65), generator.uniform(0.2, 0.8)
        row, column = y * rows, (x - 0.5) * rows + columns / 2
        distance = (torch.arange(rows)[:, None] + 0.5 - row) ** 2
        distance = distance + (torch.arange(columns) + 0.5 - column) ** 2
        silhouettes[i, 0] = (-distance / 8).exp()
        keypoints[i, 0, 0, 0], keypoints[i, 0, 0, 1] = x, y
    before = Batch(silhouettes, keypoints, None)
    after = mirrored(before, np.ones(n, dtype=bool))
    for i in range(n):
        image = after.silhouettes[i, 0]
        row, column = divmod(int(image.argmax()), columns)
        x, y = after.keypoints[i, 0, 0, :2].tolist()
        assert (row + 0.5) / rows == pytest.approx(y, abs=1 / rows)
        assert (column + 0.5 - columns / 2) / rows + 0.5 == pytest.approx(x, abs=1 / rows)
    assert not after.keypoints.equal(before.keypoints)


def test_about_half_of_the_clips_are_mirrored_as_the_generator_decides() -> None:
    before = batch(64)
    after = mirror_half(before, np.random.default_rng(1))
    moved = (after.silhouettes - before.silhouettes).abs().amax(dim=(1, 2, 3)) > 1e-4
    assert 16 < int(moved.sum()) < 48
    assert same(after, mirror_half(batch(64), np.random.default_rng(1)))
    assert not same(after, mirror_half(batch(64), np.random.default_rng(2)))
