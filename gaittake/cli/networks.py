"""The command that lists the networks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from gaittake.settings import Size

DATASETS: "dict[Size, str]" = {"casiab": "CASIA-B", "oumvlp": "OU-MVLP"}
ICCV = "gaitgl iccv"
CASIAB_SUBJECTS = 74
CAPTION = (
    "GMAC: 10⁹ multiply-accumulates for 30 frames of 64 × 44. Embeddings: parts × numbers. "
    f"{ICCV}: with the classifier of {CASIAB_SUBJECTS} subjects, used in training alone."
)
# Written by docs/generated.py, because counting takes seconds: it imports PyTorch.
COUNTED = Path(__file__).with_name("networks.json")

Counts = tuple[int, int, int, int]


class Row(NamedTuple):
    """A network in one size.

    Attributes:
        name: of the network.
        weights: number of learnable values.
        multiply_accumulates: for 30 frames of 64 x 44, of convolutions and matrix products.
        parts: p of the embeddings.
        embedding: d of the embeddings.
        paper: that published the network.
    """

    name: str
    weights: int
    multiply_accumulates: int
    parts: int
    embedding: int
    paper: str


def networks() -> None:
    """List the networks: parameters, multiply-accumulates, embeddings, papers."""
    from rich.console import Console
    from rich.table import Table

    console, known = Console(), counted_before()
    for size, dataset in DATASETS.items():
        drawn = Table(title=f"Networks in their size for {dataset}")
        for column in ("network", "parameters", "GMAC", "embeddings", "paper"):
            drawn.add_column(column, justify="left" if column in ("network", "paper") else "right")
        for row in rows(size, known):
            drawn.add_row(
                row.name,
                f"{row.weights:,}",
                f"{row.multiply_accumulates / 1e9:.2f}",
                f"{row.parts} × {row.embedding}",
                row.paper,
            )
        console.print(drawn)
    console.print(CAPTION)


def rows(size: "Size", known: Mapping[str, Counts]) -> list[Row]:
    """Returns the networks in one of their published sizes.

    Args:
        size: one of them.
        known: counts by `key`; what is not in it is counted, which takes seconds.
    """
    from gaittake.settings import PAPERS, SECTIONS

    found = [
        Row(name, *_counts(name, numbers_of(name, size), known), PAPERS[name]) for name in SECTIONS
    ]
    if size == "casiab":  # for OU-MVLP the ICCV version is another network
        iccv = Row(ICCV, *_counts("gaitgl", numbers_of("gaitgl", size, head="iccv"), known), "")
        classifier = iccv.parts * iccv.embedding * CASIAB_SUBJECTS
        paper = "Lin et al., ICCV 2021"
        found.insert(-1, iccv._replace(weights=iccv.weights + classifier, paper=paper))
    return found


def numbers_of(network: str, size: "Size", **changes: Any) -> dict[str, Any]:
    """Returns the settings of a network in a size, with some changes."""
    from gaittake.settings import SECTIONS, SIZES

    chosen = SIZES[size].get(network, {}) | changes
    return SECTIONS[network].model_validate(chosen).model_dump(mode="json")


def key(network: str, numbers: Mapping[str, Any]) -> str:
    """Returns the name of a network with some settings, in the file of counts."""
    return f"{network} {json.dumps(numbers, sort_keys=True)}"


def counted_before() -> dict[str, Counts]:
    """Returns the counts of the file, by `key`."""
    read: dict[str, list[int]] = json.loads(COUNTED.read_text(encoding="utf-8"))
    return {name: (each[0], each[1], each[2], each[3]) for name, each in read.items()}


def count(network: str, numbers: Mapping[str, Any]) -> Counts:
    """Returns weights, multiply-accumulates, p and d of a network, counted with PyTorch."""
    from gaittake.models import build_network
    from gaittake.models.cost import network_cost

    return network_cost(lambda: build_network(network, height=64, width=44, **numbers))


def _counts(network: str, numbers: Mapping[str, Any], known: Mapping[str, Counts]) -> Counts:
    return known.get(key(network, numbers)) or count(network, numbers)
