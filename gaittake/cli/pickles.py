"""The command that writes a dataset in OpenGait's form."""

from pathlib import Path
from typing import Annotated

import typer

from gaittake.cli.options import CacheFile, Dataset, Overrides, job_of


def export_pickles(
    dataset: Dataset,
    folder: Annotated[Path, typer.Argument(help="Folder to create.")],
    square: Annotated[
        bool,
        typer.Option("--square", help="Pad silhouettes to 64 columns, for networks with maps."),
    ] = False,
    cache: CacheFile = None,
    overrides: Overrides = None,
) -> None:
    """Write silhouettes, keypoints and skeleton maps as OpenGait's pickles, and the partition."""
    from gaittake.pipeline.subjects import test_subjects, train_subjects
    from gaittake.sources.export import export_pickles as run

    job = job_of(dataset, overrides)
    run(
        cache or job.path("cache.h5"),
        train_subjects=train_subjects(job.settings),
        test_subjects=test_subjects(job.settings),
        name=dataset,
        square=square,
        out=folder,
    )
