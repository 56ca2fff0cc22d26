"""Weights files of recognition networks; they contain the settings to build the network.

Checking a file's network and settings imports no torch, which takes seconds.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaittake.errors import UserError
from gaittake.io.tensor_file import load_tensors, read_metadata, save_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT = "gaittake weights"


class Weights(NamedTuple):
    """The content of a weights file.

    Attributes:
        network: name of the network.
        settings: the settings that it was built from.
        state: its state dict.
        made_by: settings and data digest of the training.
    """

    network: str
    settings: dict[str, Any]
    state: "dict[str, Tensor]"
    made_by: dict[str, str]


def save_weights(
    model: "nn.Module",
    path: Path,
    *,
    network: str,
    settings: Mapping[str, Any],
    made_by: Mapping[str, str],
) -> None:
    """Writes a network's weights atomically, with the settings in the header."""
    about = {
        "format": FORMAT,
        "network": network,
        "settings": json.dumps(dict(settings)),
        "made_by": json.dumps(dict(made_by)),
    }
    save_tensors(model.state_dict(), about, path)


def read_weights(path: Path) -> Weights:
    """Returns the content of a weights file, tensors on the CPU.

    Raises:
        UserError: the file does not exist, or is damaged.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; `gaittake train` creates it")
    try:
        if zipfile.is_zipfile(path):  # `weights.pt`, as older versions wrote it
            from gaittake.io.torch_file import load_torch

            old = Weights(**load_torch(path))
            return old._replace(settings=_plain(old.settings))
        return _weights(*load_tensors(path))
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, error) from error


def _weights(about: Mapping[str, str], state: "dict[str, Tensor]") -> Weights:
    """Returns the content of a weights file.

    Raises:
        ValueError: it is of another format.
        KeyError: it lacks a part.
    """
    if about.get("format") != FORMAT:
        raise ValueError(f"its format is {about.get('format')!r}")
    settings, made_by = json.loads(about["settings"]), json.loads(about["made_by"])
    return Weights(about["network"], settings, state, made_by)


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: not a weights file of gaittake, or damaged ({error}); train again")


def load_weights(path: Path, *, network: str, settings: Mapping[str, Any]) -> Weights:
    """Returns the content of a weights file, which must be of a network in these settings.

    Raises:
        UserError: the file does not exist, is damaged, or is of another network or other settings.
    """
    loaded = read_weights(path)
    _require(loaded, path, network, settings)
    return loaded


def check_weights(path: Path, *, network: str, settings: Mapping[str, Any]) -> None:
    """Checks that a weights file is of a network in these settings; does not load the tensors.

    A file of an older version is not checked: its settings are among the tensors.

    Raises:
        UserError: the file is damaged, or is of another network or other settings.
    """
    if zipfile.is_zipfile(path):
        return
    try:
        header = _weights(read_metadata(path), {})
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, error) from error
    _require(header, path, network, settings)


def _require(loaded: Weights, path: Path, network: str, settings: Mapping[str, Any]) -> None:
    """Raises UserError if the weights are of another network or other settings."""
    if loaded.network != network:
        raise UserError(f"{path}: weights of '{loaded.network}'; '{network}' is required")
    required = _plain(settings)
    differing = [name for name in required if loaded.settings.get(name) != required[name]]
    if differing:
        name = differing[0]
        raise UserError(
            f"{path}: trained with model.{name}={loaded.settings.get(name)!r}, but the setting is "
            f"{required[name]!r}; train again, or restore the setting"
        )


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings as a file in JSON holds them: tuples are lists."""
    return dict(json.loads(json.dumps(dict(settings))))
