"""Spoiled silhouettes: some clips, in 0…1, the same for the same generator, still people."""

import numpy as np
import torch
from torch import Tensor

from gaittake.data.corrupt import corrupted


def clips(n: int = 40) -> Tensor:
    """Returns clips of a pillar with a head: half of a figure's area."""
    result = torch.zeros(n, 6, 64, 44)
    result[:, :, :10, 19:25] = 1
    result[:, :, 10:, 14:30] = 1
    return result


def test_the_share_of_the_clips_changes() -> None:
    before = clips(400)
    after = corrupted(before, np.random.default_rng(0), share=0.25)
    changed = (after != before).flatten(1).any(dim=1).float().mean()
    assert 0.18 < changed < 0.32
    assert corrupted(before, np.random.default_rng(0), share=0.0) is before


def test_values_stay_in_range_and_most_of_the_figure_stays() -> None:
    before = clips()
    after = corrupted(before, np.random.default_rng(1), share=1.0)
    assert after.min() >= 0
    assert after.max() <= 1
    both = torch.minimum(before, after).sum(dim=(1, 2, 3))
    either = torch.maximum(before, after).sum(dim=(1, 2, 3))
    assert (both / either).median() > 0.75
    assert (both / either).min() > 0.3


def test_nothing_appears_far_from_the_figure_but_at_its_feet() -> None:
    after = corrupted(clips(), np.random.default_rng(2), share=1.0)
    assert after[:, :, :50, :6].max() == 0
    assert after[:, :, 60:, :6].max() > 0  # the shadows


def test_the_same_generator_gives_the_same_faults() -> None:
    one, other = (corrupted(clips(), np.random.default_rng(3), share=0.7) for _ in range(2))
    assert one.equal(other)
