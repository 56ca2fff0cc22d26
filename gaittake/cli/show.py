"""Commands that show something: settings, a table, a rendered walker, what a file holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaittake.cli.options import Dataset, Overrides, job_of
from gaittake.cli.use import show as show_model
from gaittake.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table


def config(dataset: Dataset, overrides: Overrides = None) -> None:
    """Print all settings of a dataset, each with its meaning and source."""
    from gaittake.settings import settings_text

    print(settings_text(job_of(dataset, overrides).settings))


def inspect(
    file: Annotated[Path, typer.Argument(help="An .h5 file of the pipeline, or a model file.")],
) -> None:
    """Print what an .h5 file of the pipeline or a model file holds."""
    from gaittake.use.model_file import is_model_file

    if file.suffix == ".safetensors" or is_model_file(file):
        show_model(file)
        return
    from gaittake.io.inspect import inspection

    print(inspection(file))


def preview(
    dataset: Dataset,
    out: Annotated[Path, typer.Option(help="The picture to write, a .png.")],
    subject: Annotated[
        str | None, typer.Option(help="Subject to draw (default: the first).")
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Draw a rendered subject in every view and condition, in colour and as silhouettes."""
    from gaittake.pipeline.subjects import test_subjects, train_subjects
    from gaittake.sources.walkers.preview import contact_sheet

    settings = job_of(dataset, overrides).settings
    if not settings.rendered:
        raise UserError(
            f"{dataset}: preview draws rendered subjects, and source.layout is "
            f"'{settings.source.layout}'; use it with walkers"
        )
    people = train_subjects(settings) + test_subjects(settings)
    chosen = subject or people[0]
    if chosen not in people:
        raise UserError(
            f"--subject {chosen}: {dataset} has {len(people)} subjects, {people[0]} to {people[-1]}"
        )
    contact_sheet(settings.walkers, chosen, out)


def table(
    file: Annotated[Path, typer.Argument(help="A table of results, .csv.")],
) -> None:
    """Print a table of results, and the files of the numbers behind it."""
    from rich.console import Console

    from gaittake.evaluation.tables import caption, dataset_of, unpublished_note
    from gaittake.io.tables import read_csv, read_json

    rows = read_csv(file, ("dataset", "method", "condition", "mean"))
    if rows.empty:
        raise UserError(f"{file}: an empty table; at least one row is required")
    named = rows["dataset"].iloc[0]
    folder = file.parent / dataset_of(named)
    sources = sorted(folder.glob("*/metrics.json"))
    found = [read_json(path) for path in sources]
    # A synthetic number is marked wherever it is shown.
    people = " (rendered people, synthetic)" if any(item["synthetic"] for item in found) else ""
    console = Console()
    console.print(_drawn(rows, f"{named}{people}: {caption(rows)}"))
    if named != dataset_of(named):
        console.print("PARTIAL: not the whole protocol, do not compare with published numbers.")
    if different := unpublished_note(found):
        console.print(different)
    for name in ("coverage", "note"):
        for note in dict.fromkeys(item[name] for item in found if item.get(name)):
            console.print(note)
    for what, paths in (
        ("unrounded numbers and where they come from", sources),
        ("quality of the keypoints", folder.glob("pose/quality.json")),
        ("what could not be used", folder.glob("rejects.csv")),
    ):
        for path in paths:
            console.print(f"{path}  {what}", highlight=False, soft_wrap=True)


def _drawn(rows: "pd.DataFrame", title: str) -> "Table":
    """Returns the table as it is printed, with the interval of each mean in one column."""
    from rich.table import Table

    from gaittake.evaluation.tables import STATISTICS, column_title

    intervals = "low" in rows.columns and any(rows["low"])
    drawn = Table(title=title)
    columns = [column for column in rows.columns if column not in ("dataset", *STATISTICS)]
    if "deviation" in rows.columns and any(rows["deviation"]):
        columns.append("deviation")
    for column in columns:
        numeric = column not in ("method", "condition")
        drawn.add_column(
            column_title(column, columns) if numeric else column,
            justify="right" if numeric else "left",
        )
    if intervals:
        drawn.add_column("95 %", justify="right")
    before = ""
    for row in rows.to_dict("records"):
        if before not in ("", row["method"]):
            drawn.add_section()
        before = row["method"]
        cells = [row[column] for column in columns]
        if intervals:
            ends = [f"{float(row[end]):.0f}" for end in ("low", "high") if row[end]]
            cells.append("–".join(ends))
        drawn.add_row(*cells)
    return drawn
