"""Commands of the recognition: train, embed, evaluate, compare."""

from typing import Annotated

import typer

from gaittake.cli.job import (
    Dataset,
    Device,
    DeviceOption,
    File,
    Files,
    Job,
    Method,
    Overrides,
    Record,
    Threads,
    computing_on,
)
from gaittake.errors import UserError


def train(
    dataset: Dataset,
    method: Method = None,
    overrides: Overrides = None,
    record: Record = None,
    cache: File = None,
    checkpoints: File = None,
    out: File = None,
    history: File = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Train a method's network; a stopped run continues."""
    job = Job(dataset, overrides, method=method)
    from gaittake.settings import TrainStage

    settings = job.record("train", TrainStage, record)
    if settings.network == "gei":
        raise UserError(f"--method {method}: gei learns nothing; `gaittake embed` comes next")
    place = computing_on(device, threads)
    from gaittake.training.engine import train as run

    run(
        settings,
        cache=cache or job.path("cache.h5"),
        checkpoints=checkpoints or job.path("{method}/checkpoints"),
        out=out or job.path("{method}/weights.pt"),
        history=history or job.path("{method}/train.csv"),
        device=place,
    )


def embed(
    dataset: Dataset,
    method: Method = None,
    overrides: Overrides = None,
    record: Record = None,
    cache: File = None,
    weights: File = None,
    out: File = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Embed the sequences of the test subjects."""
    job = Job(dataset, overrides, method=method)
    from gaittake.settings import EmbedStage

    settings = job.record("embed", EmbedStage, record)
    if weights is None and settings.network != "gei":
        weights = job.weights()
    place = computing_on(device, threads)
    from gaittake.evaluation.embed import embed as run

    run(
        settings,
        cache=cache or job.path("cache.h5"),
        weights=weights,
        out=out or job.path("{method}/embeddings.h5"),
        device=place,
    )


def evaluate(
    dataset: Dataset,
    method: Method = None,
    overrides: Overrides = None,
    record: Record = None,
    embeddings: File = None,
    rejects: File = None,
    out: File = None,
    table: File = None,
    probes: File = None,
    threads: Threads = None,
) -> None:
    """Measure a method across views."""
    job = Job(dataset, overrides, method=method)
    from gaittake.settings import EvaluateStage

    settings = job.record("evaluate", EvaluateStage, record)
    computing_on(Device.CPU, threads)
    from gaittake.evaluation.evaluate import evaluate as run

    run(
        settings,
        embeddings=embeddings or job.path("{method}/embeddings.h5"),
        rejects=rejects or job.path("rejects.csv"),
        out=out or job.path("{method}/metrics.json"),
        table=table or job.path("{method}/rank1.csv"),
        probes=probes or job.path("{method}/probes.csv"),
    )


def compare(
    dataset: Dataset,
    table: Annotated[
        str, typer.Option(help="rank1, table, ablation, or one of `tables`.")
    ] = "rank1",
    overrides: Overrides = None,
    record: Record = None,
    metrics: Files = None,
    probes: Files = None,
    out: File = None,
    markdown: File = None,
) -> None:
    """Put some methods into one table."""
    job = Job(dataset, overrides, table=table)
    from gaittake.settings import CompareStage

    settings = job.record("compare", CompareStage, record)
    from gaittake.evaluation.compare import compare as run

    run(
        settings,
        metrics or job.each_run("metrics.json"),
        probes or job.each_run("probes.csv"),
        out=out or job.path("").with_name(f"{dataset}_{table}.csv"),
        markdown=markdown or job.path("").with_name(f"{dataset}_{table}.md"),
    )
