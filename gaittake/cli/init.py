"""The command that writes a project folder."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="The folder: new, or without a Snakefile.")],
) -> None:
    """Write a project folder: a Snakefile for the installed workflow, config/ and profiles/."""
    from gaittake.pipeline.project import write_project

    write_project(folder)
    print(
        f"{folder}: Snakefile, config/, profiles/\nTo render people and run every stage on them:\n"
        f"    cd {folder}\n"
        "    snakemake --cores all results/walkers_rank1.csv results/walkers_report.html"
    )
