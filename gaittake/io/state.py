"""What `torch.load` reads, written whole or not at all."""

import io
from pathlib import Path
from typing import Any

import torch

from gaittake.io.atomic import whole_file


def save_torch(content: Any, path: Path) -> None:
    """Writes tensors and what is around them; all bytes first wait in memory.

    Raises:
        OSError: the disk is full, or cannot be written. (`torch.save` on a file would raise an
            error that does not tell so.)
    """
    held = io.BytesIO()
    torch.save(content, held)
    with whole_file(path) as temporary:
        temporary.write_bytes(held.getbuffer())
