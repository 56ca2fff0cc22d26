"""ONNX files with named texts and a digest: written atomically, read without any library for ONNX.

An ONNX file is a message of Protocol Buffers: fields, each a number with a value. The texts are its
`metadata_props`, which any tool for ONNX shows. The last of them, `file_digest`, is the SHA-256 of
all bytes before it, as the format has no checksum.
"""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from gaittake.io.atomic import whole_file

DIGEST = "file_digest"
METADATA = 14  # number of the field of texts; each has a key (1) and a value (2)
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # how a value is stored
BROKEN = "not an ONNX file, or a damaged one"


def save_onnx(network: bytes, texts: Mapping[str, str], path: Path) -> None:
    """Writes a network with texts atomically.

    Args:
        network: an ONNX file's content.
        texts: by name; `file_digest` is added.
        path: of the file.

    Raises:
        OSError: the disk is full or not writable.
    """
    content = network + b"".join(_text(*item) for item in texts.items())
    content += _text(DIGEST, hashlib.sha256(content).hexdigest())
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def load_onnx(path: Path) -> tuple[dict[str, str], bytes]:
    """Returns the texts and the whole content of a file.

    Raises:
        ValueError: damaged, or not a file of `save_onnx`; the message is a short reason.
        OSError: the file cannot be opened.
    """
    content = path.read_bytes()
    texts: dict[str, str] = {}
    begin, opened = 0, io.BytesIO(content)
    while opened.tell() < len(content):
        start = opened.tell()
        number, value = _field(opened)
        if number == METADATA:
            key, text = (part.decode() for _, part in _fields(value))
            texts[key], begin = text, start
    expected = texts.pop(DIGEST, None)
    if expected is None:
        raise ValueError("an ONNX file without a digest")
    found = hashlib.sha256(content[:begin]).hexdigest()
    if found != expected:
        raise ValueError(f"its digest is {found[:16]}, expected {expected[:16]}")
    return texts, content


def _text(key: str, value: str) -> bytes:
    """Returns the field of a text."""
    return _stored(METADATA, _stored(1, key.encode()) + _stored(2, value.encode()))


def _stored(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | BYTES) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    """Returns a number in groups of 7 bits, the lowest first; the last has no high bit."""
    groups = []
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


def _fields(value: bytes) -> list[tuple[int, bytes]]:
    opened, found = io.BytesIO(value), []
    while opened.tell() < len(value):
        found.append(_field(opened))
    return found


def _field(opened: IO[bytes]) -> tuple[int, bytes]:
    """Returns number and value of the next field."""
    number, kind = divmod(_read_varint(opened), 8)
    if kind == VARINT:
        return number, str(_read_varint(opened)).encode()
    sizes = {FIXED64: 8, FIXED32: 4}
    size = _read_varint(opened) if kind == BYTES else sizes.get(kind)
    value = b"" if size is None else opened.read(size)
    if size is None or len(value) != size:
        raise ValueError(BROKEN)
    return number, value


def _read_varint(opened: IO[bytes]) -> int:
    number = 0
    for shift in range(0, 64, 7):
        byte = opened.read(1)
        if not byte:
            break
        number |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return number
    raise ValueError(BROKEN)
