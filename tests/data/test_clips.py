"""The frames of a clip in each of the three orders."""

import numpy as np
import pytest

from gaittake.data.clips import clip_frames

COUNTS = np.array([40, 12, 9, 30])


@pytest.mark.parametrize("order", ["consecutive", "sorted", "any"])
def test_frames_are_of_their_sequence_and_distinct_where_it_is_long_enough(order: str) -> None:
    for seed in range(20):
        rows = clip_frames(COUNTS, 9, np.random.default_rng(seed), order=order)
        assert rows.shape == (4, 9)
        assert (rows >= 0).all()
        assert (rows < COUNTS[:, None]).all()
        assert all(len(set(row)) == 9 for row in rows.tolist())


def test_frames_in_any_order_come_from_the_whole_sequence() -> None:
    seen, first = set(), set()
    for seed in range(60):
        row = clip_frames(COUNTS, 9, np.random.default_rng(seed), order="any")[0]
        assert row.tolist() != sorted(row)
        seen |= set(row.tolist())
        first.add(int(row[0]))
    assert seen == set(range(40))
    assert len(first) > 20


def test_no_frame_repeats_before_all_are_used() -> None:
    rows = clip_frames(COUNTS, 30, np.random.default_rng(0), order="any")
    assert sorted(rows[1, :12]) == sorted(rows[1, 12:24]) == list(range(12))
    assert np.bincount(rows[2]).tolist() == pytest.approx([30 / 9] * 9, abs=1)


def test_sorted_frames_come_from_a_window_a_third_longer() -> None:
    spans = set()
    for seed in range(60):
        row = clip_frames(COUNTS, 9, np.random.default_rng(seed), order="sorted")[0]
        assert (np.diff(row) > 0).all()
        spans.add(int(row[-1] - row[0] + 1))
    assert spans == {9, 10, 11, 12}


@pytest.mark.parametrize("order", ["consecutive", "sorted"])
def test_a_short_sequence_wraps_around(order: str) -> None:
    row = clip_frames(np.array([4]), 10, np.random.default_rng(1), order=order)[0]
    assert row.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]


def test_clips_depend_only_on_the_generator() -> None:
    for order in ("consecutive", "sorted", "any"):
        one, other = (
            clip_frames(COUNTS, 9, np.random.default_rng(3), order=order) for _ in range(2)
        )
        assert (one == other).all()


def test_an_unknown_order_is_refused() -> None:
    known = "'consecutive', 'sorted' or 'any'"
    with pytest.raises(ValueError, match=f"order must be {known}, not 'shuffled'"):
        clip_frames(COUNTS, 9, np.random.default_rng(0), order="shuffled")
