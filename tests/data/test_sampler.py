"""Batches: P subjects, K sequences of each, clips of consecutive frames."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gaittake.data.clips import clip_rows
from gaittake.data.sampler import group_by_subject, sample_sequences, step_generator
from gaittake.data.store import gather_clips, gather_whole, load_store
from gaittake.errors import UserError

SUBJECTS = ["a"] * 5 + ["b"] * 2 + ["c"] * 9 + ["d"]
CPU = torch.device("cpu")


def test_a_batch_has_p_subjects_and_k_sequences_of_each() -> None:
    groups = group_by_subject(SUBJECTS, subjects_per_batch=2)
    for step in range(20):
        sequences, subjects = sample_sequences(
            groups, subjects_per_batch=2, sequences_per_subject=4, generator=step_generator(0, step)
        )
        assert len(sequences) == 8
        for group in np.unique(subjects):
            members = sequences[subjects == group]
            assert len(members) == 4
            assert set(members) <= set(groups[group])
            assert len(set(members)) == min(4, len(groups[group]))


def test_every_sequence_is_sampled() -> None:
    groups = group_by_subject(SUBJECTS, subjects_per_batch=2)
    seen: set[int] = set()
    for step in range(60):
        sequences, _ = sample_sequences(
            groups, subjects_per_batch=2, sequences_per_subject=4, generator=step_generator(0, step)
        )
        seen |= set(sequences.tolist())
    assert seen == set(range(16))  # all but the subject with a single sequence


def test_a_batch_depends_only_on_seed_and_step() -> None:
    groups = group_by_subject(SUBJECTS, subjects_per_batch=3)

    def draw(seed: int, step: int) -> list[int]:
        return sample_sequences(
            groups,
            subjects_per_batch=3,
            sequences_per_subject=2,
            generator=step_generator(seed, step),
        )[0].tolist()

    assert draw(1, 5) == draw(1, 5)
    assert len({tuple(draw(1, step)) for step in range(10)}) > 5
    assert draw(1, 5) != draw(2, 5) or draw(1, 6) != draw(2, 6)


def test_too_few_subjects_is_an_error_with_the_setting() -> None:
    with pytest.raises(UserError, match=r"set train.subjects_per_batch to 3 or less"):
        group_by_subject(SUBJECTS, subjects_per_batch=8)


def test_too_few_sequences_is_an_error_with_the_fix() -> None:
    with pytest.raises(UserError, match="add subjects, or sequences of each"):
        group_by_subject(["a", "b", "c"], subjects_per_batch=2)


def test_clips_are_consecutive_frames_of_their_sequence(cache: Path) -> None:
    store = load_store(cache, ("001", "002", "003", "004"), CPU)
    chosen = np.arange(len(store.sequences))
    first = store.sequences["first_frame"].to_numpy()
    counts = store.sequences["frame_count"].to_numpy()
    starts = set()
    for seed in range(30):
        rows = clip_rows(store, chosen, 6, np.random.default_rng(seed))
        assert (np.diff(rows, axis=1) == 1).all()
        assert (rows >= first[:, None]).all()
        assert (rows < (first + counts)[:, None]).all()
        starts |= {(i, int(start)) for i, start in enumerate(rows[:, 0] - first)}
    assert {start for i, start in starts if i == 0} == set(range(counts[0] - 6 + 1))


def test_a_sequence_shorter_than_a_clip_wraps_around(cache: Path) -> None:
    store = load_store(cache, ("001",), CPU)
    rows = clip_rows(store, np.array([2]), 20, np.random.default_rng(0))
    count = int(store.sequences["frame_count"].iloc[2])
    first = int(store.sequences["first_frame"].iloc[2])
    assert (rows[0] - first).tolist() == [i % count for i in range(20)]


def test_gathered_frames_are_floats_between_0_and_1(cache: Path) -> None:
    store = load_store(cache, ("001", "002"), CPU)
    batch = gather_clips(store, np.array([[0, 1], [5, 6]]))
    assert batch.silhouettes.dtype == torch.float32
    assert float(batch.silhouettes.max()) <= 1
    assert (batch.silhouettes[1, 0] * 255).round().equal(store.silhouettes[5].float())
    assert batch.keypoints[1, 1].equal(store.keypoints[6])


def test_whole_sequences_are_padded_with_zeros(cache: Path) -> None:
    store = load_store(cache, ("001",), CPU)
    batch = gather_whole(store, [0, 2])
    assert batch.counts is not None
    assert batch.counts.tolist() == [11, 9]
    assert float(batch.silhouettes[1, 9:].abs().max()) == 0
    assert float(batch.keypoints[1, 9:].abs().max()) == 0
    assert gather_whole(store, [0]).counts is None
