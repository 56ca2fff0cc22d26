"""The runs of a table, as the report reads them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gaittake.evaluation.probes import read_probes
from gaittake.evaluation.tables import method_name
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_json, require_whole
from gaittake.settings import EmbedStage, learns

CONDITIONS = {"nm": "normal walking", "bg": "with a bag", "cl": "in a coat"}


class Run(NamedTuple):
    """One training of a method with one seed, or a method without training.

    Attributes:
        name: of the folder: `gaittake`, `gaittake-seed1`.
        metrics: contents of `metrics.json`.
        probes: the ranks of each probe.
        history: of the training, or None.
        embeddings: file of the embeddings.
        weights: file of the weights, or None.
        embed: settings of the embed stage.
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
        """The name for readers: `GaitTAKE`, `GaitTAKE, seed 1`."""
        method = self.metrics["method"]
        seed = self.name.removeprefix(method).replace("-seed", ", seed ")
        return method_name(method) + seed

    @property
    def mean(self) -> float:
        """Mean rank-1 over all conditions, 0…1; a condition without a value counts as 0."""
        means = [c["mean"]["rank1"] or 0.0 for c in self.metrics["conditions"].values()]
        return sum(means) / len(means)


def condition_title(condition: str) -> str:
    """Returns a condition in words: `normal walking (nm)`."""
    return f"{CONDITIONS[condition]} ({condition})" if condition in CONDITIONS else condition


def percent(value: float | None, digits: int = 1) -> str:
    """Returns a share in percent, a dash for None."""
    return "–" if value is None else f"{100 * value:.{digits}f}"


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Returns the runs in these folders.

    Raises:
        UserError: a file is missing or damaged.
    """
    return [_read(folder) for folder in folders]


def _read(folder: Path) -> Run:
    history, weights = folder / "train.csv", folder / "weights.safetensors"
    embeddings = folder / "embeddings.h5"
    with open_ragged(embeddings, kind="embeddings") as opened:
        embed = EmbedStage.model_validate_json(opened.attributes["settings"])
    trained = learns(embed.network)
    require_whole(history)
    return Run(
        folder.name,
        read_json(folder / "metrics.json"),
        read_probes(folder / "probes.csv"),
        pd.read_csv(history) if trained and history.exists() else None,
        embeddings,
        weights if trained and weights.exists() else None,
        embed,
    )


def best_run(runs: Sequence[Run]) -> Run:
    """Returns the run with the highest mean rank-1; the figures of one method show this run."""
    return max(runs, key=lambda run: run.mean)


def first_seeds(runs: Sequence[Run]) -> list[Run]:
    """Returns one run of each method."""
    found: dict[str, Run] = {}
    for run in runs:
        found.setdefault(run.metrics["method"], run)
    return list(found.values())


def best_and_others(runs: Sequence[Run]) -> list[Run]:
    """Returns the best run, then one run of each other method."""
    best = best_run(runs)
    others = [run for run in first_seeds(runs) if run.metrics["method"] != best.metrics["method"]]
    return [best, *others]
