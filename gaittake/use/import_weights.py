"""Import of OpenGait's checkpoints as weights files of this project."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gaittake.errors import UserError
from gaittake.io.checkpoint import file_digest
from gaittake.io.environment import environment
from gaittake.io.torch_file import load_torch
from gaittake.io.weights import save_weights
from gaittake.models import build_network
from gaittake.models.opengait import Converted, converted
from gaittake.settings import OPENGAIT, SECTIONS

PARALLEL = "module."  # before each name, where a network was saved in its DistributedDataParallel


class Imported(NamedTuple):
    """What was imported.

    Attributes:
        model: settings that differ from the network's defaults.
        parameters: number of weights.
        dropped: names of the checkpoint's weights that are not in the file.
        iteration: step of the training, as the checkpoint has it.
    """

    model: dict[str, Any]
    parameters: int
    dropped: list[str]
    iteration: int | None


def import_weights(path: Path, *, network: str, size: str, neck: bool, out: Path) -> Imported:
    """Writes a weights file with the weights of a checkpoint; runs no code from it.

    Args:
        path: of the checkpoint: `{"model": state dict, …}`, or a state dict.
        network: its name here.
        size: the dataset for which OpenGait trained the network.
        neck: the embeddings are those behind the BNNeck (OpenGait's `use_emb2`).
        out: the weights file.

    Raises:
        UserError: an unknown network or size, a file that cannot be read, names or shapes that do
            not fit.
    """
    sizes = OPENGAIT.get(network, {})
    if size not in sizes:
        known = ", ".join(sizes) if sizes else f"none; networks: {', '.join(OPENGAIT)}"
        raise UserError(f"--network {network} --size {size}: the sizes of this network are {known}")
    if out.exists() and path.exists() and out.samefile(path):
        raise UserError(f"--out {out}: the checkpoint itself; choose another file")
    state, iteration = _read(path)
    model = _with_neck(sizes[size], network, neck=neck, state=state)
    try:
        found = _converted(network, model, state)
    except ValueError as error:
        raise UserError(
            f"{path}: not a checkpoint of {network} in its size for '{size}': {error}; "
            f"{_advice(network, sizes, state, neck=neck)}"
        ) from error
    settings = SECTIONS[network].model_validate(model).model_dump(mode="json")
    built = build_network(network, **settings)
    built.load_state_dict(found.state)
    about = {"network": network, "model": settings, "subjects": [], "imported": path.name}
    save_weights(
        built,
        out,
        network=network,
        settings=settings,
        made_by={
            "settings": json.dumps(about | {"iteration": iteration}),
            "data_digest": file_digest(path),
            "environment": environment(torch.device("cpu"), "float32"),
        },
    )
    parameters = sum(weight.numel() for weight in built.parameters())
    return Imported(model, parameters, found.dropped, iteration)


def _read(path: Path) -> tuple[dict[str, Tensor], int | None]:
    """Returns the state dict of a checkpoint, and the step of its training."""
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; a checkpoint of OpenGait is required, checkpoints/*.pt"
        )
    if packed := _packed(path):
        raise UserError(f"{path}: an archive with {packed}; unpack it, and import that file")
    try:
        content = load_torch(path)
    except ValueError as error:
        raise UserError(
            f"{path}: not a whole checkpoint that can be loaded without running its code "
            f"({error}); required: a file of torch.save with tensors, as OpenGait's "
            "checkpoints/*.pt. If it is one, copy it again"
        ) from error
    whole = content if isinstance(content, dict) else {}
    state = whole.get("model", whole)
    if not isinstance(state, Mapping) or not state or not all(map(_is_weight, state.items())):
        holds = sorted(map(str, whole))[:5] if whole else type(content).__name__
        raise UserError(
            f"{path}: not a checkpoint of OpenGait; it holds {holds}, required: 'model' with "
            "weights by name"
        )
    infinite = [name for name, weight in state.items() if not torch.isfinite(weight).all()]
    if infinite:
        raise UserError(
            f"{path}: {len(infinite)} of {len(state)} weights have numbers that are not finite, as "
            f"{infinite[0]}; its training failed, use a checkpoint of an earlier step"
        )
    iteration = whole.get("iteration")
    if all(name.startswith(PARALLEL) for name in state):
        state = {name.removeprefix(PARALLEL): weight for name, weight in state.items()}
    return dict(state), iteration if isinstance(iteration, int) else None


def _is_weight(item: tuple[object, object]) -> bool:
    """Returns whether an item of a state dict is a name and a dense tensor."""
    name, value = item
    dense = isinstance(value, Tensor) and value.layout == torch.strided
    return isinstance(name, str) and dense


def _packed(path: Path) -> str | None:
    """Returns the checkpoint that a zip archive holds, as those of OpenGait's releases; or None."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:  # a file of torch.save is an archive, too
        names = [name for name in archive.namelist() if name.lower().endswith((".pt", ".pth"))]
    return names[0] if names else None


def _with_neck(
    model: dict[str, Any], network: str, *, neck: bool, state: Mapping[str, Tensor]
) -> dict[str, Any]:
    """Returns the settings, with those for embeddings behind the BNNeck."""
    if network == "gaitgl" and "BNNecks.bn1d.weight" in state:
        return model | {"head": "bnneck"}  # whose embeddings for tests are always those
    if not neck:
        return model
    if "neck" not in SECTIONS[network].model_fields:
        raise UserError(f"--neck: {network} has no such embeddings; remove --neck")
    return model | {"neck": True}


def _converted(network: str, model: Mapping[str, Any], state: Mapping[str, Tensor]) -> Converted:
    with torch.device("meta"):
        built = build_network(network, **model)
    return converted(network, built, state)


def _advice(
    network: str, sizes: dict[str, dict[str, Any]], state: Mapping[str, Tensor], *, neck: bool
) -> str:
    """Returns what to do with a checkpoint that does not fit."""
    for name, candidates in {network: sizes, **OPENGAIT}.items():
        for size, model in candidates.items():
            try:
                _converted(name, _with_neck(model, name, neck=False, state=state), state)
            except ValueError:
                continue
            return f"it fits --network {name} --size {size}" + (" without --neck" if neck else "")
    return f"it fits none of {', '.join(OPENGAIT)}"
