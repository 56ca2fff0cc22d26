"""Weights files of recognition networks; they contain the settings to build the network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from gaittake.errors import UserError
from gaittake.io.torch_file import load_torch, save_torch


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
    state: dict[str, Any]
    made_by: dict[str, str]


def save_weights(
    model: nn.Module,
    path: Path,
    *,
    network: str,
    settings: Mapping[str, Any],
    made_by: Mapping[str, str],
) -> None:
    """Writes a network's weights atomically."""
    state = {name: value.cpu() for name, value in model.state_dict().items()}
    save_torch(Weights(network, dict(settings), state, dict(made_by))._asdict(), path)


def load_weights(path: Path, *, network: str, settings: Mapping[str, Any]) -> Weights:
    """Returns the content of a weights file.

    Raises:
        UserError: the file does not exist, is damaged, or is of another network or other settings.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; `gaittake train` creates it")
    try:
        loaded = Weights(**load_torch(path))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path}: not a weights file of gaittake, or damaged ({error}); train again"
        ) from error
    if loaded.network != network:
        raise UserError(f"{path}: weights of '{loaded.network}'; '{network}' is required")
    differing = [n for n in settings if loaded.settings.get(n) != settings[n]]
    if differing:
        name = differing[0]
        raise UserError(
            f"{path}: trained with model.{name}={loaded.settings.get(name)!r}, but the setting is "
            f"{settings[name]!r}; train again, or restore the setting"
        )
    return loaded
