"""Rates by the standard against plain loops: FNMR at a FMR, DET, FNIR at a FPIR, lost sequences."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gaittake.evaluation import open_set as module
from gaittake.evaluation.acquisition import losses, lost_sequences
from gaittake.evaluation.error_tables import search_table
from gaittake.evaluation.open_set import (
    NEAREST,
    Others,
    Searches,
    first_present,
    largest_limit,
    nearest_others,
    open_set,
)
from gaittake.evaluation.pairs import SubjectPairs, count_pairs, det, empty_pairs, verify
from gaittake.evaluation.verification import RESOLUTION
from gaittake.sequence import IDENTITY, Reject
from gaittake.settings import Protocol
from tests.evaluation.plain import made_up
from tests.evaluation.test_protocols import evaluated

SUBJECTS = 12


def made_pairs() -> tuple[SubjectPairs, list[tuple[int, float]], list[tuple[int, float]]]:
    """Returns counts, and the pairs (subject, distance) of one subject and of different ones."""
    generator = np.random.default_rng(0)
    pairs = empty_pairs(SUBJECTS, 1.0)
    sides = []
    for counts, mean, number in ((pairs.same, 0.7, 40), (pairs.different, 1.2, 400)):
        distances = generator.normal(mean, 0.15, (SUBJECTS, number)).clip(0.1).astype(np.float32)
        distances[:, 0] = np.inf  # a pair that does not count
        count_pairs(counts, pairs.lowest, torch.from_numpy(distances), np.arange(SUBJECTS))
        sides.append([(s, float(d)) for s in range(SUBJECTS) for d in distances[s, 1:]])
    return pairs, *sides


@pytest.mark.parametrize("at", [0.01, 0.001])
def test_fnmr_at_a_fmr_is_that_of_a_plain_loop(at: float) -> None:
    pairs, same, different = made_pairs()
    found = verify(pairs, at)
    assert found is not None
    ordered = sorted(d for _, d in different)
    limit = ordered[int(at * len(ordered))]  # the nearest that must not match
    assert limit * (1 - 2 * RESOLUTION) < found.threshold < limit
    for subject in range(SUBJECTS):
        misses = sum(s == subject and d > found.threshold for s, d in same)
        false = sum(s == subject and d <= found.threshold for s, d in different)
        assert (found.misses[subject], found.false_matches[subject]) == (misses, false)
    assert found.fnmr.value == pytest.approx(found.misses.sum() / len(same))
    assert found.false_matches.sum() <= at * len(different)
    for subject, rate in enumerate(found.fnmr.without):
        others = sorted(d for s, d in different if s != subject)
        limit = others[int(at * len(others))]
        kept = [d for s, d in same if s != subject]
        bounds = [np.mean([d >= limit * (1 + x * RESOLUTION) for d in kept]) for x in (1, -2)]
        assert bounds[0] - 1e-9 <= rate <= bounds[1] + 1e-9


def test_people_without_a_probe_are_not_drawn() -> None:
    pairs, _, _ = made_pairs()
    more = [np.vstack([item, np.zeros((8, item.shape[1]), item.dtype)]) for item in pairs[1:]]
    found, beside = verify(pairs, 0.01), verify(SubjectPairs(pairs.lowest, *more), 0.01)
    assert found is not None
    assert beside is not None
    for one, other in zip(found.fnmr, beside.fnmr, strict=True):
        assert np.array_equal(one, other)
    assert beside.misses.tolist() == [*found.misses, *[0] * 8]


def test_the_det_curve_is_that_of_a_plain_loop() -> None:
    pairs, same, different = made_pairs()
    curve = det(pairs)
    assert min(curve["fmr"]) >= 1 / len(different)
    assert curve["fnmr"] == sorted(curve["fnmr"], reverse=True)
    ordered = sorted(d for _, d in different)
    for at, rate in zip(curve["fmr"][:-1], curve["fnmr"][:-1], strict=True):
        limit = ordered[min(int(at * len(ordered) + 1e-9), len(ordered) - 1)]
        bounds = [np.mean([d >= limit * (1 + x * RESOLUTION) for _, d in same]) for x in (1, -2)]
        assert bounds[0] - 1e-9 <= rate <= bounds[1] + 1e-9
    assert curve["fnmr"][-1] == 0


def test_too_few_pairs_measure_no_rate() -> None:
    pairs = empty_pairs(2, 1.0)
    for counts, number in ((pairs.same, 5), (pairs.different, 99)):
        count_pairs(counts, pairs.lowest, torch.ones(1, number), np.array([0]))
    assert verify(pairs, 0.01) is None
    count_pairs(pairs.different, pairs.lowest, torch.ones(1, 1), np.array([1]))
    assert verify(pairs, 0.01) is not None


def test_the_nearest_other_subjects_are_those_of_a_plain_loop() -> None:
    generator = np.random.default_rng(1)
    owners = generator.integers(0, 12, 40)
    bounds = torch.from_numpy(generator.random((6, 40), dtype=np.float32))
    bounds[torch.arange(6)[:, None] == torch.from_numpy(owners)] = torch.inf
    found = nearest_others(bounds, owners)
    for row in range(6):
        nearest = {s: float(bounds[row, owners == s].min()) for s in set(owners.tolist()) - {row}}
        expected = sorted((d, s) for s, d in nearest.items())[:NEAREST]
        assert list(zip(found.distances[row], found.subjects[row], strict=True)) == expected


def test_fewer_subjects_than_places_leave_them_empty() -> None:
    found = nearest_others(torch.tensor([[torch.inf, 2.0, 1.0]]), np.array([0, 1, 2]))
    assert found.subjects[0].tolist() == [2, 1] + [-1] * (NEAREST - 2)
    assert np.isinf(found.distances[0, 2:]).all()
    rows, absent = np.array([0]), np.array([True, True, True])
    assert first_present(found, rows, absent)[0] == np.inf
    assert first_present(found, rows, np.array([True, False, True]))[0] == 2


def test_the_threshold_keeps_the_positives_at_the_asked_share() -> None:
    nearest, ones = np.array([1.0, 2, 2, 3, 4]), np.ones(5)
    assert [largest_limit(nearest, ones, at) for at in (0, 0.2, 0.4, 0.6, 1)] == [
        1,
        2,
        2,
        3,
        np.inf,
    ]
    assert largest_limit(nearest, np.array([0.0, 1, 1, 1, 1]), 0.25) == 2


def test_fnir_is_that_of_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAWS", 5)
    monkeypatch.setattr(module, "FPIR", (0.2,))
    generator = np.random.default_rng(3)
    # A complete matrix of distances: 3 searches of each subject, a gallery sequence of each.
    subject = np.repeat(np.arange(SUBJECTS), 3)
    matrix = generator.normal(1, 0.2, (len(subject), SUBJECTS)).astype(np.float32)
    matrix[np.arange(len(subject)), subject] -= 0.4
    mate = matrix[np.arange(len(subject)), subject].astype(np.float64)
    mate[4] = np.inf  # no mate in this gallery
    bounds = torch.from_numpy(matrix.copy())
    bounds[np.arange(len(subject)), subject] = torch.inf
    monkeypatch.setattr(module, "NEAREST", SUBJECTS)
    searches = Searches(
        subject, mate, nearest_others(bounds, np.arange(SUBJECTS)), np.full(SUBJECTS, 1)
    )
    found = open_set(searches)[0.2]
    assert found is not None
    draw = np.random.default_rng(module.SEED)
    rates, general = [], []
    for _ in range(5):
        absent = set(draw.choice(np.arange(SUBJECTS), 2, replace=False).tolist())
        draw.choice(np.arange(SUBJECTS), SUBJECTS)
        nearest = sorted(
            min(matrix[q, s] for s in range(SUBJECTS) if s not in absent)
            for q in range(len(subject))
            if subject[q] in absent
        )
        assert len(nearest) == 6
        limit = nearest[1]  # one of six searches is less than 20 %
        held = [q for q in range(len(subject)) if subject[q] not in absent and mate[q] < np.inf]
        misses = sum(mate[q] >= limit for q in held)
        rates.append(misses / len(held))
        general.append((misses + 10) / (len(held) + 10))
    assert found.fnir == pytest.approx(np.mean(rates))
    assert found.generalised == pytest.approx(np.mean(general))
    assert 0 < found.fnir < found.generalised


def test_too_few_searches_measure_no_rate() -> None:
    empty = Others(np.full((8, NEAREST), np.inf, np.float32), np.full((8, NEAREST), -1, np.int32))
    searches = Searches(np.arange(8), np.ones(8), empty, np.zeros(8, np.int64))
    assert open_set(searches) == {0.01: None, 0.003: None}


def test_lost_sequences_are_those_of_the_index_and_of_the_rejects() -> None:
    rejects = [
        Reject("cache", "/data/001/nm-02/000", "no usable frame"),
        Reject("index", "/data/002/nm-01/090", "empty folder"),
        Reject("cache", "/data/001/nm-01/000#12", "empty silhouette"),  # a frame of a found one
        Reject("survey", "002/nm-02/090", "view of the protocol's sequence missing"),
        Reject("cache", "/data/009/nm-02/000", "no usable frame"),  # no test subject
    ]
    found = lost_sequences(
        [("001", "nm-01", "000"), ("001", "nm-02", "000"), ("009", "nm-02", "000")],
        [("001", "nm-01", "000")],
        rejects,
        ["001", "002"],
    )
    assert found.to_numpy().tolist() == [["001", "nm-02", "000"], ["002", "nm-01", "090"]]


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("Silhouette_090-01/00002", ("00002", "nm-01", "090")),
        ("Silhouette_090-00/Silhouette_090-00/00002", ("00002", "nm-00", "090")),
        ("session2/149_02", ("149", "s2-02", "front")),
        ("615/H/scene3_s/bg/018/2", ("615", "H-scene3_s-bg-2", "018")),
    ],
)
def test_a_rejected_folder_is_a_lost_sequence_in_every_layout(
    path: str, identity: tuple[str, str, str]
) -> None:
    rejects = [Reject("index", f"/data/{path}", "empty folder")]
    found = lost_sequences([], [], rejects, [identity[0]])
    assert identity in list(found.itertuples(index=False, name=None))
    frames = [Reject("cache", f"/data/{path}#12", "empty silhouette")]
    assert identity not in list(
        lost_sequences([], [identity], frames, [identity[0]]).itertuples(index=False, name=None)
    )
    assert lost_sequences([], [], rejects, ["999"]).empty


@pytest.mark.parametrize("comparison", ["views", "reid"])
def test_lost_pairs_and_searches_are_those_of_a_plain_loop(comparison: str) -> None:
    subjects, views = ["001", "002", "003"], ["00_1", "00_2", "01_1"]
    _, every = made_up(subjects, ["nm-01", "nm-02", "nm-03"], views, lost=0)
    is_lost = np.random.default_rng(5).random(len(every)) < 0.3
    protocol = Protocol.model_validate(
        {"gallery": ["nm-01"], "probes": {"nm": ["nm-02", "nm-03"]}, "comparison": [comparison]}
    )
    lost = losses(protocol, every[~is_lost], every[is_lost], subjects)["nm"]
    rows = [
        (*row, bool(gone)) for row, gone in zip(every.itertuples(index=False), is_lost, strict=True)
    ]
    same = different = 0
    searches: dict[tuple[str, str, str, str], list[bool]] = {}
    for subject, kind, view, gone in rows:
        for owner, other, place, absent in rows:
            if kind == "nm-01" or other != "nm-01":
                continue
            if comparison == "views" and view == place:
                continue
            if comparison == "reid" and subject == owner and view[:2] == place[:2]:
                continue
            same += subject == owner and (gone or absent)
            different += subject != owner and (gone or absent)
            if subject == owner:
                cell = place if comparison == "views" else "gallery"
                searches.setdefault((subject, kind, view, cell), []).append(not gone and not absent)
    assert (lost.same, lost.different) == (same, different)
    for place, subject in enumerate(subjects):
        expected = sum(not any(found) for key, found in searches.items() if key[0] == subject)
        assert lost.searches[place] == expected
    assert lost.probes == sum(gone and kind != "nm-01" for _, kind, _, gone in rows)


def test_a_lost_probe_is_an_error_of_the_generalised_rates(tmp_path: Path) -> None:
    people = [f"{n:03d}" for n in range(30)]
    embeddings, sequences = made_up(people, ["nm-01", "nm-02"], ["000", "036", "090"], lost=0)
    protocol = Protocol(gallery=("nm-01",), probes={"nm": ("nm-02",)}, partial=True)
    kept = np.ones(len(sequences), dtype=bool)
    gone = sequences.index[(sequences["type"] == "nm-02") & (sequences["view"] == "036")][:6]
    kept[gone] = False
    rejects = [
        Reject("cache", "/".join(row), "no usable frame")
        for row in sequences.loc[gone, list(IDENTITY)].itertuples(index=False, name=None)
    ]
    rest = pd.DataFrame(sequences[kept]).reset_index(drop=True)
    found = evaluated(tmp_path, embeddings[kept], rest, protocol, rejects=rejects)
    numbers = found["conditions"]["nm"]
    rates = numbers["error_rates"]
    assert rates["failure_to_acquire"]["rate"] == 6 / 90
    by_view = numbers["by_probe_view"]["rank1"]
    expected = (by_view["000"] + by_view["036"] * 24 / 30 + by_view["090"]) / 3
    assert rates["rank1_generalised"] == pytest.approx(expected)
    fnmr = rates["fnmr"]["0.01"]
    pairs = numbers["verification"]["pairs_same"]
    misses = fnmr["fnmr"] * pairs
    assert fnmr["generalised"] == pytest.approx((misses + 12) / (pairs + 12))
    assert fnmr["fnmr"] == pytest.approx(1 - numbers["mean"]["tar1"], abs=1e-9)
    assert rates["fnir"] == {"0.01": None, "0.003": None}  # 36 searches without a mate
    assert found["search"]["template_bytes"] == 24
    assert found["search"]["searches"] == 84 * 3
    seconds = found["provenance"]["search_cpu_seconds"]
    (row,) = search_table([("GEI", found)], speed=True).rows
    assert row == ["GEI", "24", "30", f"{84 * 3 / seconds:,.0f}"]
    (row,) = search_table([("GEI", found)], speed=False).rows
    assert row == ["GEI", "24", "30"]
