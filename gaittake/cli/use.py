"""The commands on one's own people: `gaittake model export|show|embed|compare`.

A group of its own: `gaittake embed` and `gaittake compare` are stages of the pipeline, which work
on a dataset; these work on a model file.
"""

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
from gaittake.use import Silhouettes

if TYPE_CHECKING:
    from gaittake.use.masks import Read
    from gaittake.use.model import Model, Walk

ModelFile = Annotated[Path, typer.Argument(help="A file of `gaittake model export`.")]
SilhouettesOption = Annotated[
    Silhouettes,
    typer.Option(
        "--silhouettes",
        help="What a walk is: masks, or colour frames to be cut out, of a static camera "
        "(background) or any (maskrcnn: torchvision's, fetched once).",
    ),
]
EmptyScene = Annotated[
    Path | None,
    typer.Option(help="background: video or frames of the view without anybody."),
]
Walks = Annotated[list[str], typer.Argument(help="Folders of frames, or videos: a walk each.")]
OneWalk = Annotated[str, typer.Argument(help="Folder of frames, video, or people.npz#NAME.")]

app = typer.Typer(no_args_is_help=True, help="A trained model as one file, on your own people.")


@app.command("export")
def export(
    dataset: Dataset,
    method: Method = None,
    out: Annotated[Path | None, typer.Option(help="Default: DATASET-METHOD.gait.")] = None,
    overrides: Overrides = None,
    weights: Annotated[Path | None, reads("Weights of the network, .pt.")] = None,
    student: Annotated[Path | None, reads("Weights of the student, .pt.")] = None,
    metrics: Annotated[Path | None, reads("Metrics of the run, .json.")] = None,
) -> None:
    """Ship a trained method as one file: weights, student, settings, calibration."""
    from gaittake.pipeline import inputs, plan
    from gaittake.use.export import export_model

    job = job_of(dataset, overrides, method=method)
    embed = plan.embed(job)
    if job.settings.pose.keypoints == "truth":
        embed = embed.model_copy(update={"keypoints": "truth"})
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
    print(f"{out}\n{_described(model)}")


@app.command("show")
def show(model: ModelFile) -> None:
    """Print what a model was trained on, and what was measured with it."""
    print(_described(_loaded(model, Device.CPU, None)))


@app.command("embed")
def embed(
    model: ModelFile,
    walks: Walks,
    out: Annotated[Path, typer.Option(help="The embeddings' file, .npz.")],
    silhouettes: SilhouettesOption = Silhouettes.MASKS,
    empty_scene: EmptyScene = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Embed walks: folders of frames or videos in, one file of embeddings out."""
    if out.suffix != ".npz":
        raise UserError(f"--out {out}: a name that ends with .npz is needed")
    if len(set(walks)) != len(walks):
        raise UserError("a walk is given twice; give each once")
    loaded = _loaded(model, device, threads)
    from gaittake.io.progress import progress
    from gaittake.use.embedding_file import write_embeddings

    read = _reader(silhouettes, empty_scene, device)
    found = {}
    with progress("embed", len(walks), unit="walks") as advance:
        for name in walks:
            found[name] = _embedded(loaded, read, name)
            advance()
    write_embeddings(found, loaded, out)
    for name, walk in found.items():
        print(f"{name}: {walk.frames} frames, {walk.dropped} without anybody")
    print(out)


@app.command("compare")
def compare(
    model: ModelFile,
    a: OneWalk,
    b: OneWalk,
    silhouettes: SilhouettesOption = Silhouettes.MASKS,
    empty_scene: EmptyScene = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Compare two walks: their distance, and where it lies among measured ones."""
    loaded = _loaded(model, device, threads)
    from gaittake.use.embedding_file import read_embedding
    from gaittake.use.words import comparison_in_words

    read = _reader(silhouettes, empty_scene, device)
    one, other = (
        read_embedding(walk, loaded) if ".npz" in walk else _embedded(loaded, read, walk).embedding
        for walk in (a, b)
    )
    print(comparison_in_words(loaded.distance(one, other), loaded.about))


def _loaded(path: Path, device: Device, threads: int | None) -> "Model":
    place = computing_on(device, threads)
    from gaittake.use.model import load

    return load(path, place)


def _reader(silhouettes: Silhouettes, empty_scene: Path | None, device: Device) -> "Read":
    from gaittake.use.masks import reader

    return reader(silhouettes, empty_scene=empty_scene, device=computing_on(device, None))


def _embedded(model: "Model", read: "Read", walk: str) -> "Walk":
    """Returns a walk's embedding; tells what of it could not be read."""
    from gaittake.io.rejects import count_rejects
    from gaittake.sequence import Reject

    rejects: list[Reject] = []
    found = model.embed_frames(read(Path(walk), rejects), name=walk)
    if rejects:
        print(f"{walk}: could not be read: {count_rejects(rejects)}")
    return found


def _described(model: "Model") -> str:
    from gaittake.use.words import about_in_words

    return about_in_words(model.about, digest=model.digest, package=model.package)
