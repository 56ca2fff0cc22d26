"""A file of embeddings: a row for each walk, and which model made them (.npz)."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gaittake.errors import UserError
from gaittake.io.atomic import whole_file
from gaittake.use.model import Embedding, Model, Walk

KEYS = {"names", "embeddings", "frames", "dropped", "model"}


def write_embeddings(walks: dict[str, Walk], model: Model, path: Path) -> None:
    """Writes embeddings, whole or not at all.

    Args:
        walks: by name.
        model: that made them.
        path: of the file, .npz: `names` `[n]`, `embeddings` `[n, p, d]`, `frames` and `dropped`
            `[n]`, `model`, the model's digest.
    """
    arrays: dict[str, npt.NDArray[Any]] = {
        "names": np.array(list(walks)),
        "embeddings": np.stack([walk.embedding for walk in walks.values()]),
        "frames": np.array([walk.frames for walk in walks.values()]),
        "dropped": np.array([walk.dropped for walk in walks.values()]),
        "model": np.array(model.digest),
    }
    with whole_file(path) as temporary, temporary.open("wb") as opened:
        np.savez(opened, **arrays)  # type: ignore[arg-type]


def read_embedding(address: str, model: Model) -> Embedding:
    """Returns the embedding `[p, d]` at `people.npz#NAME`; the name may lack where there is one.

    Raises:
        UserError: no such file or name, not such a file, or made by another model.
    """
    file, _, name = address.partition(".npz#")
    path = Path(file if file.endswith(".npz") else f"{file}.npz")
    found = _read(path)
    if str(found["model"]) != model.digest:
        raise UserError(
            f"{path}: made by model {found['model']}, this one is {model.digest}, and their "
            "embeddings cannot be compared; embed the walks again"
        )
    names = [str(item) for item in found["names"]]
    if not name and len(names) == 1:
        name = names[0]
    if name not in names:
        raise UserError(
            f"{path}: the name of a walk is needed, as in {path}#{names[0]}; it holds "
            f"{', '.join(names[:5])}"
        )
    return np.asarray(found["embeddings"][names.index(name)], dtype=np.float32)


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; `gaittake model embed` makes one")
    try:
        with np.load(path, allow_pickle=False) as opened:
            found = {name: opened[name] for name in opened.files}
    except Exception as error:  # np.load raises many kinds for a damaged or foreign file
        raise UserError(
            f"{path}: not a readable file of embeddings ({type(error).__name__}); embed again"
        ) from error
    if set(found) != KEYS:
        raise UserError(f"{path}: not a file of `gaittake model embed`, it holds {sorted(found)}")
    return found
