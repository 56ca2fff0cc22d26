"""What a command works on: options shared by commands, settings, the pipeline's own paths."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gaittake.errors import UserError

if TYPE_CHECKING:
    import torch

    from gaittake.settings import Section, Settings

BY_SHARD = ("render", "index", "pseudo-label", "predict", "cache")
BY_METHOD = ("train", "embed", "evaluate")
FILES = "Files (default: the pipeline's own)"


class Device(StrEnum):
    """Where to compute."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


Dataset = Annotated[str, typer.Argument(help="config/DATASET.yaml describes it.")]
Shard = Annotated[str | None, typer.Option(help="Which of its subjects, e.g. train-000.")]
Method = Annotated[str | None, typer.Option(help="Which row of the table, e.g. gaittake.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Another value; repeatable."),
]
Record = Annotated[
    str | None,
    typer.Option(
        "--settings", metavar="JSON", help="The stage's settings as the workflow passes them."
    ),
]
DeviceOption = Annotated[Device, typer.Option("--device", help="auto: a GPU where there is one.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of a CPU; default: all cores.")]
File = Annotated[Path | None, typer.Option(rich_help_panel=FILES)]
Files = Annotated[list[Path] | None, typer.Option(rich_help_panel=FILES, help="Repeatable.")]

S = TypeVar("S", bound="Section")


@dataclass(frozen=True)
class Job:
    """A dataset, and the shard, method or table of it that a command works on."""

    dataset: str
    overrides: Sequence[str] | None = None
    shard: str | None = None
    method: str | None = None
    table: str | None = None

    @cached_property
    def settings(self) -> "Settings":
        """The dataset's settings, read when first needed."""
        from gaittake.settings import load_settings

        return load_settings(Path("config", f"{self.dataset}.yaml"), tuple(self.overrides or ()))

    @cached_property
    def shards(self) -> list[str]:
        """Names of all shards."""
        from gaittake.pipeline.subjects import shards

        return list(shards(self.settings))

    def record(self, stage: str, kind: type[S], given: str | None) -> S:
        """Returns the settings of a stage: those given as JSON, or those of the dataset's YAML."""
        if given is not None:
            return kind.model_validate_json(given)
        from gaittake.pipeline.plan import stage_settings

        if stage in BY_SHARD and self.chosen_shard() not in self.shards:
            raise UserError(f"--shard {self.shard}: {self.dataset} has {', '.join(self.shards)}")
        if stage in BY_METHOD:
            self.chosen_method()
        found = stage_settings(
            self.settings, stage, shard=self.shard, method=self.method, table=self.table
        )
        return kind.model_validate(found.model_dump())

    def path(self, name: str) -> Path:
        """Returns a file of the dataset, e.g. `index/{shard}.csv` or `{method}/weights.pt`."""
        named = name
        if "{shard}" in name:
            named = named.replace("{shard}", self.chosen_shard())
        if "{method}" in name:
            named = named.replace("{method}", self.chosen_method())
        return Path("results", self.dataset, named)

    def each(self, name: str, part: str = "") -> list[Path]:
        """Returns a file for each shard; `part` (train or test) takes those of one kind."""
        chosen = [shard for shard in self.shards if shard.startswith(part)]
        return [Path("results", self.dataset, name.replace("{shard}", s)) for s in chosen]

    def each_run(self, name: str) -> list[Path]:
        """Returns a file for each run of each method of the table."""
        from gaittake.pipeline.plan import runs

        methods = self.settings.rows(str(self.table))
        names = [run for method in methods for run in runs(self.settings, method)]
        return [Path("results", self.dataset, run, name) for run in names]

    def weights(self) -> Path:
        """Returns the method's trained weights: the dataset's own, or those it borrows."""
        from gaittake.pipeline.subjects import lender

        if self.settings.networks_from is None:
            return self.path("{method}/weights.pt")
        lent = Job(self.settings.networks_from, method=self.method)
        lender(self.settings, lent.settings)  # nobody tested here was learnt from
        return lent.path("{method}/weights.pt")

    def chosen_shard(self) -> str:
        """Returns the shard's name, or says which there are."""
        if self.shard is None:
            raise UserError(f"--shard is needed; {self.dataset} has {', '.join(self.shards)}")
        return self.shard

    def chosen_method(self) -> str:
        """Returns the method's name, or says which there are."""
        if self.method is None:
            methods = ", ".join(self.settings.methods)
            raise UserError(f"--method is needed; {self.dataset} has {methods}")
        return self.method


def computing_on(device: Device, threads: int | None) -> "torch.device":
    """Returns the device to compute on, and keeps to so many threads of the CPU.

    Processes that `torchrun` started beside each other share the threads, and have a GPU each.
    """
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if threads is not None:
        threads = max(1, threads // beside)
    limit_threads(threads)
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    if device is Device.CUDA and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch finds no GPU here; use --device cpu or auto")
    if device is Device.CPU or not torch.cuda.is_available():
        return torch.device("cpu")
    found = torch.cuda.device_count()
    if beside > found:
        raise UserError(
            f"{beside} processes were started on this machine, where PyTorch finds {found} GPUs; "
            f"use torchrun --nproc-per-node {found}"
        )
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def limit_threads(threads: int | None) -> None:
    """Keeps NumPy and OpenCV to so many threads; comes before NumPy is imported."""
    if threads is None:
        return
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
    import cv2

    cv2.setNumThreads(threads)
