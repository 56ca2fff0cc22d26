"""A file of embeddings (.npz): one row per sequence, and the digest of the model."""

import logging
from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gaittake.errors import UserError
from gaittake.io.atomic import whole_file
from gaittake.use.describe import short_sequence
from gaittake.use.model_file import unreadable

if TYPE_CHECKING:
    from gaittake.use.model import Model, SequenceEmbedding
    from gaittake.use.networks import Embedding

logger = logging.getLogger(__name__)
COMMAND = "gaittake model embed"
KEYS = {"names", "embeddings", "frames", "dropped", "model"}


def write_embeddings(sequences: "dict[str, SequenceEmbedding]", model: "Model", path: Path) -> None:
    """Writes a file of embeddings atomically.

    Args:
        sequences: embeddings by name.
        model: the model that computed them.
        path: of the file, .npz: `names` `[n]`, `embeddings` `[n, p, d]`, `frames` and `dropped`
            `[n]`, `model`, the model's digest.
    """
    arrays: dict[str, npt.NDArray[Any]] = {
        "names": np.array(list(sequences)),
        "embeddings": np.stack([item.embedding for item in sequences.values()]),
        "frames": np.array([item.frames for item in sequences.values()]),
        "dropped": np.array([item.dropped.total() for item in sequences.values()]),
        "model": np.array(model.digest),
    }
    with whole_file(path) as temporary, temporary.open("wb") as opened:
        np.savez(opened, **arrays)  # type: ignore[arg-type]


def require_replaceable(path: Path) -> None:
    """Checks that a file of embeddings may be written: over another one, or where nothing is.

    Raises:
        UserError: another file is there, for example a gallery, which would be lost.
    """
    if not path.exists():
        return
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = set(arrays.files)
    except Exception:  # np.load raises many kinds of errors for damaged or foreign files
        names = set()
    if names != KEYS:
        raise UserError(
            f"{path}: exists, and was not written by `{COMMAND}`; choose another name for --out, "
            "or remove the file"
        )


def read_embedding(address: str, model: "Model") -> "Embedding":
    """Returns the embedding `[p, d]` at `people.npz#NAME`; a file with one name needs no `#NAME`.

    Logs a warning if the sequence is short.

    Raises:
        UserError: no such file or name, another kind of file, or another model's embeddings.
    """
    path, name = _file_and_name(address)
    found = read_arrays(path, model, keys=KEYS, command=COMMAND)
    names = [str(item) for item in found["names"]]
    if name not in names and str(Path(name)) in names:
        name = str(Path(name))  # given with a final slash
    if not name and len(names) == 1:
        name = names[0]
    if name not in names:
        raise UserError(
            f"{path}: the name of a sequence is required, for example {path}#{names[0]}; the file "
            f"holds {', '.join(names[:5])}"
        )
    row = names.index(name)
    if warning := short_sequence(address, int(found["frames"][row]), model.about):
        logger.warning(warning)
    return np.asarray(found["embeddings"][row], dtype=np.float32)


def require_embeddings(address: str) -> None:
    """Checks that the file of `people.npz#NAME` can be opened.

    Raises:
        UserError: it cannot.
    """
    require_file(_file_and_name(address)[0], command=COMMAND)


def require_file(path: Path, *, command: str) -> None:
    """Checks that a file of embeddings can be opened.

    Raises:
        UserError: it cannot.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise unreadable(path, error, required=f"a file written by `{command}`") from error


def read_arrays(
    path: Path, model: "Model", *, keys: Set[str], command: str
) -> dict[str, npt.NDArray[Any]]:
    """Returns the arrays of a file of embeddings.

    Args:
        path: of the file, .npz.
        model: whose embeddings are required.
        keys: names of the arrays.
        command: that writes such files, for messages.

    Raises:
        UserError: no such file, another kind of file, or another model's embeddings.
    """
    require_file(path, command=command)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except Exception as error:  # np.load raises many kinds of errors for damaged or foreign files
        raise UserError(
            f"{path}: not a readable file of embeddings ({type(error).__name__}); create it with "
            f"`{command}`"
        ) from error
    if set(found) != keys:
        raise UserError(f"{path}: not a file written by `{command}`; it holds {sorted(found)}")
    if str(found["model"]) != model.digest:
        raise UserError(
            f"{path}: embeddings of model {found['model']}, but this model is {model.digest}; "
            "embeddings of two models cannot be compared. Embed the sequences with this model."
        )
    return found


def _file_and_name(address: str) -> tuple[Path, str]:
    """Returns file and name of `people.npz#NAME`; the name may be missing."""
    file, _, name = address.partition(".npz#")
    return Path(file if file.endswith(".npz") else f"{file}.npz"), name
