"""Weights and multiply-accumulates of the networks, compared with the published numbers."""

import pytest

from gaittake.cli.networks import ICCV, rows
from gaittake.models import NETWORKS
from gaittake.settings import PAPERS, SECTIONS, SIZES

WEIGHTS = {
    "casiab": {
        "gei": 0,
        "energynet": 199_168,
        "gaitset": 2_594_592,
        "gaitpart": 1_204_000,
        "mt3d": 3_190_624,
        "gaitgl": 2_490_209,
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
        "gaittake": 104_056_099,
    },
}
# Published multiply-accumulates for 30 frames, in 10⁹.
WORK = {"gaitset": 3.26, "gaitpart": 3.2, "mt3d": 18.3, "gaitgl": 12.6, ICCV: 12.6}
EMBEDDINGS = {
    "gei": (1, 2816),
    "energynet": (16, 64),
    "gaitset": (62, 256),
    "gaitpart": (16, 128),
    "mt3d": (64, 128),
    "gaitgl": (64, 128),
    ICCV: (64, 128),
    "gaittake": (64, 128),
}


@pytest.mark.parametrize("size", ["casiab", "oumvlp"])
def test_every_network_has_the_published_number_of_weights(size: str) -> None:
    assert {row.name: row.cost.weights for row in rows(size)} == WEIGHTS[size]


def test_every_network_has_the_published_multiply_accumulates() -> None:
    found = {row.name: row.cost for row in rows("casiab")}
    for name, published in WORK.items():
        assert found[name].multiply_accumulates / 1e9 == pytest.approx(published, rel=0.003)
    assert {name: (cost.parts, cost.embedding) for name, cost in found.items()} == EMBEDDINGS


def test_small_networks_cost_a_hundredth() -> None:
    full = {row.name: row.cost.multiply_accumulates for row in rows("casiab")}
    small = {row.name: row.cost.multiply_accumulates for row in rows("small")}
    for name in small.keys() - {"gei", "energynet"}:
        assert small[name] < full[name] / 70


def test_every_network_has_settings_and_a_paper() -> None:
    assert set(SECTIONS) == set(NETWORKS) == set(PAPERS)
    assert all(set(sizes) <= set(SECTIONS) for sizes in SIZES.values())
