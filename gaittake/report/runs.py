"""What the runs of a table have left behind, as the report reads it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gaittake.evaluation.markdown import NAMES
from gaittake.evaluation.probes import read_probes
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_json
from gaittake.settings import EmbedStage

CONDITIONS = {"nm": "normal walking", "bg": "with a bag", "cl": "in a coat"}


class Run(NamedTuple):
    """One training of a method, or a method that learns nothing.

    Attributes:
        name: of its folder: `gaittake`, `gaittake-seed1`.
        metrics: what `metrics.json` holds.
        probes: the rank of each probe.
        history: of the training, or None.
        embeddings: the file of its embeddings.
        weights: the file of its weights, or None.
        embed: the settings that it was embedded with.
    """

    name: str
    metrics: dict[str, Any]
    probes: pd.DataFrame
    history: pd.DataFrame | None
    embeddings: Path
    weights: Path | None
    embed: EmbedStage

    @property
    def title(self) -> str:
        """The run's name as people write it: `GaitTAKE`, `GaitTAKE, seed 1`."""
        return named(self.metrics["method"]) + self.name.removeprefix(
            self.metrics["method"]
        ).replace("-seed", ", seed ")

    @property
    def mean(self) -> float:
        """Rank-1 over all conditions, 0…1; what has no number counts as 0."""
        means = [c["mean"]["rank1"] or 0.0 for c in self.metrics["conditions"].values()]
        return sum(means) / len(means)


def named(method: str) -> str:
    """Returns a method's name as people write it."""
    return str(NAMES.get(method, method.replace("_", " ")))


def said(condition: str) -> str:
    """Returns a condition in words: `normal walking (nm)`."""
    return f"{CONDITIONS[condition]} ({condition})" if condition in CONDITIONS else condition


def percent(value: float | None, digits: int = 1) -> str:
    """Returns a share in percent, a dash where there is none."""
    return "–" if value is None else f"{100 * value:.{digits}f}"


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Returns the runs in these folders.

    Raises:
        UserError: a file is missing or damaged.
    """
    return [_read(folder) for folder in folders]


def _read(folder: Path) -> Run:
    history, weights = folder / "train.csv", folder / "weights.pt"
    embeddings = folder / "embeddings.h5"
    with open_ragged(embeddings, kind="embeddings") as opened:
        embed = EmbedStage.model_validate_json(opened.attributes["settings"])
    learnt = embed.network != "gei"
    return Run(
        folder.name,
        read_json(folder / "metrics.json"),
        read_probes(folder / "probes.csv"),
        pd.read_csv(history) if learnt and history.exists() else None,
        embeddings,
        weights if learnt and weights.exists() else None,
        embed,
    )


def chief(runs: Sequence[Run]) -> Run:
    """Returns the run that the figures show: the one of the highest mean rank-1."""
    return max(runs, key=lambda run: run.mean)


def first_seeds(runs: Sequence[Run]) -> list[Run]:
    """Returns one run of each method."""
    found: dict[str, Run] = {}
    for run in runs:
        found.setdefault(run.metrics["method"], run)
    return list(found.values())
