"""A gallery file (.npz): the embeddings of enrolled people."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gaittake.errors import UserError
from gaittake.io.atomic import whole_file
from gaittake.use.embedding_file import read_arrays, require_file

if TYPE_CHECKING:
    from gaittake.use.model import Model
    from gaittake.use.networks import Embedding

COMMAND = "gaittake model enrol"
# Numbers of two embeddings of one recording differ less: computed by PyTorch and by ONNX Runtime.
# Those of a recording of 44 frames with and without the last one differ by 0.01 and more.
SAME = 1e-4
KEYS = {"names", "clips", "embeddings", "model"}


class Enrolled(NamedTuple):
    """A sequence of an enrolled person.

    Attributes:
        name: of the person.
        clip: the recording.
        embedding: `[p, d]` float32.
    """

    name: str
    clip: str
    embedding: "Embedding"


def enrol(gallery: list[Enrolled], new: list[Enrolled]) -> list[Enrolled]:
    """Returns the gallery with further sequences; a clip of the same person is replaced.

    Raises:
        UserError: a clip is enrolled for another person.
    """
    for item in new:
        others = (each for each in gallery if each.name != item.name)
        if known := next((each for each in others if _is_again(item, each)), None):
            same = "" if known.clip == item.clip else f", as {known.clip}"
            raise UserError(
                f"{item.clip}: enrolled for {known.name}{same}; a recording shows one person"
            )
        gallery = [each for each in gallery if not _is_again(item, each)] + [item]
    return gallery


def _is_again(one: Enrolled, other: Enrolled) -> bool:
    """Returns whether two are one recording, by its name, or by its embedding under two names."""
    equal = one.embedding.shape == other.embedding.shape
    return one.clip == other.clip or (
        equal and bool(np.abs(one.embedding - other.embedding).max() < SAME)
    )


def require_gallery(path: Path) -> None:
    """Checks that a gallery file can be opened.

    Raises:
        UserError: it cannot.
    """
    require_file(path, command=COMMAND)


def read_gallery(path: Path, model: "Model") -> list[Enrolled]:
    """Returns the enrolled sequences.

    Raises:
        UserError: no such file, another kind of file, or another model's embeddings.
    """
    found = read_arrays(path, model, keys=KEYS, command=COMMAND)
    rows = np.asarray(found["embeddings"], dtype=np.float32)
    return [
        Enrolled(str(name), str(clip), row)
        for name, clip, row in zip(found["names"], found["clips"], rows, strict=True)
    ]


def write_gallery(gallery: list[Enrolled], model: "Model", path: Path) -> None:
    """Writes a gallery file atomically.

    Args:
        gallery: at least one sequence.
        model: the model that computed the embeddings.
        path: of the file, .npz: `names` and `clips` `[n]`, `embeddings` `[n, p, d]`, `model`.
    """
    with whole_file(path) as temporary, temporary.open("wb") as opened:
        np.savez(
            opened,
            names=np.array([item.name for item in gallery]),
            clips=np.array([item.clip for item in gallery]),
            embeddings=np.stack([item.embedding for item in gallery]),
            model=np.array(model.digest),
        )
