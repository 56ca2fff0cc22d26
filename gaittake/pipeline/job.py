"""What a command or a rule works on: a dataset, and one of its shards, methods or tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from gaittake.errors import UserError
from gaittake.pipeline import subjects
from gaittake.settings import Settings, load_settings

RESULTS = Path("results")


@dataclass(frozen=True, eq=False)
class Job:
    """One piece of a dataset's work: its settings, and where its files lie.

    Attributes:
        dataset: described by `config/{dataset}.yaml`.
        overrides: `section.field=value` each, applied on top of the file.
        shard: for stages that run by shard, for example `train-000`.
        method: for stages that run by method: the name of a run, for example `gaittake-seed1`.
        table: for `compare`, for example `rank1`.
        results: the folder of all results.
    """

    dataset: str
    overrides: Sequence[str] = ()
    shard: str | None = None
    method: str | None = None
    table: str | None = None
    results: Path = RESULTS

    @cached_property
    def settings(self) -> Settings:
        """The dataset's settings, read when first needed."""
        name = Path(self.dataset).name.removesuffix(".yml").removesuffix(".yaml")
        if "/" in self.dataset or (name != self.dataset and Path("config", self.dataset).exists()):
            raise UserError(
                f"'{self.dataset}': the name of a dataset is required, for example {name}"
            )
        return load_settings(Path("config", f"{self.dataset}.yaml"), tuple(self.overrides))

    @cached_property
    def shards(self) -> dict[str, list[str]]:
        """The subjects of each shard."""
        return subjects.shards(self.settings)

    def at(
        self, *, shard: str | None = None, method: str | None = None, table: str | None = None
    ) -> "Job":
        """Returns the job for one part of this dataset; the settings are not read again."""
        part = replace(self, shard=shard, method=method, table=table)
        vars(part).update(
            {name: value for name, value in vars(self).items() if name in ("settings", "shards")}
        )
        return part

    def path(self, name: str) -> Path:
        """Returns a file of the dataset, for example `{method}/weights.safetensors`.

        Raises:
            UserError: the name has a `{shard}` or `{method}`, and the job has none or an unknown.
        """
        if "{shard}" in name:
            name = name.replace("{shard}", self.known_shard())
        if "{method}" in name:
            name = name.replace("{method}", self.known_method())
        return self.results / self.dataset / name

    def each(self, name: str, part: str = "") -> list[Path]:
        """Returns a file for each shard; `part` limits them to the `train` or `test` subjects."""
        return [
            self.results / self.dataset / name.replace("{shard}", shard)
            for shard in self.shards
            if shard.startswith(part)
        ]

    def result(self, ending: str) -> Path:
        """Returns a final file of the dataset: `rank1.csv` is results/casiab_rank1.csv."""
        return self.results / f"{self.dataset}_{ending}"

    def known_shard(self) -> str:
        """Returns the shard's name.

        Raises:
            UserError: none is given, or the dataset has no such shard; lists those it has.
        """
        if self.shard is None:
            raise UserError(f"--shard is required; {self.dataset} has {', '.join(self.shards)}")
        if self.shard not in self.shards:
            raise UserError(f"--shard {self.shard}: {self.dataset} has {', '.join(self.shards)}")
        return self.shard

    def known_method(self) -> str:
        """Returns the run's name.

        Raises:
            UserError: none is given, or the dataset has no such method or seed.
        """
        if self.method is None:
            methods = ", ".join(self.settings.methods)
            raise UserError(f"--method is required; {self.dataset} has {methods}")
        self.settings.method(self.method.partition("-seed")[0])
        return self.method


def runs(settings: Settings, method: str) -> list[str]:
    """Returns the names of a method's trainings, one for each seed: `gaittake`, `gaittake-seed1`.

    The first seed's is the method's own name. A method that trains nothing has one.
    """
    seeds = settings.seeds if settings.method(method).learns else settings.seeds[:1]
    return [method, *(f"{method}-seed{seed}" for seed in seeds[1:])]


def method_of(run: str, settings: Settings) -> tuple[str, int]:
    """Returns method and seed of a run's name.

    Raises:
        UserError: the settings have no such seed.
    """
    method, _, seed = run.partition("-seed")
    if not seed:
        return method, settings.seeds[0]
    if not seed.isdecimal() or int(seed) not in settings.seeds[1:]:
        raise UserError(f"{run}: there is no seed {seed}; seeds has {list(settings.seeds)}")
    return method, int(seed)
