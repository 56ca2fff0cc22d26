"""The commands on a model file: `gaittake model export|show|embed|compare|enrol|identify`.

`gaittake embed` and `gaittake compare` are stages of the pipeline and work on a dataset.
"""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaittake.cli.options import (
    Dataset,
    Device,
    DeviceOption,
    Method,
    Overrides,
    Threads,
    computing_on,
    job_of,
    reads,
)
from gaittake.errors import UserError
from gaittake.use import Masks, Silhouettes

if TYPE_CHECKING:
    from gaittake.use.masks import MaskReader
    from gaittake.use.model import Embedding, Model, SequenceEmbedding

ModelFile = Annotated[Path, typer.Argument(help="Model file, written by `gaittake model export`.")]
SilhouettesOption = Annotated[
    Silhouettes,
    typer.Option(
        "--silhouettes",
        help="Content of the files: masks, or colour frames to segment: people (any camera; "
        "requires the extra [people]), background (static camera) or maskrcnn (any camera, slow).",
    ),
]
MasksOption = Annotated[
    Masks,
    typer.Option(
        "--masks",
        help="With masks: the person is the bright or the dark part, the alpha channel, or every "
        "level above 0 (auto: found from the images).",
    ),
]
EmptyScene = Annotated[
    Path | None,
    typer.Option(help="With background: video or folder of the same view without people."),
]
SequencesArgument = Annotated[
    list[str], typer.Argument(help="Folders of numbered images, or videos: one per sequence.")
]
SequenceArgument = Annotated[
    str,
    typer.Argument(
        help="Folder of numbered images, video, or EMBEDDINGS.npz#NAME (from `model embed`)."
    ),
]
ClipsArgument = Annotated[
    list[str],
    typer.Argument(
        help="Folders of numbered images, videos, or EMBEDDINGS.npz#NAME (from `model embed`)."
    ),
]
ModelOption = Annotated[
    Path, typer.Option("--model", help="Model file, written by `gaittake model export`.")
]

app = typer.Typer(no_args_is_help=True, help="Use a trained model on your own people.")


@app.command("export")
def export(
    dataset: Dataset,
    method: Method = None,
    out: Annotated[
        Path | None, typer.Option(help="Model file (default: DATASET-METHOD.gait).")
    ] = None,
    overrides: Overrides = None,
    weights: Annotated[Path | None, reads("Weights of the network, .pt.")] = None,
    student: Annotated[Path | None, reads("Weights of the student, .pt.")] = None,
    metrics: Annotated[Path | None, reads("Metrics of the run, .json.")] = None,
) -> None:
    """Export a trained method as one model file: weights, student, settings, calibration."""
    from gaittake.pipeline import inputs, plan
    from gaittake.use.export import export_model

    job = job_of(dataset, overrides, method=method)
    embed = plan.embed(job)
    kinds = {"truth": "truth", "files": "given"}
    if kind := kinds.get(job.settings.keypoints_from):
        embed = embed.model_copy(update={"keypoints": kind})
    out = out or Path(f"{dataset}-{method}.gait")
    model = export_model(
        embed,
        plan.evaluate(job),
        plan.predict(job),
        job.settings.align,
        weights=weights or next(iter(inputs.weights(job)), None),
        student=student or inputs.student(job),
        metrics=metrics or job.path("{method}/metrics.json"),
        out=out,
    )
    print(f"{out}\n{_description(model)}")


@app.command("show")
def show(model: ModelFile) -> None:
    """Print how a model was trained, and its measured error rates."""
    print(_description(_load(model, Device.CPU, None)))


@app.command("embed")
def embed(
    model: ModelFile,
    sequences: SequencesArgument,
    out: Annotated[Path, typer.Option(help="File of embeddings to write, .npz.")],
    silhouettes: SilhouettesOption = Silhouettes.MASKS,
    masks: MasksOption = Masks.AUTO,
    empty_scene: EmptyScene = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Compute the embeddings of sequences, and write them to one file."""
    if out.suffix != ".npz":
        raise UserError(f"--out {out}: the file name must end with .npz")
    if twice := [name for name, count in Counter(sequences).items() if count > 1]:
        raise UserError(f"{twice[0]}: given twice; give each sequence once")
    loaded = _load(model, device, threads)
    from gaittake.io.progress import progress
    from gaittake.use.embedding_file import write_embeddings

    read = _mask_reader(sequences, silhouettes, masks, empty_scene, device)
    found = {}
    with progress("embed", len(sequences), unit="sequences") as advance:
        for name in sequences:
            found[name] = _embed(loaded, read, name)
            advance()
    write_embeddings(found, loaded, out)
    print(out)


@app.command("compare")
def compare(
    model: ModelFile,
    a: SequenceArgument,
    b: SequenceArgument,
    silhouettes: SilhouettesOption = Silhouettes.MASKS,
    masks: MasksOption = Masks.AUTO,
    empty_scene: EmptyScene = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Compare two sequences: their distance, and its rank among measured distances."""
    loaded = _load(model, device, threads)
    from gaittake.use.describe import describe_comparison

    one, other = _embeddings([a, b], loaded, silhouettes, masks, empty_scene, device)
    print(describe_comparison(loaded.distance(one, other), loaded.about))


@app.command("enrol")
def enrol(
    name: Annotated[str, typer.Argument(help="Name of the person.")],
    sequences: ClipsArgument,
    model: ModelOption,
    gallery: Annotated[Path, typer.Option(help="Gallery file to create or extend, .npz.")],
    silhouettes: SilhouettesOption = Silhouettes.MASKS,
    masks: MasksOption = Masks.AUTO,
    empty_scene: EmptyScene = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Add a person's sequences to a gallery file."""
    if gallery.suffix != ".npz":
        raise UserError(f"--gallery {gallery}: the file name must end with .npz")
    if not name.strip():
        raise UserError("the name of the person is empty")
    loaded = _load(model, device, threads)
    from gaittake.use.gallery import Enrolled, read_gallery, write_gallery
    from gaittake.use.gallery import enrol as add

    known = read_gallery(gallery, loaded) if gallery.exists() else []
    found = _embeddings(sequences, loaded, silhouettes, masks, empty_scene, device)
    new = [Enrolled(name, clip, row) for clip, row in zip(sequences, found, strict=True)]
    enrolled = add(known, new)
    write_gallery(enrolled, loaded, gallery)
    people = len({item.name for item in enrolled})
    print(f"{gallery}: {len(enrolled)} sequences of {people} people")


@app.command("identify")
def identify(
    sequence: SequenceArgument,
    model: ModelOption,
    gallery: Annotated[Path, typer.Option(help="Gallery file, written by `gaittake model enrol`.")],
    fpir: Annotated[
        float,
        typer.Option(
            help="False-positive identification rate: at most this share of people who are not "
            "enrolled is named as somebody."
        ),
    ] = 0.05,
    silhouettes: SilhouettesOption = Silhouettes.MASKS,
    masks: MasksOption = Masks.AUTO,
    empty_scene: EmptyScene = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Search a gallery file for the person of a sequence; the answer may be: nobody enrolled."""
    loaded = _load(model, device, threads)
    from gaittake.use.describe import describe_identification
    from gaittake.use.gallery import read_gallery
    from gaittake.use.identify import identify as search
    from gaittake.use.identify import threshold_of

    enrolled = read_gallery(gallery, loaded)
    threshold_of(loaded.about.calibration, sequences=len(enrolled), fpir=fpir)
    (found,) = _embeddings([sequence], loaded, silhouettes, masks, empty_scene, device)
    result = search(found, enrolled, loaded, fpir=fpir)
    print(describe_identification(result, loaded.about, sequences=len(enrolled)))


def _embeddings(
    names: list[str],
    model: "Model",
    silhouettes: Silhouettes,
    masks: Masks,
    empty_scene: Path | None,
    device: Device,
) -> "list[Embedding]":
    """Returns the embeddings of sequences, read from a file or computed."""
    from gaittake.use.embedding_file import read_embedding

    recorded = [name for name in names if ".npz" not in name]
    read = _mask_reader(recorded, silhouettes, masks, empty_scene, device)
    return [
        read_embedding(name, model) if ".npz" in name else _embed(model, read, name).embedding
        for name in names
    ]


def _load(path: Path, device: Device, threads: int | None) -> "Model":
    chosen = computing_on(device, threads)
    from gaittake.use.model import load

    return load(path, chosen)


def _mask_reader(
    sequences: list[str],
    silhouettes: Silhouettes,
    masks: Masks,
    empty_scene: Path | None,
    device: Device,
) -> "MaskReader":
    """Returns the reader of the sequences' masks, after a check that all of them have frames."""
    from gaittake.use.masks import mask_reader, require_frames

    for name in sequences:
        require_frames(Path(name))
    return mask_reader(
        silhouettes, masks=masks, empty_scene=empty_scene, device=computing_on(device, None)
    )


def _embed(model: "Model", read: "MaskReader", name: str) -> "SequenceEmbedding":
    """Returns a sequence's embedding; prints which frames are usable, and what is doubtful."""
    from gaittake.io.tables import count_rejects
    from gaittake.sequence import Reject
    from gaittake.use.describe import usable_frames

    rejects: list[Reject] = []
    masks = (mask for _, mask in read(Path(name), rejects))
    found = model.embed_frames(masks, name=name)
    if rejects:
        print(f"{name}: skipped {count_rejects(rejects)}")
    print(f"{name}: {usable_frames(found.frames, found.dropped)}")
    for warning in found.warnings:
        print(warning)
    return found


def _description(model: "Model") -> str:
    from gaittake.use.describe import describe_model

    return describe_model(model.about, digest=model.digest, package=model.package)
