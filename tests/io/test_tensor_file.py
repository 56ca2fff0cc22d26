"""Safetensors files: the same bytes each time, and nothing is read that its digest does not fit."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gaittake.errors import UserError
from gaittake.io.tensor_file import is_of_format, load_tensors, read_metadata, save_tensors
from gaittake.io.torch_file import save_torch
from gaittake.io.weights import load_weights, read_weights, save_weights

TENSORS = {
    "weight": torch.linspace(0, 1, 60).reshape(5, 12),
    "turned": torch.arange(6, dtype=torch.float64).reshape(2, 3).T,
    "channels_last": torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last),
    "steps": torch.tensor(7),
    "half": torch.ones(3, dtype=torch.bfloat16),
    "empty": torch.zeros(0, 4),
}
TEXTS = {"format": "x", "name": "Jörg “…” \\ \n 步", "z": "", "a": "{}"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.safetensors"
    save_tensors(TENSORS, TEXTS, path)
    return path


def test_tensors_and_texts_come_back_and_the_public_reader_agrees(path: Path) -> None:
    texts, tensors = load_tensors(path)
    digest = texts.pop("digest")
    assert texts == TEXTS
    assert len(digest) == 64
    public = load_file(path)
    assert tensors.keys() == public.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        for found in (tensors[name], public[name]):
            assert found.dtype == value.dtype
            assert torch.equal(found, value)
    assert read_metadata(path) == texts | {"digest": digest}


def test_the_same_content_makes_the_same_bytes(path: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    save_tensors(dict(reversed(TENSORS.items())), dict(reversed(TEXTS.items())), again)
    assert again.read_bytes() == path.read_bytes()


def test_tensors_that_share_memory_are_written_each(tmp_path: Path) -> None:
    weight = torch.arange(6.0)
    save_tensors({"a": weight, "b": weight, "part": weight[2:]}, {}, tmp_path / "shared")
    _, tensors = load_tensors(tmp_path / "shared")
    assert torch.equal(tensors["a"], weight)
    assert torch.equal(tensors["b"], weight)
    assert torch.equal(tensors["part"], weight[2:])


def test_a_file_without_tensors_is_read(tmp_path: Path) -> None:
    save_tensors({}, {"a": "b"}, tmp_path / "none")
    texts, tensors = load_tensors(tmp_path / "none")
    assert (texts["a"], tensors) == ("b", {})


def test_every_flipped_bit_is_an_error(path: Path) -> None:
    intact = path.read_bytes()
    generator = np.random.default_rng(0)
    for place in range(len(intact)):
        damaged = bytearray(intact)
        damaged[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(damaged)
        for read in (load_tensors, read_metadata):
            with pytest.raises(ValueError, match=r"its digest is|not a safetensors file|digest"):
                read(path)


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_an_error(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    for read in (load_tensors, read_metadata):
        with pytest.raises(ValueError, match=r"its digest is|not a safetensors file"):
            read(path)


def test_bytes_after_the_end_are_an_error(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"0")
    with pytest.raises(ValueError, match="its digest is"):
        read_metadata(path)


@pytest.mark.parametrize("header", [b"[]", b'{"__metadata__": 3}', b'{"__metadata__": {"a": 1}}'])
def test_a_header_of_another_form_is_an_error(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ValueError, match="its header is damaged"):
        read_metadata(path)
    assert not is_of_format(path, "x")


def test_a_file_of_another_program_has_no_digest(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="without a digest"):
        load_tensors(tmp_path / "foreign")
    assert is_of_format(tmp_path / "foreign", "pt")


def test_weights_keep_settings_and_origin_in_the_header(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    model = torch.nn.Linear(3, 2)
    settings = {"channels": (4, 8), "lta": True, "power": 6.5, "none": None}
    made_by = {"settings": '{"seed": 1}', "data_digest": "d"}
    save_weights(model, path, network="x", settings=settings, made_by=made_by)
    loaded = load_weights(path, network="x", settings=settings)
    assert loaded.settings == settings | {"channels": [4, 8]}
    assert loaded.made_by == made_by
    assert torch.equal(loaded.state["weight"], model.weight)
    assert json.loads(read_metadata(path)["settings"]) == loaded.settings
    with pytest.raises(UserError, match=r"model\.channels=\[4, 8\], but the setting is \[4\]"):
        load_weights(path, network="x", settings=settings | {"channels": (4,)})


def test_weights_of_an_older_version_are_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    old = {"network": "x", "settings": {"channels": (4, 8)}, "state": {"w": torch.ones(2)}}
    save_torch(old | {"made_by": {"data_digest": "d"}}, path)
    loaded = load_weights(path, network="x", settings={"channels": (4, 8)})
    assert torch.equal(loaded.state["w"], torch.ones(2))
    assert loaded.made_by == {"data_digest": "d"}


def test_another_safetensors_file_is_no_weights_file(path: Path) -> None:
    with pytest.raises(UserError, match=r"not a weights file of gaittake.*its format is 'x'"):
        read_weights(path)
