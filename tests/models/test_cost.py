"""Weights and multiply-accumulates of the networks, compared with the published numbers."""

from typing import Any

import pytest

from gaittake.cli.networks import ICCV, rows
from gaittake.models import NETWORKS, build_network
from gaittake.models.cost import network_cost
from gaittake.settings import OPENGAIT, PAPERS, SECTIONS, SIZES

WEIGHTS = {
    "casiab": {
        "gei": 0,
        "energynet": 199_168,
        "gaitset": 2_594_592,
        "gaitpart": 1_204_000,
        "mt3d": 3_190_624,
        "gaitgl": 2_490_209,
        "gaitbase": 6_994_112,
        "deepgaitv2": 8_028_096,
        "skeletongait_plus": 8_104_544,
        ICCV: 3_096_673,
        "gaittake": 49_046_819,
    },
    "oumvlp": {
        "gei": 0,
        "energynet": 199_168,
        "gaitset": 6_313_536,
        "gaitpart": 4_841_248,
        "mt3d": 3_190_624,
        "gaitgl": 10_944_353,
        "gaitbase": 6_994_112,
        "deepgaitv2": 8_028_096,
        "skeletongait_plus": 8_104_544,
        "gaittake": 104_056_099,
    },
}
# Published multiply-accumulates for 30 frames, in 10⁹.
WORK = {
    "gaitset": 3.26,
    "gaitpart": 3.2,
    "mt3d": 18.3,
    "gaitgl": 12.6,
    ICCV: 12.6,
    "gaitbase": 35.346,
    "deepgaitv2": 41.574,
    "skeletongait_plus": 47.999,
}
EMBEDDINGS = {
    "gei": (1, 2816),
    "energynet": (16, 64),
    "gaitset": (62, 256),
    "gaitpart": (16, 128),
    "mt3d": (64, 128),
    "gaitgl": (64, 128),
    ICCV: (64, 128),
    "gaitbase": (16, 256),
    "deepgaitv2": (16, 256),
    "skeletongait_plus": (16, 256),
    "gaittake": (64, 128),
}


@pytest.mark.parametrize("size", ["casiab", "oumvlp"])
def test_every_network_has_the_published_number_of_weights(size: str) -> None:
    assert {row.name: row.weights for row in rows(size, {})} == WEIGHTS[size]


def test_every_network_has_the_published_multiply_accumulates() -> None:
    found = {row.name: row for row in rows("casiab", {})}
    for name, published in WORK.items():
        assert found[name].multiply_accumulates / 1e9 == pytest.approx(published, rel=0.003)
    assert {name: (row.parts, row.embedding) for name, row in found.items()} == EMBEDDINGS


@pytest.mark.parametrize(
    ("network", "numbers", "weights", "work"),
    [
        ("deepgaitv2", {"blocks": (1, 4, 4, 1)}, 13_195_968, 85.174),
        ("skeletongait_plus", {"blocks": (1, 4, 4, 1)}, 13_272_416, 91.599),
        # With Bn, and without the classifier, whose products are 0.084 of the published 58.641.
        ("gaitgl", OPENGAIT["gaitgl"]["oumvlp"], 11_193_697, 58.641 - 0.084),
        ("gaitgl", OPENGAIT["gaitgl"]["casiab"], 2_490_465, 12.618),
    ],
)
def test_the_sizes_of_published_weights(
    network: str, numbers: dict[str, Any], weights: int, work: float
) -> None:
    cost = network_cost(lambda: build_network(network, **numbers))
    assert cost.weights == weights
    assert cost.multiply_accumulates / 1e9 == pytest.approx(work, abs=0.002)


def test_small_networks_cost_a_hundredth() -> None:
    full = {row.name: row.multiply_accumulates for row in rows("casiab", {})}
    small = {row.name: row.multiply_accumulates for row in rows("small", {})}
    for name in small.keys() - {"gei", "energynet"}:
        assert small[name] < full[name] / 70


def test_every_network_has_settings_and_a_paper() -> None:
    assert set(SECTIONS) == set(NETWORKS) == set(PAPERS)
    assert all(set(sizes) <= set(SECTIONS) for sizes in SIZES.values())
