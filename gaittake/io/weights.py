"""Weights of a recognition network in one file, with what is needed to build it again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from gaittake.errors import UserError
from gaittake.io.torch_file import load_torch, save_torch


class Weights(NamedTuple):
    """What such a file holds.

    Attributes:
        network: name of the network.
        settings: what the network was built from.
        state: its state dict.
        made_by: settings and data of the training.
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
    """Writes a network's weights, whole or not at all."""
    state = {name: value.cpu() for name, value in model.state_dict().items()}
    save_torch(Weights(network, dict(settings), state, dict(made_by))._asdict(), path)


def load_weights(path: Path, *, network: str, settings: Mapping[str, Any]) -> Weights:
    """Returns the weights in a file.

    Raises:
        UserError: no such file, damaged, or of another network or other settings.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such weights file; `gaittake train` makes it")
    try:
        loaded = Weights(**load_torch(path))
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: not a weights file of gaittake ({error}); train again") from error
    if loaded.network != network:
        raise UserError(f"{path}: weights of '{loaded.network}', '{network}' is needed")
    differing = [n for n in settings if loaded.settings.get(n) != settings[n]]
    if differing:
        name = differing[0]
        raise UserError(
            f"{path}: trained with model.{name}={loaded.settings.get(name)!r}, the settings say "
            f"{settings[name]!r}; train again, or set it back"
        )
    return loaded
