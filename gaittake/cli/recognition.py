"""Commands of the recognition: train, embed, evaluate, compare, report."""

import os
from pathlib import Path
from typing import Annotated

import typer

from gaittake.cli.options import (
    CacheFile,
    CheckFile,
    CheckpointFolder,
    Dataset,
    Device,
    DeviceOption,
    Digest,
    KeypointsFiles,
    LabelsFiles,
    Method,
    MetricsFiles,
    Overrides,
    RejectsFile,
    Threads,
    TruthFiles,
    beside,
    computing_on,
    job_of,
    network_on,
    reads,
    require_check,
    stage_settings,
    writes,
)
from gaittake.errors import UserError


def train(
    dataset: Dataset,
    method: Method = None,
    overrides: Overrides = None,
    digest: Digest = None,
    check: CheckFile = None,
    cache: CacheFile = None,
    checkpoints: CheckpointFolder = None,
    out: Annotated[Path | None, writes("Weights of the network, .safetensors.")] = None,
    out_history: Annotated[Path | None, writes("Loss and rate of each step, .csv.")] = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only print how long it takes without a GPU.")
    ] = False,
) -> None:
    """Train a method's network; a stopped run continues."""
    from gaittake.pipeline import plan
    from gaittake.pipeline.fingerprint import fingerprint

    job = job_of(dataset, overrides, method=method)
    settings = stage_settings(plan.train, job, digest)
    if not settings.learns:
        raise UserError(
            f"--method {method}: {settings.network} needs no training; `gaittake embed` comes next"
        )
    if estimate:
        from gaittake.pipeline.estimate import cpu_hours

        cores = threads or os.cpu_count() or 1
        hours = cpu_hours(settings, job.settings.align, cores=cores)
        length = f"about {hours:,.0f} h" if hours >= 1 else "less than an hour"
        print(f"{dataset}, {method}: {settings.train.steps:,} steps take {length} on {cores} cores")
        return
    require_check(job, check)
    place = network_on(device, threads)
    from gaittake.training.engine import train as run

    run(
        settings,
        cache=cache or job.path("cache.h5"),
        checkpoints=checkpoints or beside(out, ".checkpoints", job.path("{method}/checkpoints")),
        out=out or job.path("{method}/weights.safetensors"),
        history=out_history or beside(out, ".csv", job.path("{method}/train.csv")),
        device=place,
        code=fingerprint("gaittake.training.engine"),
    )


def embed(
    dataset: Dataset,
    method: Method = None,
    overrides: Overrides = None,
    digest: Digest = None,
    cache: CacheFile = None,
    weights: Annotated[Path | None, reads("Weights of the network, .safetensors.")] = None,
    out: Annotated[Path | None, writes("Embeddings, .h5.")] = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Embed the sequences of the test subjects."""
    from gaittake.pipeline import inputs, plan

    job = job_of(dataset, overrides, method=method)
    settings = stage_settings(plan.embed, job, digest)
    if weights is None:
        weights = next(iter(inputs.weights(job)), None)
    place = network_on(device, threads)
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
    digest: Digest = None,
    embeddings: Annotated[Path | None, reads("Embeddings, .h5.")] = None,
    check: Annotated[Path | None, reads("Result of `gaittake check`, .json.")] = None,
    rejects: RejectsFile = None,
    sequences: Annotated[Path | None, reads("Sequences of the dataset, .csv.")] = None,
    groups: Annotated[Path | None, reads("Groups of the test subjects, .csv.")] = None,
    out: Annotated[Path | None, writes("Metrics, .json.")] = None,
    out_rank1: Annotated[Path | None, writes("Rank-1 of each condition and view, .csv.")] = None,
    out_probes: Annotated[Path | None, writes("Ranks of each probe, .csv.")] = None,
    threads: Threads = None,
) -> None:
    """Measure a method under the protocol: rank-1, further metrics, error rates."""
    from gaittake.pipeline import inputs, plan

    job = job_of(dataset, overrides, method=method)
    settings = stage_settings(plan.evaluate, job, digest)
    computing_on(Device.CPU, threads)
    from gaittake.evaluation.evaluate import evaluate as run

    run(
        settings,
        embeddings=embeddings or job.path("{method}/embeddings.h5"),
        check=check or job.path("check.json"),
        rejects=rejects or job.path("rejects.csv"),
        sequences=sequences or job.path("sequences.csv"),
        groups=groups or next(iter(inputs.groups(job)), None),
        out=out or job.path("{method}/metrics.json"),
        table=out_rank1 or beside(out, ".rank1.csv", job.path("{method}/rank1.csv")),
        probes=out_probes or beside(out, ".probes.csv", job.path("{method}/probes.csv")),
    )


def scores(
    dataset: Dataset,
    method: Method = None,
    overrides: Overrides = None,
    digest: Digest = None,
    embeddings: Annotated[Path | None, reads("Embeddings of the method, .h5.")] = None,
    out: Annotated[Path | None, writes("The pairs, .csv or .csv.gz.")] = None,
    most: Annotated[int, typer.Option(help="Largest number of pairs to write.")] = 20_000_000,
    threads: Threads = None,
) -> None:
    """Write the distances of all pairs of probes and gallery, for other tools."""
    from gaittake.pipeline import plan

    job = job_of(dataset, overrides, method=method)
    settings = stage_settings(plan.evaluate, job, digest)
    computing_on(Device.CPU, threads)
    from gaittake.evaluation.scores import write_scores

    write_scores(
        settings,
        embeddings=embeddings or job.path("{method}/embeddings.h5"),
        out=out or job.path("{method}/scores.csv"),
        most=most,
    )


def submit(
    dataset: Dataset,
    out: Annotated[Path, typer.Option(help="The answers to write, .csv.")],
    method: Method = None,
    overrides: Overrides = None,
    embeddings: Annotated[Path | None, reads("Embeddings of the method, .h5.")] = None,
    threads: Threads = None,
) -> None:
    """Write the answers for a test whose labels are secret (protocol.submission)."""
    from gaittake.pipeline import plan

    job = job_of(dataset, overrides, method=method)
    settings = plan.evaluate(job)
    computing_on(Device.CPU, threads)
    from gaittake.evaluation.submission import write_submission

    write_submission(settings, embeddings=embeddings or job.path("{method}/embeddings.h5"), out=out)


def compare(
    dataset: Dataset,
    table: Annotated[
        str, typer.Option(help="Name of the table: rank1, table, ablation, or one of `tables`.")
    ] = "rank1",
    overrides: Overrides = None,
    digest: Digest = None,
    metrics: MetricsFiles = None,
    probes: Annotated[list[Path] | None, reads("Probes of a run, .csv; repeatable.")] = None,
    out: Annotated[Path | None, writes("The table, .csv.")] = None,
    out_markdown: Annotated[Path | None, writes("The table to read, .md.")] = None,
) -> None:
    """Put methods into one table, with intervals and significant differences."""
    from gaittake.pipeline import inputs, plan

    job = job_of(dataset, overrides, table=table)
    settings = stage_settings(plan.compare, job, digest)
    from gaittake.evaluation.compare import compare as run

    run(
        settings,
        metrics or inputs.metrics(job),
        probes or inputs.probes(job),
        out=out or job.result(f"{table}.csv"),
        markdown=out_markdown or beside(out, ".md", job.result(f"{table}.md")),
    )


def report(
    dataset: Dataset,
    overrides: Overrides = None,
    digest: Digest = None,
    rank1: Annotated[Path | None, reads("Rank-1 of all methods, .csv.")] = None,
    metrics: MetricsFiles = None,
    cache: CacheFile = None,
    sequences: Annotated[Path | None, reads("Sequences of the dataset, .csv.")] = None,
    rejects: RejectsFile = None,
    quality: Annotated[Path | None, reads("Quality of the keypoints, .json.")] = None,
    keypoints: KeypointsFiles = None,
    pseudo_labels: LabelsFiles = None,
    truth: TruthFiles = None,
    benchmarks: Annotated[Path | None, reads("Folder of the stages' times and memory.")] = None,
    out: Annotated[Path | None, writes("The page, .html.")] = None,
    threads: Threads = None,
) -> None:
    """Show a dataset's results on one page of HTML."""
    from gaittake.pipeline import inputs, plan

    job = job_of(dataset, overrides, table="rank1")
    settings = stage_settings(plan.report, job, digest)
    computing_on(Device.CPU, threads)
    from gaittake.report.build import build_report
    from gaittake.report.poses import PoseFiles

    build_report(
        settings,
        runs=[path.parent for path in metrics or inputs.metrics(job)],
        rank1=rank1 or job.result("rank1.csv"),
        cache=cache or job.path("cache.h5"),
        sequences=sequences or job.path("sequences.csv"),
        rejects=rejects or job.path("rejects.csv"),
        poses=PoseFiles(
            quality or next(iter(inputs.quality(job)), None),
            keypoints or inputs.measured_keypoints(job),
            pseudo_labels or inputs.measured_labels(job),
            truth or inputs.measured_truth(job),
        ),
        benchmarks=benchmarks or job.path("benchmarks"),
        out=out or job.result("report.html"),
    )
