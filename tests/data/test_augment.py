"""Augmentation: silhouettes and keypoints move together, and only as the generator says."""

import numpy as np
import pytest
import torch

from gaittake.data.augment import augment, erased, mirrored, rotated
from gaittake.data.store import Batch
from gaittake.keypoints import MIRROR, NAMES


def batch(n: int = 4) -> Batch:
    torch.manual_seed(0)
    return Batch(torch.rand(n, 3, 16, 12), torch.rand(n, 3, 17, 3), None)


def same(one: Batch, other: Batch) -> bool:
    return one.silhouettes.equal(other.silhouettes) and one.keypoints.equal(other.keypoints)


def test_mirroring_exchanges_left_and_right_of_the_chosen_clips_alone() -> None:
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
    before, all_of_them = batch(), np.ones(4, dtype=bool)
    after = mirrored(mirrored(before, all_of_them), all_of_them)
    assert after.silhouettes.equal(before.silhouettes)
    torch.testing.assert_close(after.keypoints, before.keypoints)
    assert [MIRROR[i] for i in MIRROR] == list(range(17))


@pytest.mark.parametrize("change", ["mirror", "rotate"])
def test_a_joint_stays_on_its_pixel(change: str) -> None:
    """A bright spot under each joint is still under it afterwards."""
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
    if change == "mirror":
        after = mirrored(before, np.ones(n, dtype=bool))
    else:
        after = rotated(before, np.linspace(-10, 10, n))
    for i in range(n):
        image = after.silhouettes[i, 0]
        row, column = divmod(int(image.argmax()), columns)
        x, y = after.keypoints[i, 0, 0, :2].tolist()
        assert (row + 0.5) / rows == pytest.approx(y, abs=1 / rows)
        assert (column + 0.5 - columns / 2) / rows + 0.5 == pytest.approx(x, abs=1 / rows)
    assert not after.keypoints.equal(before.keypoints)


def test_turning_by_nothing_changes_nothing() -> None:
    before = batch()
    after = rotated(before, np.zeros(4))
    torch.testing.assert_close(after.silhouettes, before.silhouettes)
    torch.testing.assert_close(after.keypoints, before.keypoints)


def test_the_erased_rectangle_is_the_same_in_all_frames_and_spares_the_keypoints() -> None:
    before = batch()
    rectangles = np.array([[0.25, 0.5, 0.0, 0.5]] * 4)
    after = erased(before, rectangles, np.array([True, False, False, False]))
    assert not bool(after.silhouettes[0, :, 4:8, :6].any())
    kept = torch.ones(16, 12, dtype=torch.bool)
    kept[4:8, :6] = False
    assert after.silhouettes[0, :, kept].equal(before.silhouettes[0, :, kept])
    assert after.silhouettes[1:].equal(before.silhouettes[1:])
    assert after.keypoints.equal(before.keypoints)


def test_nothing_is_drawn_where_nothing_is_asked_for() -> None:
    generator = np.random.default_rng(0)
    assert same(augment(batch(), generator, mirror=False, rotate=0.0, erase=0.0), batch())
    assert generator.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("which", [{"mirror": True}, {"rotate": 0.5}, {"erase": 0.5}])
def test_a_share_of_the_clips_is_changed_as_the_generator_says(which: dict[str, float]) -> None:
    asked = {"mirror": False, "rotate": 0.0, "erase": 0.0} | which
    before = batch(64)
    after = augment(before, np.random.default_rng(1), **asked)
    moved = (after.silhouettes - before.silhouettes).abs().amax(dim=(1, 2, 3)) > 1e-4
    assert 16 < int(moved.sum()) < 48
    assert same(after, augment(batch(64), np.random.default_rng(1), **asked))
    assert not same(after, augment(batch(64), np.random.default_rng(2), **asked))
