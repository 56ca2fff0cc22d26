"""Files of `torch.save`: written atomically, and loaded only if their checksums match.

`torch.save` stores a checksum with each tensor, but `torch.load` does not compare them, and would
return the damaged weights of a damaged file.
"""

import io
import zipfile
from pathlib import Path
from typing import IO, Any

import torch

from gaittake.io.atomic import whole_file


def save_torch(content: Any, path: Path) -> None:
    """Writes tensors and their containers; serialises them in memory first.

    Raises:
        OSError: the disk is full or not writable. (`torch.save` to a file would raise a
            RuntimeError that does not say so.)
    """
    held = io.BytesIO()
    torch.save(content, held)
    with whole_file(path) as temporary:
        temporary.write_bytes(held.getbuffer())


def load_torch(path: Path) -> Any:
    """Returns the content of a torch file, its tensors on the CPU; runs no code from the file.

    Raises:
        ValueError: damaged, or not a torch file; the message is a short reason.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as opened:
        try:
            damaged = _damaged(opened)
            opened.seek(0)
            content = None if damaged else torch.load(opened, map_location="cpu", weights_only=True)
        except Exception as error:  # damaged or foreign files raise many kinds of errors
            raise ValueError(type(error).__name__) from error
    if damaged:
        raise ValueError(f"damaged in {damaged}")
    return content


def _damaged(file: IO[bytes]) -> str | None:
    """Returns the first record whose checksum does not match; torch < 1.6 wrote no checksums."""
    if not zipfile.is_zipfile(file):
        return None
    with zipfile.ZipFile(file) as archive:
        # torch never writes records with attributes. It does not read the bytes of one that is
        # marked as a folder, and returns uninitialised memory.
        folders = (record.filename for record in archive.infolist() if record.external_attr)
        return next(folders, None) or archive.testzip()
