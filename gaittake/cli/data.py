"""Commands that make the data: render, unpack, index, the cache, and the survey of all of it."""

from dataclasses import replace
from pathlib import Path

from gaittake.cli.job import (
    Dataset,
    File,
    Files,
    Job,
    Overrides,
    Record,
    Shard,
    Threads,
    limit_threads,
)


def render(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    record: Record = None,
    out: File = None,
    threads: Threads = None,
) -> None:
    """Render the walkers of a shard: silhouettes, videos, exact joints."""
    limit_threads(threads)
    from gaittake.io.atomic import whole_folder
    from gaittake.io.progress import progress
    from gaittake.settings import RenderStage
    from gaittake.sources.walkers.dataset import render_subjects

    job = Job(dataset, overrides, shard)
    settings = job.record("render", RenderStage, record)
    walks = settings.walkers.normal + settings.walkers.bag + settings.walkers.coat
    total = len(settings.subjects) * walks * len(settings.walkers.views)
    with (
        whole_folder(out or job.path("data/{shard}")) as folder,
        progress("render", total, unit="sequences") as advance,
    ):
        render_subjects(settings.walkers, list(settings.subjects), folder, lambda _: advance())


def unpack(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    archives: Files = None,
    out: File = None,
    rejects: File = None,
) -> None:
    """Unpack the subjects of a shard that lie on disk as 001.tar.gz (CASIA-B)."""
    from gaittake.sources.archives import unpack_subjects

    job = Job(dataset, overrides, shard)
    unpack_subjects(
        archives or _packed(job),
        out=out or job.path("data/{shard}/unpacked"),
        rejects=rejects or job.path("data/{shard}/unpacked.rejects.csv"),
    )


def index(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    record: Record = None,
    data: Files = None,
    unpacked: File = None,
    out: File = None,
    rejects: File = None,
) -> None:
    """List the sequences of a shard, and what cannot be used."""
    from gaittake.settings import IndexStage
    from gaittake.sources.index import index_sequences

    job = Job(dataset, overrides, shard)
    settings = job.record("index", IndexStage, record)
    rendered = settings.source.layout == "walkers"
    if unpacked is None and record is None and _packed(job):
        unpacked = job.path("data/{shard}/unpacked")
    index_sequences(
        settings,
        roots=data or ([job.path("data/{shard}")] if rendered else None),
        unpacked=unpacked,
        out=out or job.path("index/{shard}.csv"),
        rejects=rejects or job.path("index/{shard}.rejects.csv"),
    )


def build(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    record: Record = None,
    index: File = None,
    keypoints: File = None,
    truth: File = None,
    out: File = None,
    rejects: File = None,
    threads: Threads = None,
) -> None:
    """Align the silhouettes of a shard and put their keypoints beside them."""
    limit_threads(threads)
    from gaittake.data.build_cache import cache_shard
    from gaittake.settings import CacheStage

    job = Job(dataset, overrides, shard)
    settings = job.record("cache", CacheStage, record)
    if keypoints is None and truth is None:
        if job.settings.pose.keypoints == "predicted":
            keypoints = job.path("pose/keypoints/{shard}.h5")
        if job.settings.source.layout == "walkers":
            truth = job.path("data/{shard}/truth.h5")
    cache_shard(
        settings,
        index=index or job.path("index/{shard}.csv"),
        keypoints=keypoints,
        truth=truth,
        out=out or job.path("cache/{shard}.h5"),
        rejects=rejects or job.path("cache/{shard}.rejects.csv"),
    )


def merge(
    dataset: Dataset,
    overrides: Overrides = None,
    shard_cache: Files = None,
    index: Files = None,
    out: File = None,
    out_sequences: File = None,
) -> None:
    """Join the shards: one cache, one table of sequences."""
    from gaittake.data.build_cache import merge_caches

    job = Job(dataset, overrides)
    merge_caches(
        shard_cache or job.each("cache/{shard}.h5"),
        index=index or job.each("index/{shard}.csv"),
        out=out or job.path("cache.h5"),
        out_sequences=out_sequences or job.path("sequences.csv"),
    )


def survey(
    dataset: Dataset,
    overrides: Overrides = None,
    record: Record = None,
    sequences: File = None,
    cache: File = None,
    rejects: Files = None,
    out: File = None,
) -> None:
    """List everything that could not be used, and what the protocol asks for in vain."""
    from gaittake.settings import SurveyStage
    from gaittake.sources.survey import survey as run

    job = Job(dataset, overrides)
    run(
        job.record("survey", SurveyStage, record),
        sequences=sequences or job.path("sequences.csv"),
        cache=cache or job.path("cache.h5"),
        rejects=rejects or _rejects(job),
        out=out or job.path("rejects.csv"),
    )


def _packed(job: Job) -> list[Path]:
    """Returns the archives of the shard's subjects that are not unpacked."""
    from gaittake.pipeline.subjects import shards
    from gaittake.sources.archives import packed

    return packed(job.settings.source, shards(job.settings)[job.chosen_shard()])


def _rejects(job: Job) -> list[Path]:
    """Returns the tables of what the stages before could not use."""
    jobs = [replace(job, shard=shard) for shard in job.shards]
    found = [j.path("data/{shard}/unpacked.rejects.csv") for j in jobs if _packed(j)]
    found += job.each("index/{shard}.rejects.csv") + job.each("cache/{shard}.rejects.csv")
    if job.settings.pose.keypoints == "truth":
        return found
    found += job.each("pose/keypoints/{shard}.rejects.csv")
    if job.settings.pose.student_from is None:
        found += job.each("pose/pseudo_labels/{shard}.rejects.csv", "train")
    return found
