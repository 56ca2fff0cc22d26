"""The commands on a model file: `gaittake model export|show|push|pull`, and those on sequences.

`gaittake embed` and `gaittake compare` are stages of the pipeline and work on a dataset.
"""

from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from gaittake.cli import sequences
from gaittake.cli.options import Method, Overrides, job_of, reads
from gaittake.errors import UserError

if TYPE_CHECKING:
    from gaittake.use.model_file import Header

Repository = Annotated[
    str,
    typer.Argument(
        help="Repository of a model hub, for example ann/gait, or a folder: ./gait, /data/gait."
    ),
]


class Format(StrEnum):
    """What computes an exported model: PyTorch, or ONNX Runtime without PyTorch."""

    SAFETENSORS = "safetensors"
    ONNX = "onnx"


app = typer.Typer(no_args_is_help=True, help="Use a trained model on your own people.")


@app.command("export")
def export(
    dataset: Annotated[
        str,
        typer.Argument(
            help="Name of a dataset: config/DATASET.yaml; with --format onnx also a model file."
        ),
    ],
    method: Method = None,
    out: Annotated[
        Path | None, typer.Option(help="Model file (default: DATASET-METHOD.FORMAT).")
    ] = None,
    overrides: Overrides = None,
    weights: Annotated[Path | None, reads("Weights of the network, .safetensors.")] = None,
    student: Annotated[Path | None, reads("Weights of the student, .pt.")] = None,
    metrics: Annotated[Path | None, reads("Metrics of the run, .json.")] = None,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="safetensors, for PyTorch; or onnx, for ONNX Runtime without PyTorch (requires "
            "the extra `onnx`; a student is a second file beside it).",
        ),
    ] = Format.SAFETENSORS,
) -> None:
    """Export a trained method as one model file: weights, student, settings, calibration."""
    given = (method, overrides, weights, student, metrics)
    if dataset.endswith(".safetensors"):
        if format_ is not Format.ONNX or any(given):
            raise UserError(
                f"{dataset}: a model file; it can be converted with --format onnx and --out alone. "
                "To export a method, name its dataset."
            )
        _to_onnx(Path(dataset), out or Path(dataset).with_suffix(".onnx"))
        return
    out = out or Path(f"{dataset}-{method}.{format_}")
    if format_ is not Format.ONNX:
        _require_place(out)
    if format_ is Format.ONNX:
        with TemporaryDirectory() as folder:
            made = Path(folder, f"{out.stem}.safetensors")
            _export(dataset, method, made, overrides, weights, student, metrics)
            _to_onnx(made, out)
        return
    header = _export(dataset, method, out, overrides, weights, student, metrics)
    print(f"{out}\n{_description(header)}")


def _require_place(out: Path) -> None:
    """Checks that a model for PyTorch may be written: nothing but a model file is replaced.

    Raises:
        UserError: the name is that of an ONNX file, or another file is there.
    """
    from gaittake.io.atomic import require_writable
    from gaittake.use.model_file import is_model_file, is_onnx

    require_writable(out)
    if is_onnx(out):
        raise UserError(
            f"--out {out}: the ending of a file for ONNX Runtime; use .safetensors, and then "
            "`gaittake model export FILE --format onnx`"
        )
    if out.exists() and not is_model_file(out):
        raise UserError(
            f"--out {out}: exists, and is no model file; choose another name, or remove the file"
        )


def _to_onnx(source: Path, out: Path) -> None:
    from gaittake.use.export_onnx import export_onnx

    header = export_onnx(source, out)
    print(f"{out}\n{_description(header)}")


def _export(
    dataset: str,
    method: str | None,
    out: Path,
    overrides: list[str] | None,
    weights: Path | None = None,
    student: Path | None = None,
    metrics: Path | None = None,
) -> "Header":
    """Writes the model file of a method, and returns what it says of the model."""
    from gaittake.pipeline import inputs, origin, plan
    from gaittake.use.export import export_model

    job = job_of(dataset, overrides, method=method)
    embed = plan.embed(job)
    kinds = {"truth": "truth", "files": "given", "own": "given"}
    if kind := kinds.get(job.settings.keypoints_from):
        embed = embed.model_copy(update={"keypoints": kind})
    return export_model(
        embed,
        plan.evaluate(job),
        plan.predict(job),
        job.settings.align,
        weights=weights or next(iter(inputs.weights(job)), None),
        student=student or inputs.student(job),
        metrics=metrics or job.path("{method}/metrics.json"),
        out=out,
        trained_synthetic=origin.trained_on_rendered(job),
        trained_fps=origin.trained_fps(job),
    )


@app.command("show")
def show(
    model: Annotated[
        Path | None, typer.Argument(help="Model file (default: the one that gaittake ships).")
    ] = None,
) -> None:
    """Print how a model was trained, and its measured error rates."""
    from gaittake.use.model_file import read_header, shipped_model

    print(_description(read_header(model or shipped_model())))


@app.command("push")
def push(
    model: Annotated[str, typer.Argument(help="Model file, or name of a dataset to export.")],
    repository: Repository,
    method: Method = None,
    overrides: Overrides = None,
) -> None:
    """Upload a model and its card to a model hub, into a private repository; or to a folder."""
    from gaittake.use.hub import push as upload

    file = Path(model)
    if method is not None:
        file = Path(f"{model}-{method}.safetensors")
        _export(model, method, file, overrides)
    elif overrides:
        raise UserError("--set: only with --method, which exports a dataset's model")
    print(upload(file, repository))


@app.command("pull")
def pull(
    repository: Repository,
    out: Annotated[
        Path | None, typer.Option(help="Model file to write (default: REPOSITORY.safetensors).")
    ] = None,
) -> None:
    """Download a model from a model hub, or copy it from a folder; a damaged one is refused."""
    from gaittake.use.hub import pull as download

    out = out or Path(f"{Path(repository).name}.safetensors")
    _require_place(out)
    print(f"{out}\n{_description(download(repository, out))}")


app.command("embed")(sequences.embed)
app.command("compare")(sequences.compare)
app.command("enrol")(sequences.enrol)
app.command("identify")(sequences.identify)


def _description(header: "Header") -> str:
    from gaittake.use.describe import describe_model

    return describe_model(header)
