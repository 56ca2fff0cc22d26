"""A stick figure that walks, and the ways in which masks of it are stored."""

import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Write = Callable[[Path, Image], None]


def person(step: int, *, size: tuple[int, int] = (120, 160)) -> Image:
    """Returns a figure with head, trunk and two swinging legs: uint8 of 0 and 255."""
    rows, columns = size
    image = np.zeros(size, np.uint8)
    tall = int(0.6 * rows)
    wide = max(4, tall // 8)
    x, top = int((0.2 + 0.02 * (step % 30)) * columns), int(0.2 * rows)
    cv2.circle(image, (x, top + tall // 14), tall // 12, 255, -1)
    cv2.ellipse(image, (x, top + tall // 3), (wide, tall // 5), 0, 0, 360, 255, -1)
    for side in (1, -1):
        angle = side * 0.45 * math.sin(2 * math.pi * step / 14)
        foot = (int(x + tall / 2 * math.sin(angle)), int(top + tall / 2 * (1 + math.cos(angle))))
        cv2.line(image, (x, top + tall // 2), foot, 255, wide // 2)
    return image


def cropped(step: int, size: int = 64) -> Image:
    """Returns the figure as GaitSet's preparation leaves it: it fills the height of a square."""
    image = person(step, size=(240, 320))
    x, y, width, height = cv2.boundingRect(image)
    middle = x + width // 2
    square = np.pad(image, ((0, 0), (height, height)))[y : y + height, middle : middle + 2 * height]
    square = square[:, height // 2 : height // 2 + height]
    return np.asarray(cv2.resize(square, (size, size), interpolation=cv2.INTER_NEAREST), np.uint8)


def photo(mask: Image) -> Image:
    """Returns the figure in dark clothes before a bright wall, BGR."""
    generator = np.random.default_rng(0)
    rows, columns = mask.shape
    wall = np.linspace(90, 200, columns)[None].repeat(rows, 0) + generator.normal(0, 8, mask.shape)
    image = np.stack([wall, wall * 0.95, wall * 0.9], -1)
    image[mask > 0] = (60, 50, 40)
    return image.clip(0, 255).astype(np.uint8)


def clothes(mask: Image) -> Image:
    """Returns the figure in bright and dark patches on black, BGR: a cut-out without alpha."""
    image = np.zeros((*mask.shape, 3), np.uint8)
    patches = np.random.default_rng(0).integers(30, 220, (12, 16, 3)).astype(np.uint8)
    texture = cv2.resize(patches, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    image[mask > 0] = texture[mask > 0]
    return image


def png(path: Path, image: npt.NDArray[np.generic]) -> None:
    """Writes an image of any depth and number of channels."""
    assert cv2.imwrite(str(path), image)


def palette_png(path: Path, index: Image, palette: list[tuple[int, int, int]]) -> None:
    """Writes a PNG whose pixels are places in a palette of RGB colours."""
    rows, columns = index.shape

    def chunk(tag: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    pixels = b"".join(b"\0" + row.tobytes() for row in index)
    head = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    colours = bytes(value for colour in palette for value in colour)
    parts = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def bit_png(path: Path, mask: Image) -> None:
    """Writes a PNG of one bit a pixel."""
    assert cv2.imwrite(str(path), mask, [cv2.IMWRITE_PNG_BILEVEL, 1])


def rgba(colour: Image, alpha: Image) -> Image:
    """Returns BGRA of a colour or grey image and an alpha channel."""
    if colour.ndim == 2:
        colour = np.repeat(colour[..., None], 3, 2)
    return np.dstack([colour, alpha])


def painted(mask: Image, figure: tuple[int, int, int], ground: tuple[int, int, int]) -> Image:
    """Returns a BGR image of two colours."""
    image = np.empty((*mask.shape, 3), np.uint8)
    image[:] = ground
    image[mask > 0] = figure
    return image


def white(mask: Image) -> Image:
    """Returns an image of 255 only."""
    return np.full_like(mask, 255)


def edged(mask: Image, *, inner: int, edge: int) -> Image:
    """Returns the mask at the level `inner`, with an edge of three pixels of the level `edge`."""
    kernel = np.ones((3, 3), np.uint8)
    image = np.where(mask > 0, inner, 0).astype(np.uint8)
    image[(cv2.dilate(mask, kernel) > 0) & (cv2.erode(mask, kernel) == 0)] = edge
    return image


def soft(mask: Image) -> Image:
    """Returns the mask with a blurred edge."""
    return np.asarray(cv2.GaussianBlur(mask, (5, 5), 0), np.uint8)


def bordered(mask: Image, width: int = 6) -> Image:
    """Returns the inverted mask within a black border."""
    image = 255 - mask
    image[:width] = image[-width:] = 0
    image[:, :width] = image[:, -width:] = 0
    return image


def people(mask: Image) -> Image:
    """Returns labels 1 and 2: the figure and another one beside it."""
    image = (mask > 0).astype(np.uint8)
    image[np.roll(mask, mask.shape[1] // 3, axis=1) > 0] = 2
    return image
