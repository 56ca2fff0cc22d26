"""The command of the report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaittake.cli.job import (
    Dataset,
    Device,
    File,
    Files,
    Job,
    Overrides,
    Record,
    Threads,
    computing_on,
)

if TYPE_CHECKING:
    from gaittake.report.poses import PoseFiles

Folders = Annotated[
    list[Path] | None, typer.Option(help="Folders of the table's runs; repeatable.")
]


def report(
    dataset: Dataset,
    overrides: Overrides = None,
    record: Record = None,
    runs: Folders = None,
    rank1: File = None,
    cache: File = None,
    sequences: File = None,
    rejects: File = None,
    quality: File = None,
    keypoints: Files = None,
    pseudo_labels: Files = None,
    truth: Files = None,
    benchmarks: File = None,
    out: File = None,
    threads: Threads = None,
) -> None:
    """Show a dataset's results on one page of HTML."""
    job = Job(dataset, overrides, table="rank1")
    from gaittake.settings import ReportStage

    settings = job.record("report", ReportStage, record)
    computing_on(Device.CPU, threads)
    from gaittake.report.build import build_report
    from gaittake.report.poses import PoseFiles

    poses = PoseFiles(quality, keypoints or [], pseudo_labels or [], truth or [])
    build_report(
        settings,
        runs=runs or [path.parent for path in job.each_run("metrics.json")],
        rank1=rank1 or job.path("").with_name(f"{dataset}_rank1.csv"),
        cache=cache or job.path("cache.h5"),
        sequences=sequences or job.path("sequences.csv"),
        rejects=rejects or job.path("rejects.csv"),
        poses=poses if record or quality else _poses(job),
        benchmarks=benchmarks or job.path("benchmarks"),
        out=out or job.path("").with_name(f"{dataset}_report.html"),
    )


def _poses(job: Job) -> "PoseFiles":
    """Returns the files of joints, where the keypoints are measured."""
    from gaittake.report.poses import PoseFiles

    pose, exact = job.settings.pose, job.settings.source.layout == "walkers"
    own = pose.student_from is None
    if pose.keypoints == "truth" or not (own or exact):
        return PoseFiles(None, [], [], [])
    return PoseFiles(
        job.path("pose/quality.json"),
        job.each("pose/keypoints/{shard}.h5"),
        job.each("pose/pseudo_labels/{shard}.h5", "train") if own else [],
        job.each("data/{shard}/truth.h5") if exact else [],
    )
