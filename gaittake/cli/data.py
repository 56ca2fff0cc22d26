"""Commands that make the data: render, unpack, index, the cache, and the survey of all of it."""

from pathlib import Path
from typing import Annotated

from gaittake.cli.options import (
    CacheFile,
    Dataset,
    Digest,
    IndexFile,
    IndexFiles,
    Overrides,
    RejectsOut,
    Shard,
    Threads,
    beside,
    job_of,
    limit_threads,
    reads,
    stage_settings,
    writes,
)

RENDERED = ("silhouettes", "videos", "truth.h5")


def render(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    digest: Digest = None,
    out: Annotated[Path | None, writes("Folder of silhouettes, videos and truth.h5.")] = None,
    threads: Threads = None,
) -> None:
    """Render the subjects of a shard: silhouettes, videos, true keypoints."""
    limit_threads(threads)
    from gaittake.io.atomic import require_replaceable, whole_folder
    from gaittake.io.progress import progress
    from gaittake.pipeline import plan
    from gaittake.sources.walkers.dataset import render_subjects

    if out:
        require_replaceable(out, made=RENDERED)
    job = job_of(dataset, overrides, shard=shard)
    settings = stage_settings(plan.render, job, digest)
    sequences = settings.walkers.normal + settings.walkers.bag + settings.walkers.coat
    total = len(settings.subjects) * sequences * len(settings.walkers.views)
    with (
        whole_folder(out or job.path("data/{shard}")) as folder,
        progress("render", total, unit="sequences") as advance,
    ):
        render_subjects(settings.walkers, list(settings.subjects), folder, lambda _: advance())


def unpack(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    archives: Annotated[list[Path] | None, reads("Archive of a subject; repeatable.")] = None,
    out: Annotated[Path | None, writes("Folder of the unpacked subjects.")] = None,
    out_rejects: RejectsOut = None,
) -> None:
    """Unpack the subjects of a shard that are on disk as 001.tar.gz (CASIA-B)."""
    from gaittake.io.atomic import require_replaceable
    from gaittake.pipeline import inputs
    from gaittake.sources.archives import unpack_subjects

    if out:
        require_replaceable(out)
    job = job_of(dataset, overrides, shard=shard)
    unpack_subjects(
        archives or inputs.archives(job),
        out=out or job.path("data/{shard}/unpacked"),
        rejects=out_rejects
        or beside(out, ".rejects.csv", job.path("data/{shard}/unpacked.rejects.csv")),
    )


def segment(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    digest: Digest = None,
    out: Annotated[Path | None, writes("Folder of the silhouettes.")] = None,
    out_rejects: RejectsOut = None,
    threads: Threads = None,
) -> None:
    """Make the silhouettes of a shard from its videos (source.masks_from_rgb)."""
    limit_threads(threads)
    from gaittake.io.atomic import require_replaceable
    from gaittake.pipeline import plan
    from gaittake.use.segment import segment_subjects

    if out:
        require_replaceable(out)
    job = job_of(dataset, overrides, shard=shard)
    segment_subjects(
        stage_settings(plan.segment, job, digest),
        out=out or job.path("data/{shard}/segmented"),
        rejects=out_rejects
        or beside(out, ".rejects.csv", job.path("data/{shard}/segmented.rejects.csv")),
    )


def index(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    digest: Digest = None,
    folder: Annotated[list[Path] | None, reads("Rendered folder; repeatable.")] = None,
    unpacked: Annotated[Path | None, reads("Folder of unpacked subjects.")] = None,
    segmented: Annotated[Path | None, reads("Folder of silhouettes made from videos.")] = None,
    out: Annotated[Path | None, writes("Sequences of the shard, .csv.")] = None,
    out_rejects: RejectsOut = None,
) -> None:
    """List the sequences of a shard, and what is skipped."""
    from gaittake.pipeline import inputs, plan
    from gaittake.sources.index import index_sequences

    job = job_of(dataset, overrides, shard=shard)
    index_sequences(
        stage_settings(plan.index, job, digest),
        roots=folder or inputs.rendered_folder(job) or None,
        unpacked=unpacked or next(iter(inputs.unpacked(job)), None),
        segmented=segmented or next(iter(inputs.segmented(job)), None),
        out=out or job.path("index/{shard}.csv"),
        rejects=out_rejects or beside(out, ".rejects.csv", job.path("index/{shard}.rejects.csv")),
    )


def build(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    digest: Digest = None,
    index: IndexFile = None,
    keypoints: Annotated[Path | None, reads("Predicted keypoints of the shard, .h5.")] = None,
    truth: Annotated[Path | None, reads("The renderer's true keypoints, .h5.")] = None,
    out: Annotated[Path | None, writes("Cache of the shard, .h5.")] = None,
    out_rejects: RejectsOut = None,
    threads: Threads = None,
) -> None:
    """Align the silhouettes of a shard and store them with their keypoints."""
    limit_threads(threads)
    from gaittake.data.build_cache import cache_shard
    from gaittake.pipeline import inputs, plan

    job = job_of(dataset, overrides, shard=shard)
    settings = stage_settings(plan.cache, job, digest)
    if keypoints is None and truth is None:
        keypoints, truth = (next(iter(f(job)), None) for f in (inputs.keypoints, inputs.truth))
    cache_shard(
        settings,
        index=index or job.path("index/{shard}.csv"),
        keypoints=keypoints,
        truth=truth,
        out=out or job.path("cache/{shard}.h5"),
        rejects=out_rejects or beside(out, ".rejects.csv", job.path("cache/{shard}.rejects.csv")),
    )


def merge(
    dataset: Dataset,
    overrides: Overrides = None,
    shard_cache: Annotated[list[Path] | None, reads("Cache of a shard, .h5; repeatable.")] = None,
    index: IndexFiles = None,
    out: Annotated[Path | None, writes("Cache of the dataset, .h5.")] = None,
    out_sequences: Annotated[Path | None, writes("Sequences of the dataset, .csv.")] = None,
) -> None:
    """Join the shards into one cache and one table of sequences."""
    from gaittake.data.build_cache import merge_caches

    job = job_of(dataset, overrides)
    merge_caches(
        shard_cache or job.each("cache/{shard}.h5"),
        index=index or job.each("index/{shard}.csv"),
        out=out or job.path("cache.h5"),
        out_sequences=out_sequences or beside(out, ".sequences.csv", job.path("sequences.csv")),
    )


def check(
    dataset: Dataset,
    overrides: Overrides = None,
    digest: Digest = None,
    index: IndexFiles = None,
    out: Annotated[Path | None, writes("Numbers of expected and found sequences, .json.")] = None,
) -> None:
    """Compare the index with the protocol; the stages that train fail if a fault is found."""
    from gaittake.pipeline import plan
    from gaittake.sources.check import check as run

    job = job_of(dataset, overrides)
    run(
        stage_settings(plan.check, job, digest),
        index=index or job.each("index/{shard}.csv"),
        out=out or job.path("check.json"),
    )


def survey(
    dataset: Dataset,
    overrides: Overrides = None,
    digest: Digest = None,
    sequences: Annotated[Path | None, reads("Sequences of the dataset, .csv.")] = None,
    cache: CacheFile = None,
    rejects: Annotated[list[Path] | None, reads("What a stage skipped, .csv; repeatable.")] = None,
    out: Annotated[Path | None, writes("Everything that was skipped and why, .csv.")] = None,
) -> None:
    """List everything that was skipped, and what the protocol requires but the data lacks."""
    from gaittake.pipeline import inputs, plan
    from gaittake.sources.survey import survey as run

    job = job_of(dataset, overrides)
    run(
        stage_settings(plan.survey, job, digest),
        sequences=sequences or job.path("sequences.csv"),
        cache=cache or job.path("cache.h5"),
        rejects=rejects or inputs.rejects(job),
        out=out or job.path("rejects.csv"),
    )
