"""Files of tensors: content round-trips, and a damaged file is never loaded."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gaittake.errors import UserError
from gaittake.io.checkpoint import Checkpoints
from gaittake.io.torch_file import load_torch, save_torch
from gaittake.io.weights import read_weights, save_weights
from gaittake.pose import detector

STATE = {"weight": torch.linspace(0, 1, 60).reshape(5, 12), "steps": torch.arange(4)}
FLIPS = 400


def write_weights(path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4))
    save_weights(model, path, network="x", settings={"bins": 2}, made_by={"data_digest": "y"})


def write_checkpoint(path: Path) -> None:
    with Checkpoints(path.parent, "x") as saved:
        saved.save({"step": 7, "network": STATE})


def write_detector(path: Path) -> None:
    save_torch({"detector": {"backbone": "small"}, "state": STATE}, path)


KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], object]]] = {
    "weights.safetensors": (write_weights, read_weights),
    "last.pt": (write_checkpoint, lambda path: Checkpoints(path.parent, "x").load()),
    "student.pt": (write_detector, detector.read_weights),
}


def bits(content: object) -> str:
    """Returns content as text that contains every bit of its tensors."""
    if isinstance(content, torch.Tensor):
        return f"{content.dtype} {tuple(content.shape)} {content.numpy().tobytes().hex()}"
    if isinstance(content, dict):
        return str({name: bits(value) for name, value in content.items()})
    return str([bits(part) for part in content]) if isinstance(content, tuple) else str(content)


def refusal(path: Path, read: Callable[[Path], object]) -> str | None:
    """Returns the error message for a file, or None if it can be read."""
    try:
        read(path)
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", KINDS)
def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path: Path, name: str) -> None:
    write, read = KINDS[name]
    path = tmp_path / name
    write(path)
    intact, expected = path.read_bytes(), bits(read(path))
    generator = np.random.default_rng(1)
    errors = 0
    for place in generator.integers(len(intact), size=FLIPS):
        damaged = bytearray(intact)
        damaged[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(damaged)
        message = refusal(path, read)
        if message is None:
            assert bits(read(path)) == expected, f"byte {place}"
        else:
            errors += 1
            assert message.startswith(f"{path}: ")
            assert "again" in message  # the fix
            assert "\n" not in message
    assert errors > FLIPS / 3


def test_a_tensor_marked_as_a_folder_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_torch(STATE, path)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = content.index(b"archive/data/0", archive.start_dir)
    content[place - 8] |= 1 << 4  # torch would return uninitialised memory
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged in archive/data/0"):
        load_torch(path)


@pytest.mark.parametrize("share", np.linspace(0, 0.999, 8))
def test_a_truncated_file_is_an_error(tmp_path: Path, share: float) -> None:
    path = tmp_path / "state.pt"
    save_torch(STATE, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"^\w+$"):
        load_torch(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_both_formats_of_torch_save_are_read(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "state.pt"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    assert bits(load_torch(path)) == bits(STATE)


def test_a_file_that_cannot_be_opened_raises_its_os_error(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").mkdir()
    with pytest.raises(IsADirectoryError):
        load_torch(tmp_path / "weights.safetensors")
