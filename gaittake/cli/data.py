"""Commands that make the data: render, index, and the cache."""

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
    from gaittake.sources.walkers.dataset import render_subjects
    from gaittake.stages import RenderStage

    job = Job(dataset, overrides, shard)
    settings = job.record("render", RenderStage, record)
    walks = settings.walkers.normal + settings.walkers.bag + settings.walkers.coat
    total = len(settings.subjects) * walks * len(settings.walkers.views)
    with (
        whole_folder(out or job.path("data/{shard}")) as folder,
        progress("render", total, unit="sequences") as advance,
    ):
        render_subjects(settings.walkers, list(settings.subjects), folder, lambda _: advance())


def index(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    record: Record = None,
    data: Files = None,
    out: File = None,
    rejects: File = None,
) -> None:
    """List the sequences of a shard, and what cannot be used."""
    from gaittake.sources.index import index_sequences
    from gaittake.stages import IndexStage

    job = Job(dataset, overrides, shard)
    settings = job.record("index", IndexStage, record)
    rendered = settings.source.layout == "walkers"
    index_sequences(
        settings,
        roots=data or ([job.path("data/{shard}")] if rendered else None),
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
    from gaittake.stages import CacheStage

    job = Job(dataset, overrides, shard)
    settings = job.record("cache", CacheStage, record)
    if keypoints is None and truth is None:
        if job.settings.pose.keypoints == "exact":
            truth = job.path("data/{shard}/truth.h5")
        else:
            keypoints = job.path("pose/keypoints/{shard}.h5")
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
    rejects: Files = None,
    out: File = None,
    out_sequences: File = None,
    out_rejects: File = None,
) -> None:
    """Join the shards: one cache, one table of sequences, one table of rejects."""
    from gaittake.data.build_cache import merge_caches

    job = Job(dataset, overrides)
    merge_caches(
        shard_cache or job.each("cache/{shard}.h5"),
        index=index or job.each("index/{shard}.csv"),
        rejects=rejects or _rejects(job),
        out=out or job.path("cache.h5"),
        out_sequences=out_sequences or job.path("sequences.csv"),
        out_rejects=out_rejects or job.path("rejects.csv"),
    )


def _rejects(job: Job) -> list[Path]:
    """Returns the tables of what the stages before could not use."""
    found = job.each("index/{shard}.rejects.csv") + job.each("cache/{shard}.rejects.csv")
    if job.settings.pose.keypoints == "exact":
        return found
    found += job.each("pose/keypoints/{shard}.rejects.csv")
    if job.settings.pose.student_from is None:
        found += job.each("pose/pseudo_labels/{shard}.rejects.csv", "train")
    return found
