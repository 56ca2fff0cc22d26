"""Model files: complete, undamaged ones load; all others are refused in one line."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from gaittake.errors import UserError
from gaittake.use.describe import describe_origin
from gaittake.use.model import load
from gaittake.use.model_file import VERSION, digest_of, read_model, write_model
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


def changed(model_file: Path, path: Path, *, sign: bool = True, **changes: Any) -> Path:
    """Writes the model with changed entries; `sign` updates the digest."""
    found = torch.load(model_file, weights_only=True) | changes
    if sign:
        found["digest"] = digest_of(found["about"], found["network"], found["student"])
    torch.save({k: v for k, v in found.items() if v is not ...}, path)
    return path


def about(model_file: Path, **changes: Any) -> str:
    """Returns the `about` entry of the model with changed fields."""
    found = json.loads(torch.load(model_file, weights_only=True)["about"])
    return json.dumps(found | changes)


def test_reading_returns_what_was_written(model_file: Path, tmp_path: Path) -> None:
    one = read_model(model_file)
    write_model(one, tmp_path / "copy.gait")
    other = read_model(tmp_path / "copy.gait")
    assert (one.about, one.digest, one.package) == (other.about, other.digest, other.package)
    assert all(torch.equal(value, other.network[name]) for name, value in one.network.items())


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file or directory; a file written by" in refused(tmp_path / "none.gait")
    assert "is a directory; a file written by" in refused(tmp_path)


def test_a_file_without_read_permission_names_the_permission(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", forbidden)
    message = refused(model_file)
    assert "no permission to read it" in message
    assert "damaged" not in message


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.gait"
    path.symlink_to(path)
    assert "cannot be read (too many levels of symbolic links); check the path" in refused(path)


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 half a zip"])
def test_files_of_another_kind_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.gait"
    path.write_bytes(content)
    assert "not a model file" in refused(path)


def test_a_truncated_file_is_refused(model_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.gait"
    content = model_file.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "not a model file" in refused(path)


def test_one_changed_byte_of_a_weight_is_detected(model_file: Path, tmp_path: Path) -> None:
    state = torch.load(model_file, weights_only=True)["network"]
    weight = max(state.values(), key=lambda value: value.numel()).numpy().tobytes()
    content = bytearray(model_file.read_bytes())
    content[content.index(weight[:64]) + 10] ^= 1
    path = tmp_path / "flipped.gait"
    path.write_bytes(content)
    assert "damaged" in refused(path)


def test_another_torch_file_is_refused(here: Path) -> None:
    path = Path("results/walkers/gaittake/weights.pt")
    assert "not a model file; it holds" in refused(path)


def test_loading_runs_no_code_from_the_file(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"format": "gaittake model", "about": Harmful()}, tmp_path / "harmful.gait")
    assert "not a model file" in refused(tmp_path / "harmful.gait")
    assert not (tmp_path / "harm").exists()


def test_another_format_version_names_both_and_the_writer(model_file: Path, tmp_path: Path) -> None:
    path = changed(model_file, tmp_path / "new.gait", version=VERSION + 1, package="9.0")
    message = refused(path)
    assert "format version 2, written by gaittake 9.0" in message
    assert "reads version 1" in message


def test_missing_and_unknown_entries_are_named(model_file: Path, tmp_path: Path) -> None:
    path = changed(model_file, tmp_path / "lacks.gait", package=..., more=1)
    assert "missing: ['package'], unknown: ['more']" in refused(path)


def test_invalid_settings_are_refused(model_file: Path, tmp_path: Path) -> None:
    text = about(model_file, distance="cosine")
    assert "distance" in refused(changed(model_file, tmp_path / "wrong.gait", about=text))
    assert "not readable" in refused(changed(model_file, tmp_path / "no.gait", about="{"))


def test_weights_of_another_shape_or_network_are_refused(model_file: Path, tmp_path: Path) -> None:
    state = dict(torch.load(model_file, weights_only=True)["network"])
    name = next(iter(state))
    wrong = {
        "shape": {"network": state | {name: torch.zeros(3)}},
        "lacks": {"network": {k: v for k, v in state.items() if k != name}},
        "named": {"about": about(model_file, network="resnet")},
    }
    for key, changes in wrong.items():
        path = changed(model_file, tmp_path / f"{key}.gait", **changes)
        assert "do not fit the network" in refused(path)


def test_a_student_that_does_not_fit_is_refused(model_file: Path, tmp_path: Path) -> None:
    path = changed(model_file, tmp_path / "none.gait", student=None)
    assert "settings or weights are missing" in refused(path)
    path = changed(model_file, tmp_path / "few.gait", student={"x": torch.zeros(1)})
    assert "weights of another network" in refused(path)
    path = changed(model_file, tmp_path / "list.gait", student=[1], sign=False)
    assert "must be named weights" in refused(path)


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
        write_model(content, tmp_path / "new.gait")
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
        export(tmp_path / "x.gait", "--metrics", str(path))
    assert str(path) in str(error.value)
    assert not (tmp_path / "x.gait").exists()


def test_a_model_may_be_measured_on_other_data_but_only_with_its_own_weights(
    here: Path, tmp_path: Path
) -> None:
    metrics = json.loads(Path("results/walkers/gaittake/metrics.json").read_text())
    path = tmp_path / "metrics.json"
    metrics["provenance"]["data_digest"] = "digest of the test data"
    path.write_text(json.dumps(metrics))
    model = read_model(export(tmp_path / "x.gait", "--metrics", str(path)))
    assert model.about.origin.data_digest == "digest of the test data"
    metrics["provenance"]["training_data"] = "another"
    path.write_text(json.dumps(metrics))
    with pytest.raises(UserError, match="measured with other weights"):
        export(tmp_path / "y.gait", "--metrics", str(path))


def test_the_origin_names_the_datasets_of_training_and_measurement(model_file: Path) -> None:
    origin = read_model(model_file).about.origin
    assert describe_origin(origin).startswith("gaittake, trained on 2 people of walkers. SYNTHETIC")
    borrowed = origin.model_copy(update={"dataset": "mine", "synthetic": False, "note": ""})
    assert describe_origin(borrowed) == (
        "gaittake, trained on 2 people of walkers, measured on mine, filmed people"
    )
