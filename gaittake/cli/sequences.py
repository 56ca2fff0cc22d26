"""The commands on people's sequences: `gaittake model embed|compare|enrol|identify`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaittake.cli.options import (
    Device,
    DeviceOption,
    Threads,
    has_gpu,
    limit_threads,
    network_on,
)
from gaittake.errors import UserError
from gaittake.use import Masks, Silhouettes

if TYPE_CHECKING:
    from gaittake.use.masks import MaskReader
    from gaittake.use.model import Model, SequenceEmbedding
    from gaittake.use.networks import Embedding

ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        help="Model file, written by `gaittake model export` (default: the one that gaittake "
        "ships).",
    ),
]
SilhouettesOption = Annotated[
    Silhouettes,
    typer.Option(
        "--silhouettes",
        help="Content of the files: masks, or colour frames to segment: people (any camera; "
        "requires the extra `people`), background (static camera) or maskrcnn (any camera, slow).",
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


def embed(
    sequences: SequencesArgument,
    out: Annotated[Path, typer.Option(help="File of embeddings to write, .npz.")],
    model: ModelOption = None,
    silhouettes: SilhouettesOption = Silhouettes.MASKS,
    masks: MasksOption = Masks.AUTO,
    empty_scene: EmptyScene = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Compute the embeddings of sequences, and write them to one file."""
    sequences = [str(Path(name)) for name in sequences]  # without a final slash
    if out.suffix != ".npz":
        raise UserError(f"--out {out}: the file name must end with .npz")
    if twice := [name for name, count in Counter(sequences).items() if count > 1]:
        raise UserError(f"{twice[0]}: given twice; give each sequence once")
    _require_writable(out)
    from gaittake.use.embedding_file import require_replaceable, write_embeddings

    require_replaceable(out)
    loaded, read = _prepare(model, sequences, silhouettes, masks, empty_scene, device, threads)
    from gaittake.io.progress import progress

    found, faults = {}, []
    with progress("embed", len(sequences), unit="sequences") as advance:
        for name in sequences:
            try:
                found[name] = _computed(loaded, read, name)
            except UserError as error:
                faults.append(str(error))
            advance()
    if not found:
        raise UserError("; ".join(faults))
    write_embeddings(found, loaded, out)
    print(out)
    if faults:
        raise UserError(
            f"{out}: {len(found)} of {len(sequences)} sequences; it lacks {len(faults)}: "
            f"{'; '.join(faults)}"
        )


def compare(
    a: SequenceArgument,
    b: SequenceArgument,
    model: ModelOption = None,
    silhouettes: SilhouettesOption = Silhouettes.MASKS,
    masks: MasksOption = Masks.AUTO,
    empty_scene: EmptyScene = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Compare two sequences: their distance, and its rank among measured distances."""
    loaded, read = _prepare(model, [a, b], silhouettes, masks, empty_scene, device, threads)
    from gaittake.use.describe import describe_comparison

    one, other = (_embedding(loaded, read, name) for name in (a, b))
    print(describe_comparison(loaded.distance(one, other), loaded.about))


def enrol(
    name: Annotated[str, typer.Argument(help="Name of the person.")],
    sequences: ClipsArgument,
    gallery: Annotated[Path, typer.Option(help="Gallery file to create or extend, .npz.")],
    model: ModelOption = None,
    silhouettes: SilhouettesOption = Silhouettes.MASKS,
    masks: MasksOption = Masks.AUTO,
    empty_scene: EmptyScene = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Add a person's sequences to a gallery file."""
    if gallery.suffix != ".npz":
        raise UserError(f"--gallery {gallery}: the file name must end with .npz")
    if not (name := name.strip()):
        raise UserError("the name of the person is empty")
    _require_writable(gallery)
    loaded, read = _prepare(model, sequences, silhouettes, masks, empty_scene, device, threads)
    from gaittake.use.gallery import Enrolled, read_gallery, write_gallery
    from gaittake.use.gallery import enrol as add

    known = read_gallery(gallery, loaded) if gallery.exists() else []
    new = [Enrolled(name, clip, _embedding(loaded, read, clip)) for clip in sequences]
    enrolled = add(known, new)
    write_gallery(enrolled, loaded, gallery)
    people = len({item.name for item in enrolled})
    again = len(known) + len(new) - len(enrolled)
    replaced = f" ({again} replaced: enrolled before, or given twice)" if again else ""
    sequences_of = "1 sequence of" if len(enrolled) == 1 else f"{len(enrolled)} sequences of"
    whom = "1 person" if people == 1 else f"{people} people"
    print(f"{gallery}: {sequences_of} {whom}{replaced}")


def identify(
    sequence: SequenceArgument,
    gallery: Annotated[Path, typer.Option(help="Gallery file, written by `gaittake model enrol`.")],
    model: ModelOption = None,
    fpir: Annotated[
        float,
        typer.Option(
            help="False-positive identification rate: at most this share of searches for people "
            "who are not enrolled names somebody."
        ),
    ] = 0.05,
    silhouettes: SilhouettesOption = Silhouettes.MASKS,
    masks: MasksOption = Masks.AUTO,
    empty_scene: EmptyScene = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Search a gallery file for the person of a sequence; the answer may be: nobody enrolled."""
    loaded, read = _prepare(
        model, [sequence], silhouettes, masks, empty_scene, device, threads, gallery=gallery
    )
    from gaittake.use.describe import describe_identification
    from gaittake.use.gallery import read_gallery
    from gaittake.use.identify import identify as search
    from gaittake.use.identify import threshold_of

    enrolled = read_gallery(gallery, loaded)
    threshold_of(loaded.about.calibration, sequences=len(enrolled), fpir=fpir)
    result = search(_embedding(loaded, read, sequence), enrolled, loaded, fpir=fpir)
    print(describe_identification(result, loaded.about, sequences=len(enrolled)))


def _prepare(
    model: Path | None,
    sequences: list[str],
    silhouettes: Silhouettes,
    masks: Masks,
    empty_scene: Path | None,
    device: Device,
    threads: int | None,
    *,
    gallery: Path | None = None,
) -> "tuple[Model, MaskReader]":
    """Returns the model, and the reader of the sequences' masks.

    The files are checked first: to import torch takes seconds.
    """
    limit_threads(threads)
    from gaittake.io.frame_rate import frame_rate
    from gaittake.use.beside import keypoints_beside
    from gaittake.use.embedding_file import require_embeddings
    from gaittake.use.gallery import require_gallery
    from gaittake.use.masks import mask_reader, require_frames
    from gaittake.use.model_file import (
        has_torch,
        is_onnx,
        read_header,
        require_torch,
        shipped_model,
    )
    from gaittake.use.rate import rate_warnings

    gpu = device is Device.CUDA or (device is Device.AUTO and has_gpu() and has_torch())
    path = model or shipped_model(gpu=gpu)
    header = read_header(path)
    if not is_onnx(path):
        require_torch(path)
    if gallery is not None:
        require_gallery(gallery)
    rates = {}
    for name in sequences:
        if _is_embedding(name):
            require_embeddings(name)
        else:
            require_frames(Path(name))
            rates[name] = frame_rate(Path(name))
            if header.about.requires_keypoints:
                keypoints_beside(Path(name))
    for warning in rate_warnings(rates, header.about):
        print(warning)
    from gaittake.use.model import load

    # Without a network of PyTorch, nothing is asked of it: to import it takes seconds.
    onnx = is_onnx(path) and device is not Device.CUDA
    loaded = load(path) if onnx else None
    torch_masks = silhouettes is Silhouettes.MASKRCNN
    chosen = network_on(device, threads) if loaded is None or torch_masks else "cpu"
    read = mask_reader(silhouettes, masks=masks, empty_scene=empty_scene, device=chosen)
    return loaded or load(path, chosen), read


def _require_writable(path: Path) -> None:
    from gaittake.io.atomic import require_writable

    require_writable(path)


def _is_embedding(name: str) -> bool:
    return name.endswith(".npz") or ".npz#" in name


def _embedding(model: "Model", read: "MaskReader", name: str) -> "Embedding":
    """Returns a sequence's embedding, read from a file or computed."""
    from gaittake.use.embedding_file import read_embedding

    if _is_embedding(name):
        return read_embedding(name, model)
    return _computed(model, read, name).embedding


def _computed(model: "Model", read: "MaskReader", name: str) -> "SequenceEmbedding":
    """Returns a sequence's embedding; prints which frames are usable, and what is doubtful."""
    from gaittake.sequence import Reject, count_rejects
    from gaittake.use.beside import KeypointsBeside, keypoints_beside
    from gaittake.use.describe import usable_frames
    from gaittake.use.masks import not_frames

    rejects: list[Reject] = not_frames(Path(name))
    masks = read(Path(name), rejects)
    try:
        if model.about.requires_keypoints:
            given = KeypointsBeside(keypoints_beside(Path(name)), name)
            found = model.embed_frames(given.watch(masks), name=name, locate=given.locate)
        else:
            found = model.embed_frames((mask for _, mask in masks), name=name)
    except UserError as error:
        if not rejects:
            raise
        raise UserError(f"{error} (skipped: {count_rejects(rejects)})") from error
    if rejects:
        print(f"{name}: skipped {count_rejects(rejects)}")
    print(f"{name}: {usable_frames(found.frames, found.dropped)}")
    for warning in found.warnings:
        print(warning)
    return found
