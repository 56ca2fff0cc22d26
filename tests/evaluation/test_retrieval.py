"""Ranks and lower bounds against distances in plain Python, also where float32 is not enough."""

from itertools import product

import numpy as np
import pytest
import torch

from gaittake.evaluation import bounds, retrieval
from gaittake.evaluation.bounds import Projection, fit_projection, leading, lower_bounds, sketch
from gaittake.evaluation.distance import as_parts, distances
from gaittake.evaluation.retrieval import EmbeddingSet, Matches, search
from tests.evaluation.plain import Embeddings, distance


def find(
    probes: Embeddings,
    gallery: Embeddings,
    of_probes: list[int],
    of_gallery: list[int],
    directions: int | None = None,
) -> Matches:
    """Returns the result of `search`."""
    projection = fit_projection([gallery], directions)
    sides = (
        EmbeddingSet(np.array(subjects), rows, sketch(projection, rows, probes=probing))
        for subjects, rows, probing in ((of_probes, probes, True), (of_gallery, gallery, False))
    )
    return search(*sides, projection)


def points(*numbers: float) -> Embeddings:
    """Returns embeddings `[n, 1, 1]`; a distance is the difference of two numbers."""
    return np.array(numbers, dtype=np.float32)[:, None, None]


def test_rank_and_precision_match_a_hand_made_example() -> None:
    gallery = points(1, 2, 3)
    found = find(points(0, 4, 0), gallery, [7, 7, 9], [7, 8, 7])
    assert found.first.tolist() == [1, 1, 0]
    assert found.total.tolist() == [2, 2, 0]
    assert found.precision.tolist() == pytest.approx([(1 + 2 / 3) / 2, (1 + 2 / 3) / 2, 0])
    other = find(points(0, 4), gallery, [8, 8], [7, 8, 7])
    assert other.first.tolist() == [2, 2]
    assert other.precision.tolist() == [0.5, 0.5]


def test_a_tie_counts_against_the_probe_at_any_place_in_the_gallery() -> None:
    for subjects in ([1, 2, 3], [2, 1, 3], [2, 3, 1]):
        found = find(points(0), points(*(5 if s < 3 else 9 for s in subjects)), [1], subjects)
        assert found.first.tolist() == [2]
        assert found.precision.tolist() == [0.5]


def test_a_network_that_maps_all_sequences_to_one_point_gets_no_match_at_rank_1() -> None:
    same = np.full((6, 2, 3), 0.25, dtype=np.float32)
    found = find(same, same, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5])
    assert found.first.tolist() == [6] * 6


def test_permuting_the_gallery_changes_nothing() -> None:
    generator = np.random.default_rng(0)
    probes, gallery = (generator.random((n, 2, 3), dtype=np.float32) for n in (6, 9))
    subjects, order = generator.integers(0, 4, 9), generator.permutation(9)
    one = find(probes, gallery, [0, 1, 2, 3, 0, 9], subjects.tolist())
    other = find(probes, gallery[order], [0, 1, 2, 3, 0, 9], subjects[order].tolist())
    assert one.first.tolist() == other.first.tolist()
    assert one.precision.tolist() == other.precision.tolist()


KINDS = ("random", "far from zero", "few directions", "near duplicates")


def hard(kind: str, generator: np.random.Generator, rows: int) -> Embeddings:
    """Returns embeddings `[rows, 3, 16]` for which float32 products are not precise enough."""
    numbers = generator.normal(size=(rows, 3, 16))
    if kind == "far from zero":
        numbers = numbers * 1e-3 + 50
    elif kind == "few directions":
        numbers = numbers * 0.3 ** np.arange(16) + 5
    elif kind == "near duplicates":
        numbers = (
            numbers[generator.integers(0, 3, rows)] + generator.normal(size=(rows, 1, 1)) * 1e-6
        )
    return numbers.astype(np.float32)


@pytest.mark.parametrize(("kind", "directions"), product(KINDS, (None, 1, 6)))
@pytest.mark.parametrize("many", [0, 3, 200])
def test_ranks_are_those_of_float64_in_plain_loops(
    monkeypatch: pytest.MonkeyPatch, kind: str, directions: int | None, many: int
) -> None:
    monkeypatch.setattr(retrieval, "MOST_PAIRS", many)
    monkeypatch.setattr(retrieval, "PROBES", 7)
    monkeypatch.setattr(retrieval, "GALLERY", 11)
    monkeypatch.setattr(retrieval, "CROWDED", 5)
    monkeypatch.setattr(bounds, "COLUMNS", 8)
    generator = np.random.default_rng(3)
    everything = hard(kind, generator, 60)
    probes, gallery = everything[:20], everything[20:]
    of_probes, of_gallery = (generator.integers(0, 12, n).tolist() for n in (20, 40))
    found = find(probes, gallery, of_probes, of_gallery, directions)
    for i, subject in enumerate(of_probes):
        pairs = [(distance(probes[i], row), s) for row, s in zip(gallery, of_gallery, strict=True)]
        own = sorted(d for d, s in pairs if s == subject)
        others = [d for d, s in pairs if s != subject]
        # Python sums in another order: numbers this close count as equal.
        nearer = [sum(d <= mine * (1 + 1e-14) for d in others) for mine in own]
        assert found.nearer[i, : len(own)].tolist() == nearer
        assert found.total[i] == len(own)


def test_probes_with_many_undecided_pairs_sketch_the_gallery_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sketched: list[bool] = []

    def counting(*given: object, probes: bool, dtype: torch.dtype) -> bounds.Sketch:
        sketched.append(probes)
        return sketch(*given, probes=probes, dtype=dtype)  # type: ignore[arg-type]

    monkeypatch.setattr(retrieval, "sketch", counting)
    monkeypatch.setattr(retrieval, "MOST_PAIRS", 0)
    monkeypatch.setattr(retrieval, "PROBES", 4)
    rows = hard("near duplicates", np.random.default_rng(3), 60)
    find(rows[:20], rows[20:], [*range(20)], [*range(20)] * 2)
    # Each probe has two matches; its five blocks are compared at once for each.
    assert sketched == [True, False] * 2


def test_float32_products_alone_give_wrong_ranks() -> None:
    generator = np.random.default_rng(3)
    rows = hard("far from zero", generator, 60)
    exact = distances(rows, rows).argsort(axis=1)
    x = torch.from_numpy(rows)
    plain = sum(
        torch.cdist(x[:, p], x[:, p], compute_mode="use_mm_for_euclid_dist") for p in range(3)
    )
    assert (np.asarray(plain).argsort(axis=1) != exact).mean() > 0.1


@pytest.mark.parametrize(("kind", "directions"), product(KINDS, (None, 1, 6)))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_distance_is_between_its_bound_and_its_bound_plus_the_slacks(
    kind: str, directions: int | None, dtype: torch.dtype
) -> None:
    rows = hard(kind, np.random.default_rng(5), 40)
    projection = fit_projection([rows], directions)
    one = sketch(projection, rows, probes=True, dtype=dtype)
    other = sketch(projection, rows, probes=False, dtype=dtype)
    lower = lower_bounds(one.factors, other.factors).double().numpy()
    exact = distances(rows, rows)
    assert (lower <= exact).all()
    assert (exact <= lower + one.slack[:, None] + other.slack).all()
    if directions is None and kind != "near duplicates":
        assert (lower >= exact * (0.99 if dtype is torch.float32 else 1 - 1e-6)).all()


def test_a_sketch_of_few_directions_is_short_and_precise() -> None:
    generator = np.random.default_rng(0)
    rows = (generator.normal(size=(300, 3, 64)) * 0.7 ** np.arange(64)).astype(np.float32)
    projection = fit_projection([rows])
    assert projection.axes is not None
    assert projection.axes.shape == (3, 64, 16)
    assert projection.short
    factors = (sketch(projection, rows, probes=probing).factors for probing in (True, False))
    lower, exact = lower_bounds(*factors).numpy(), distances(rows, rows)
    others = ~np.eye(300, dtype=bool)
    assert lower[others] == pytest.approx(exact[others], rel=5e-3)
    assert np.median(1 - lower[others] / exact[others]) < 1e-3


def test_a_small_gallery_or_one_without_leading_directions_is_not_projected() -> None:
    generator = np.random.default_rng(0)
    few = (generator.normal(size=(60, 2, 64)) * 0.5 ** np.arange(64)).astype(np.float32)
    assert fit_projection([few]).axes is None
    assert fit_projection([generator.normal(size=(300, 2, 64)).astype(np.float32)]).axes is None
    assert not Projection(np.zeros((2, 64)), None).short


def test_the_number_of_directions_is_that_of_the_part_with_the_most() -> None:
    energies = np.array([[1.0] * 3 + [0.0] * 29, [1.0] * 9 + [1e-9] * 23])
    assert leading(energies) == 16
    assert leading(energies[:1]) == 8


def test_the_distance_is_the_mean_over_parts_or_that_of_the_flattened_embeddings() -> None:
    generator = np.random.default_rng(0)
    one, other = (generator.normal(size=(n, 4, 5)).astype(np.float32) for n in (3, 2))
    found, flat = distances(one, other), distances(one, other, kind="flat")
    for i, j in product(range(3), range(2)):
        assert found[i, j] == pytest.approx(distance(one[i], other[j]), rel=1e-12)
        both = (as_parts(rows, "flat") for rows in (one[i : i + 1], other[j : j + 1]))
        assert flat[i, j] == pytest.approx(distance(*(rows[0] for rows in both)), rel=1e-12)


def test_an_unknown_kind_of_distance_fails() -> None:
    with pytest.raises(ValueError, match="'cosine': 'parts' or 'flat'"):
        as_parts(np.zeros((1, 2, 3), np.float32), "cosine")
