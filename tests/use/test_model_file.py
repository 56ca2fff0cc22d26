"""Model files: complete, undamaged ones load; all others are refused in one line."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor

import gaittake
from gaittake.errors import UserError
from gaittake.io.tensor_file import load_tensors, read_metadata, save_tensors
from gaittake.use import model_file as files
from gaittake.use.about import Origin
from gaittake.use.describe import describe_origin, describe_synthetic
from gaittake.use.model import load
from gaittake.use.model_file import read_header, read_model, write_model
from tests.use.tiny import export


def refused(path: Path) -> str:
    """Returns the message with which `load` refuses a file."""
    with pytest.raises(UserError) as error:
        load(path)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert "delete" not in message.lower()
    return message


def changed(
    model_file: Path,
    path: Path,
    tensors: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict,
    **texts: str | None,
) -> Path:
    """Writes the model with other tensors and texts, and their digest; None removes a text."""
    found, state = load_tensors(model_file)
    merged = {k: v for k, v in (found | texts).items() if v is not None and k != "digest"}
    save_tensors(tensors(state), merged, path)
    return path


def about(model_file: Path, **changes: Any) -> str:
    """Returns the text `about` of the model with changed fields."""
    return json.dumps(json.loads(read_metadata(model_file)["about"]) | changes)


def test_reading_returns_what_was_written(model_file: Path, tmp_path: Path) -> None:
    one, copy = read_model(model_file), tmp_path / "copy.safetensors"
    header = one.header
    write_model(header.about, one.network, one.student, copy, package=header.package)
    other = read_model(copy)
    assert one.header == other.header == read_header(copy)
    for state, again in ((one.network, other.network), (one.student, other.student)):
        assert state is not None
        assert again is not None
        assert state.keys() == again.keys()
        assert all(torch.equal(value, again[name]) for name, value in state.items())
    assert copy.read_bytes() == model_file.read_bytes()


def test_the_public_reader_of_the_format_reads_a_model(model_file: Path) -> None:
    with safe_open(model_file, framework="pt") as opened:
        metadata = opened.metadata()
        names = set(opened.keys())
    assert json.loads(metadata["about"])["network"] == "gaittake"
    content = read_model(model_file)
    assert names == {f"network.{name}" for name in content.network} | {
        f"student.{name}" for name in content.student or {}
    }


def test_without_a_path_the_shipped_model_is_loaded_or_the_error_says_what_to_give(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SHIPPED", model_file)
    assert gaittake.load().digest == read_header(model_file).digest
    monkeypatch.setattr(files, "SHIPPED", model_file.with_name("none.safetensors"))
    with pytest.raises(UserError, match="this version of gaittake ships none; give one"):
        gaittake.load()


def test_the_model_in_the_package_is_small_synthetic_and_calibrated_on_other_people() -> None:
    assert files.SHIPPED.stat().st_size < 10_000_000
    about = gaittake.load().about
    assert (about.network, about.predict) == ("energynet", None)
    assert about.origin.synthetic
    assert about.calibration.pairs_different > 100_000


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file or directory; a file written by" in refused(tmp_path / "none.safetensors")
    assert "is a directory; a file written by" in refused(tmp_path)


def test_a_file_without_read_permission_names_the_permission(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", forbidden)
    message = refused(model_file)
    assert "no permission to read it" in message
    assert "damaged" not in message


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.safetensors"
    path.symlink_to(path)
    assert "cannot be read (too many levels of symbolic links); check the path" in refused(path)


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 half a zip"])
def test_files_of_another_kind_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)
    assert "not a model file" in refused(path)


def test_a_truncated_file_is_refused(model_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    content = model_file.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "not a model file" in refused(path)


def test_one_changed_bit_of_a_weight_is_detected(model_file: Path, tmp_path: Path) -> None:
    state = read_model(model_file).network
    weight = max(state.values(), key=lambda value: value.numel()).numpy().tobytes()
    content = bytearray(model_file.read_bytes())
    content[content.index(weight[:64]) + 10] ^= 1
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(content)
    assert "a damaged one (its digest is" in refused(path)
    with pytest.raises(UserError, match="a damaged one"):
        read_header(path)


def test_one_changed_digit_of_the_description_is_detected(model_file: Path, tmp_path: Path) -> None:
    content = model_file.read_bytes()
    place = content.index(b"pairs_same") + len(b'pairs_same\\":')
    assert chr(content[place]).isdigit()
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(UserError, match="a damaged one"):
        read_header(path)


def test_weights_of_a_training_are_no_model(here: Path) -> None:
    path = Path("results/walkers/gaittake/weights.safetensors")
    assert "not a model file but 'gaittake weights'" in refused(path)


def test_a_model_in_the_old_format_says_what_to_do_and_runs_no_code(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"format": "gaittake model", "about": Harmful()}, tmp_path / "old.gait")
    message = refused(tmp_path / "old.gait")
    assert "older versions of gaittake" in message
    assert "Export the model again with `gaittake model export`" in message
    assert not (tmp_path / "harm").exists()


def test_an_archive_of_another_program_is_not_taken_for_an_old_model(tmp_path: Path) -> None:
    np.savez(tmp_path / "people.npz", x=np.zeros(2))
    message = refused(tmp_path / "people.npz")
    assert "not a model file, or a damaged one (not a safetensors file)" in message
    assert "older versions" not in message


def test_another_format_version_names_both_and_the_writer(model_file: Path, tmp_path: Path) -> None:
    path = changed(model_file, tmp_path / "new.safetensors", version="3", package="9.0")
    message = refused(path)
    assert "format version 3, written by gaittake 9.0" in message
    assert "reads version 2" in message


def test_missing_and_unknown_entries_are_named(model_file: Path, tmp_path: Path) -> None:
    path = changed(model_file, tmp_path / "lacks.safetensors", package=None, more="1")
    assert "missing: ['package'], unknown: ['more']" in refused(path)


def test_invalid_settings_are_refused(model_file: Path, tmp_path: Path) -> None:
    text = about(model_file, distance="cosine")
    assert "distance" in refused(changed(model_file, tmp_path / "a.safetensors", about=text))
    assert "not readable" in refused(changed(model_file, tmp_path / "b.safetensors", about="{"))


def test_weights_of_another_shape_or_network_are_refused(model_file: Path, tmp_path: Path) -> None:
    name = f"network.{next(iter(read_model(model_file).network))}"
    paths = (
        changed(model_file, tmp_path / "a.safetensors", lambda all: all | {name: torch.zeros(3)}),
        changed(
            model_file,
            tmp_path / "b.safetensors",
            lambda all: {key: value for key, value in all.items() if key != name},
        ),
        changed(model_file, tmp_path / "c.safetensors", about=about(model_file, network="resnet")),
    )
    for path in paths:
        assert "do not fit the network" in refused(path)


def test_a_student_that_does_not_fit_is_refused(model_file: Path, tmp_path: Path) -> None:
    def without_student(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {key: value for key, value in tensors.items() if not key.startswith("student.")}

    path = changed(model_file, tmp_path / "none.safetensors", without_student)
    assert "settings or weights are missing" in refused(path)
    path = changed(
        model_file,
        tmp_path / "few.safetensors",
        lambda tensors: without_student(tensors) | {"student.x": torch.zeros(1)},
    )
    assert "weights of another network" in refused(path)


def test_a_failed_write_leaves_nothing(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def fail(path: Path, content: memoryview) -> int:
        write(path, content[: len(content) // 2])
        raise OSError("No space left on device")

    content = read_model(model_file)
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space"):
        write_model(
            content.header.about,
            content.network,
            content.student,
            tmp_path / "new.safetensors",
            package="0",
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"verification": None}, "no 'verification'"),
        ({"verification": {"pairs_same": 1}}, "'verification' is incomplete"),
        ({"provenance": {"training": "another"}}, "measured with other weights"),
    ],
)
def test_metrics_of_other_weights_or_without_calibration_are_refused(
    here: Path, tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    metrics = json.loads(Path("results/walkers/gaittake/metrics.json").read_text()) | change
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=expected) as error:
        export(tmp_path / "x.safetensors", "--metrics", str(path))
    assert str(path) in str(error.value)
    assert not (tmp_path / "x.safetensors").exists()


def test_a_model_may_be_measured_on_other_data_but_only_with_its_own_weights(
    here: Path, tmp_path: Path
) -> None:
    metrics = json.loads(Path("results/walkers/gaittake/metrics.json").read_text())
    path = tmp_path / "metrics.json"
    metrics["provenance"]["data_digest"] = "digest of the test data"
    path.write_text(json.dumps(metrics))
    model = read_model(export(tmp_path / "x.safetensors", "--metrics", str(path)))
    assert model.header.about.origin.data_digest == "digest of the test data"
    metrics["provenance"]["training_data"] = "another"
    path.write_text(json.dumps(metrics))
    with pytest.raises(UserError, match="measured with other weights"):
        export(tmp_path / "y.safetensors", "--metrics", str(path))


def test_the_origin_names_the_datasets_of_training_and_measurement(model_file: Path) -> None:
    origin = read_header(model_file).about.origin
    assert describe_origin(origin).startswith("gaittake, trained on 2 people of walkers. SYNTHETIC")
    borrowed = origin.model_copy(update={"dataset": "mine", "synthetic": False, "note": ""})
    assert describe_origin(borrowed) == (
        "gaittake, trained on 2 people of walkers, measured on mine, filmed people. SYNTHETIC: "
        "trained on rendered people."
    )


@pytest.mark.parametrize(
    ("measured", "trained", "said"),
    [
        (True, True, "trained and measured on rendered people"),
        (True, False, "measured on rendered people"),
        (True, None, "measured on rendered people"),  # the weights of a file
        (False, True, "trained on rendered people"),
        (False, False, ""),
        (False, None, ""),
    ],
)
def test_the_warning_tells_training_from_measurement(
    model_file: Path, measured: bool, trained: bool | None, said: str
) -> None:
    origin = read_header(model_file).about.origin
    changed = {"synthetic": measured, "trained_synthetic": trained}
    warning = describe_synthetic(origin.model_copy(update=changed))
    assert warning.partition(".")[0] == (f"SYNTHETIC: {said}" if said else "")


def test_a_model_file_from_before_was_trained_as_it_was_measured(model_file: Path) -> None:
    content = read_header(model_file).about.origin.model_dump()
    assert content.pop("trained_synthetic") is True
    assert Origin.model_validate(content).trained_synthetic is True
    assert Origin.model_validate(content | {"training_subjects": 0}).trained_synthetic is None
