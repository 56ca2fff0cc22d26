"""Safetensors files with a digest: written atomically, and loaded only if their digest matches.

A file has the length of its header in 8 bytes, the header in JSON, then the bytes of the tensors.
The header holds the tensors' names, types, shapes and places, and named texts: the metadata. The
format has no checksum, so `digest`, one of the texts, is the SHA-256 of everything else.

Reading the metadata imports no torch, which takes seconds.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gaittake.io.atomic import whole_file

if TYPE_CHECKING:
    from torch import Tensor

METADATA = "__metadata__"
DIGEST = "digest"
LENGTH = 8  # bytes of the header's length
PART = 1 << 20  # bytes read at once
LONGEST = 100_000_000  # bytes of a header; the format allows no more


def save_tensors(tensors: "Mapping[str, Tensor]", metadata: Mapping[str, str], path: Path) -> None:
    """Writes tensors and metadata atomically; the same content makes the same bytes.

    Args:
        tensors: by name, on any device.
        metadata: named texts; `digest` is added.
        path: of the file.

    Raises:
        OSError: the disk is full or not writable.
    """
    import torch
    from safetensors.torch import save

    # Cloned because safetensors refuses tensors that share memory.
    packed = save(
        {
            name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, value in tensors.items()
        }
    )
    begin = LENGTH + int.from_bytes(packed[:LENGTH], "little")
    header, data = json.loads(packed[LENGTH:begin]), memoryview(packed)[begin:]
    # Written here because safetensors writes the metadata in another order each time.
    header[METADATA] = dict(metadata)
    begun = _begun(header)
    begun.update(data)
    header[METADATA][DIGEST] = begun.hexdigest()
    text = _text(header)
    text += b" " * (-len(text) % LENGTH)
    with whole_file(path) as temporary:
        temporary.write_bytes(b"".join((len(text).to_bytes(LENGTH, "little"), text, data)))


def load_tensors(path: Path) -> "tuple[dict[str, str], dict[str, Tensor]]":
    """Returns the metadata and the tensors of a file, on the CPU; runs no code from the file.

    Raises:
        ValueError: damaged, or not a file of `save_tensors`; the message is a short reason.
        OSError: the file cannot be opened.
    """
    content = path.read_bytes()
    metadata = _checked(io.BytesIO(content))
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return metadata, load(content)
    except (SafetensorError, KeyError) as error:  # KeyError: an unknown type of numbers
        raise ValueError(f"not readable: {error}") from error


def read_metadata(path: Path) -> dict[str, str]:
    """Returns the metadata of a file, after a check of its digest; does not load the tensors.

    Raises:
        ValueError: damaged, or not a file of `save_tensors`; the message is a short reason.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as opened:
        return _checked(opened)


def is_of_format(path: Path, name: str) -> bool:
    """Returns whether the metadata of a file has this text as `format`; does not check the file."""
    try:
        with path.open("rb") as opened:
            return bool(_header(opened).get(METADATA, {}).get("format") == name)
    except (OSError, ValueError):
        return False


def _checked(opened: IO[bytes]) -> dict[str, str]:
    """Returns the metadata of an open file whose digest matches."""
    header = _header(opened)
    metadata: dict[str, str] = header.get(METADATA, {})
    expected = metadata.pop(DIGEST, None)
    if expected is None:
        raise ValueError("a safetensors file without a digest")
    found = _begun(header)
    while part := opened.read(PART):
        found.update(part)
    if found.hexdigest() != expected:
        raise ValueError(f"its digest is {found.hexdigest()[:16]}, expected {expected[:16]}")
    return metadata | {DIGEST: expected}


def _header(opened: IO[bytes]) -> dict[str, Any]:
    """Returns the header of an open file, and leaves the file at its first tensor."""
    length = int.from_bytes(opened.read(LENGTH), "little")
    if length > LONGEST:
        raise ValueError("not a safetensors file")
    try:
        header = json.loads(opened.read(length))
    except ValueError as error:
        raise ValueError("not a safetensors file, or its header is damaged") from error
    texts = header.get(METADATA, {}) if isinstance(header, dict) else None
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("not a safetensors file, or its header is damaged")
    return dict(header)


def _begun(header: dict[str, Any]) -> "hashlib._Hash":
    """Returns the SHA-256 of a header without its digest, to be continued with the tensors."""
    return hashlib.sha256(_text(header))


def _text(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
