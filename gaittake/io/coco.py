"""torchvision's published weights of COCO: downloaded once, checked, or fetched by hand."""

import sys
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import WeightsEnum

from gaittake.errors import UserError
from gaittake.io.checkpoint import file_digest


def published_weights(weights: WeightsEnum, *, instead: str) -> tuple[Mapping[str, Tensor], Path]:
    """Returns torchvision's weights of COCO, and the file that they lie in.

    torchvision downloads the file, once, into torch hub's folder: `$TORCH_HOME/hub/checkpoints`, or
    `~/.cache/torch/hub/checkpoints`. A file that lies there already is taken, if it is the one: the
    end of its name is the start of its SHA-256.

    Args:
        weights: which of them.
        instead: what a user without network and file may do, for the message.

    Raises:
        UserError: there is neither network nor file, or the file is not the published one.
    """
    url = str(weights.url)
    place = Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    wanted = place.stem.rpartition("-")[2]
    if place.is_file() and not (found := file_digest(place)).startswith(wanted):
        raise UserError(
            f"{place}: not torchvision's published file, its SHA-256 starts with {found}, {wanted} "
            f"is needed. Delete it; it is then downloaded anew, or copy {url} there once more."
        )
    try:
        state = weights.get_state_dict(
            progress=sys.stderr.isatty(), check_hash=True, map_location="cpu", weights_only=True
        )
    except (OSError, RuntimeError, HTTPException) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{url}: torchvision's COCO weights could not be had ({reason}). Fetch this file on a "
            f"machine that has network and put it at {place} (TORCH_HOME moves this folder), or "
            f"{instead}."
        ) from error
    return state, place
