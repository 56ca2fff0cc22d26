"""torchvision's published COCO weights: downloaded once and checked, or provided by the user."""

import sys
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gaittake.errors import UserError
from gaittake.io.checkpoint import file_digest

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum


def published_weights(weights: "WeightsEnum", *, instead: str) -> tuple[Mapping[str, Tensor], Path]:
    """Returns torchvision's COCO weights and the path of their file.

    torchvision downloads the file once, to torch hub's folder: `$TORCH_HOME/hub/checkpoints`, or
    `~/.cache/torch/hub/checkpoints`. An existing file is used if its SHA-256 starts with the digits
    at the end of its name.

    Args:
        weights: which weights.
        instead: what users without network and file can do, for the error message.

    Raises:
        UserError: the download failed, or the file is not the published one.
    """
    url = str(weights.url)
    place = Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    wanted = place.stem.rpartition("-")[2]
    if place.is_file() and not (found := file_digest(place)).startswith(wanted):
        raise UserError(
            f"{place}: not torchvision's published file; its SHA-256 starts with {found}, "
            f"{wanted} is required. Delete it to download it again, or replace it by {url}."
        )
    try:
        state = weights.get_state_dict(
            progress=sys.stderr.isatty(), check_hash=True, map_location="cpu", weights_only=True
        )
    except (OSError, RuntimeError, HTTPException) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{url}: download of torchvision's COCO weights failed ({reason}). Fetch the file on a "
            f"machine with internet access and copy it to {place} (TORCH_HOME sets this folder), "
            f"or {instead}."
        ) from error
    return state, place
