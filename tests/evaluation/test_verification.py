"""Error rates over thresholds, against hand-made distances and plain loops."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from gaittake.evaluation.cross_view import cross_view
from gaittake.evaluation.roles import roles_of
from gaittake.evaluation.verification import (
    RESOLUTION,
    SHOWN_BINS,
    Histogram,
    add,
    empty_histogram,
    thresholds,
    verification,
)
from gaittake.io.ragged import open_ragged
from gaittake.settings import Protocol
from tests.evaluation.plain import made_up, plain_cells, write_embeddings


def histogram(same: list[float], different: list[float]) -> Histogram:
    counted = empty_histogram()
    add(counted.same, torch.tensor(same, dtype=torch.float32))
    add(counted.different, torch.tensor(different, dtype=torch.float32))
    return counted


def test_the_width_of_a_bin_is_at_most_a_thousandth_of_its_distance() -> None:
    edges = thresholds()
    usual = edges[(edges > 1e-6) & (edges < 1e6)]
    assert np.max(np.diff(usual) / usual[:-1]) <= RESOLUTION * (1 + 1e-6)
    for distance in (0.0, 1e-3, 0.7, 1.0, 123.4):
        counted = histogram([distance], [])
        place = int(np.flatnonzero(counted.same)[0])
        assert distance <= edges[place] <= distance * (1 + RESOLUTION) + 1e-30


def test_infinite_distances_are_skipped() -> None:
    counted = histogram([1.0, torch.inf], [2.0, torch.inf, torch.inf])
    assert (counted.same.sum(), counted.different.sum()) == (1, 1)


def test_rates_match_a_hand_made_example() -> None:
    found = verification(histogram([1, 2, 3, 6], [4, 5, 7, 8]))
    assert found is not None
    # At 4: one of four pairs of different subjects accepted, one of four of the same rejected.
    assert found["equal_error_rate"] == pytest.approx(0.25)
    assert found["equal_error_threshold"] == pytest.approx(4, rel=RESOLUTION)
    assert (found["pairs_same"], found["pairs_different"]) == (4, 4)
    strict = found["at_false_accepts"]["0.01"]
    assert (strict["true_accepts"], strict["false_accepts"]) == (0.75, 0.0)
    assert strict["threshold"] == pytest.approx(3, rel=RESOLUTION)
    assert found["roc"]["false_accepts"][-1] == pytest.approx(1)
    assert found["roc"]["true_accepts"][-1] == 1
    quantiles = found["quantiles"]
    middle = quantiles["shares"].index(0.5)
    assert quantiles["same"][middle] == pytest.approx(2, rel=RESOLUTION)
    assert quantiles["different"][middle] == pytest.approx(5, rel=RESOLUTION)


def test_separated_distances_give_error_0_and_exchanged_ones_error_1() -> None:
    apart = verification(histogram([1, 2], [3, 4]))
    swapped = verification(histogram([3, 4], [1, 2]))
    assert apart is not None
    assert swapped is not None
    assert apart["equal_error_rate"] == 0
    assert apart["at_false_accepts"]["0.001"]["true_accepts"] == 1
    assert swapped["equal_error_rate"] == 1
    assert swapped["at_false_accepts"]["0.01"]["true_accepts"] == 0


def test_the_histogram_for_figures_equals_a_plain_count() -> None:
    same, different = [1.0, 1.16, 1.16, 2.04], [2.04, 3.07, 3.07, 4.94, 5.0]
    found = verification(histogram(same, different))
    assert found is not None
    edges = found["histogram"]["edges"]
    assert edges == pytest.approx(np.linspace(1, 5, SHOWN_BINS + 1), rel=RESOLUTION)
    for kind, distances in (("same", same), ("different", different)):
        counts, _ = np.histogram(distances, np.linspace(1, 5, SHOWN_BINS + 1))
        assert found["histogram"][kind] == pytest.approx(counts / len(distances))
    alone = verification(histogram([2.0], [2.0]))
    assert alone is not None
    assert sum(alone["histogram"]["same"]) == sum(alone["histogram"]["different"]) == 1


def test_without_pairs_of_both_kinds_there_are_no_rates() -> None:
    assert verification(histogram([1.0], [])) is None
    assert verification(histogram([], [1.0])) is None


def test_rates_match_plain_loops_over_all_cross_view_pairs(tmp_path: Path) -> None:
    subjects = [f"{n:03d}" for n in range(20)]
    embeddings, sequences = made_up(subjects, ["nm-01", "nm-02"], ["000", "036", "090"], seed=2)
    embeddings += np.random.default_rng(0).normal(0, 0.01, embeddings.shape).astype(np.float32)
    path = write_embeddings(tmp_path / "embeddings.h5", embeddings, sequences)
    (roles,) = roles_of(Protocol(gallery=("nm-01",), probes={"nm": ("nm-02",)}), sequences)
    with open_ragged(path, kind="embeddings") as opened:
        counted = cross_view(opened, roles).histograms["nm"]
        all_views = cross_view(opened, roles, same_view=True).histograms["nm"]
    cells = plain_cells(embeddings, sequences, ["nm-01"], ["nm-02"])
    cross = [cell for (probe, gallery), cell in cells.items() if probe != gallery]
    same = np.sort([d for cell in cross for d in cell.same])
    different = np.sort([d for cell in cross for d in cell.different])
    assert all_views.same.sum() == sum(len(cell.same) for cell in cells.values())
    found = verification(counted)
    assert found is not None
    assert found["pairs_same"] == len(same)
    assert found["pairs_different"] == len(different)
    # A threshold is within one bin of an exact distance.
    for at, point in found["at_false_accepts"].items():
        allowed = int(float(at) * len(different))
        limit = different[allowed]  # the nearest pair that must not be accepted
        assert point["threshold"] < limit * (1 + RESOLUTION)
        accepted = (
            same[:, None] <= point["threshold"] * (1 + np.array([-2, 2]) * RESOLUTION)
        ).mean(0)
        assert accepted[0] <= point["true_accepts"] <= accepted[1]
        assert (same < limit * (1 - 2 * RESOLUTION)).mean() <= point["true_accepts"]
    both = np.sort(np.concatenate([same, different]))
    rates = [((different <= d).mean(), (same > d).mean()) for d in both]
    crossed = next(i for i, (accepts, rejects) in enumerate(rates) if accepts >= rejects)
    around = [rate for pair in rates[crossed - 3 : crossed + 4] for rate in pair]
    assert min(around) <= found["equal_error_rate"] <= max(around)
    assert all(a <= b for a, b in pairwise(found["roc"]["true_accepts"]))
    shares = found["quantiles"]["shares"]
    for kind, exact in (("same", same), ("different", different)):
        for share, value in zip(shares, found["quantiles"][kind], strict=True):
            if share >= 0.05:  # for nearer pairs the bounds are less tight: see the module
                assert (exact <= value * (1 - 2 * RESOLUTION)).mean() <= share
                assert (exact <= value * (1 + 2 * RESOLUTION)).mean() >= share
