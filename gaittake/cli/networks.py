"""The command that lists the networks."""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from gaittake.models.cost import Cost
    from gaittake.settings import Size

DATASETS: "dict[Size, str]" = {"casiab": "CASIA-B", "oumvlp": "OU-MVLP"}
ICCV = "gaitgl iccv"
CASIAB_SUBJECTS = 74
CAPTION = (
    "GMAC: 10⁹ multiply-accumulates for 30 frames of 64 × 44. Embeddings: parts × numbers. "
    f"{ICCV}: with the classifier of {CASIAB_SUBJECTS} subjects, used in training alone."
)


class Row(NamedTuple):
    """A network in one size."""

    name: str
    cost: "Cost"
    paper: str


def networks() -> None:
    """List the networks: parameters, multiply-accumulates, embeddings, papers."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for size, dataset in DATASETS.items():
        drawn = Table(title=f"Networks in their size for {dataset}")
        for column in ("network", "parameters", "GMAC", "embeddings", "paper"):
            drawn.add_column(column, justify="left" if column in ("network", "paper") else "right")
        for name, cost, paper in rows(size):
            drawn.add_row(
                name,
                f"{cost.weights:,}",
                f"{cost.multiply_accumulates / 1e9:.2f}",
                f"{cost.parts} × {cost.embedding}",
                paper,
            )
        console.print(drawn)
    console.print(CAPTION)


def rows(size: "Size") -> list[Row]:
    """Returns the networks in one of their published sizes."""
    from gaittake.settings import PAPERS, SECTIONS

    found = [Row(name, _cost(name, size, {}), PAPERS[name]) for name in SECTIONS]
    if size == "casiab":  # for OU-MVLP the ICCV version is another network
        cost = _cost("gaitgl", size, {"head": "iccv"})
        classifier = cost.parts * cost.embedding * CASIAB_SUBJECTS
        cost = cost._replace(weights=cost.weights + classifier)
        found.insert(-1, Row(ICCV, cost, "Lin et al., ICCV 2021"))
    return found


def _cost(network: str, size: "Size", overrides: dict[str, Any]) -> "Cost":
    from gaittake.models import build_network
    from gaittake.models.cost import network_cost
    from gaittake.settings import SECTIONS, SIZES

    chosen = SIZES[size].get(network, {}) | overrides
    numbers = SECTIONS[network].model_validate(chosen).model_dump()
    return network_cost(lambda: build_network(network, height=64, width=44, **numbers))
