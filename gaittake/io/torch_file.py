"""What torch keeps in a file: written whole or not at all, and read only if no bit of it fell over.

torch writes a checksum beside each tensor and never looks at it, so a damaged file would be read as
one with other weights.
"""

import io
import zipfile
from pathlib import Path
from typing import IO, Any

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


def load_torch(path: Path) -> Any:
    """Returns what a file of torch holds, its tensors on the CPU; no code in it is run.

    Raises:
        ValueError: damaged, or not such a file; the reason in a few words.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as opened:
        try:
            damaged = _damaged(opened)
            opened.seek(0)
            content = None if damaged else torch.load(opened, map_location="cpu", weights_only=True)
        except Exception as error:  # of many kinds, for a damaged or foreign file
            raise ValueError(type(error).__name__) from error
    if damaged:
        raise ValueError(f"damaged in {damaged}")
    return content


def _damaged(file: IO[bytes]) -> str | None:
    """Returns the first record that is not what was written; files before torch 1.6 have none."""
    if not zipfile.is_zipfile(file):
        return None
    with zipfile.ZipFile(file) as archive:
        # Marked as folders, which torch never writes, it gives records back without reading them.
        folders = (record.filename for record in archive.infolist() if record.external_attr)
        return next(folders, None) or archive.testzip()
