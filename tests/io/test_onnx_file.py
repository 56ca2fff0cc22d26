"""ONNX files with texts and a digest."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from gaittake.io.onnx_file import load_onnx, save_onnx

TEXTS = {"format": "gaittake model", "about": "ä" * 300}


@pytest.fixture
def network() -> bytes:
    """The content of an ONNX file, with a text of its own."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", [x], [y])
    made = helper.make_model(graph)
    helper.set_model_props(made, {"writer": "another"})
    return bytes(made.SerializeToString())


def test_the_texts_are_read_as_they_were_written(network: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    save_onnx(network, TEXTS, path)
    texts, content = load_onnx(path)
    assert texts == {"writer": "another", **TEXTS}
    assert content == path.read_bytes()


def test_other_tools_read_the_same_texts_and_the_network(network: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    save_onnx(network, TEXTS, path)
    made = onnx.load(path)
    onnx.checker.check_model(made)
    found = {item.key: item.value for item in made.metadata_props}
    assert {"writer", "file_digest", *TEXTS} == found.keys()
    assert found["about"] == TEXTS["about"]
    assert made.graph == onnx.load_from_string(network).graph


def test_a_changed_byte_or_a_lost_end_is_noticed(network: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    save_onnx(network, TEXTS, path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError):  # noqa: PT011 of many kinds
            load_onnx(path)
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError):  # noqa: PT011
            load_onnx(path)


def test_an_onnx_file_of_another_program_has_no_digest(network: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(network)
    with pytest.raises(ValueError, match="an ONNX file without a digest"):
        load_onnx(path)
