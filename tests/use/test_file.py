"""A model file: whole, undamaged and fitting, or refused in one line."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from gaittake.errors import UserError
from gaittake.use.file import VERSION, digest_of, read_model, write_model
from gaittake.use.model import load
from gaittake.use.words import origin_in_words
from tests.use.tiny import export


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        load(path)
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith(str(path))
    return said


def changed(model_file: Path, path: Path, *, sign: bool = True, **changes: Any) -> Path:
    """Writes the model with other entries; signed: with a digest that fits them."""
    found = torch.load(model_file, weights_only=True) | changes
    if sign:
        found["digest"] = digest_of(found["about"], found["network"], found["student"])
    torch.save({k: v for k, v in found.items() if v is not ...}, path)
    return path


def about(model_file: Path, **changes: Any) -> str:
    found = json.loads(torch.load(model_file, weights_only=True)["about"])
    return json.dumps(found | changes)


def test_what_was_written_is_read(model_file: Path, tmp_path: Path) -> None:
    one = read_model(model_file)
    write_model(one, tmp_path / "copy.gait")
    other = read_model(tmp_path / "copy.gait")
    assert (one.about, one.digest, one.package) == (other.about, other.digest, other.package)
    assert all(torch.equal(value, other.network[name]) for name, value in one.network.items())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no such model file" in refused(tmp_path / "none.gait")


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 half a zip"])
def test_foreign_bytes_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.gait"
    path.write_bytes(content)
    assert "not a model file" in refused(path)


def test_a_cut_off_file_is_refused(model_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.gait"
    content = model_file.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "not a model file" in refused(path)


def test_one_changed_byte_of_a_weight_is_found(model_file: Path, tmp_path: Path) -> None:
    state = torch.load(model_file, weights_only=True)["network"]
    weight = max(state.values(), key=lambda value: value.numel()).numpy().tobytes()
    content = bytearray(model_file.read_bytes())
    content[content.index(weight[:64]) + 10] ^= 1
    path = tmp_path / "flipped.gait"
    path.write_bytes(content)
    assert "damaged" in refused(path)


def test_another_file_of_torch_is_refused(here: Path) -> None:
    path = Path("results/walkers/gaittake/weights.pt")
    assert "not a file of `gaittake model export`" in refused(path)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"format": "gaittake model", "about": Harmful()}, tmp_path / "harmful.gait")
    assert "read safely" in refused(tmp_path / "harmful.gait")
    assert not (tmp_path / "harm").exists()


def test_another_format_version_names_both_and_the_writer(model_file: Path, tmp_path: Path) -> None:
    said = refused(changed(model_file, tmp_path / "new.gait", version=VERSION + 1, package="9.0"))
    assert "version 1 is needed" in said
    assert "2, written by gaittake 9.0" in said


def test_missing_and_unknown_entries_are_named(model_file: Path, tmp_path: Path) -> None:
    path = changed(model_file, tmp_path / "lacks.gait", package=..., more=1)
    assert "missing: ['package'], unknown: ['more']" in refused(path)


def test_settings_that_are_none_are_refused(model_file: Path, tmp_path: Path) -> None:
    text = about(model_file, distance="cosine")
    assert "distance" in refused(changed(model_file, tmp_path / "wrong.gait", about=text))
    assert "not a model" in refused(changed(model_file, tmp_path / "no.gait", about="{"))


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
    assert "both settings and weights" in refused(path)
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
    ("change", "said"),
    [
        ({"verification": None}, "'verification' is needed"),
        ({"verification": {"pairs_same": 1}}, "'verification' lacks"),
        ({"provenance": {"training": "another"}}, "another training"),
    ],
)
def test_metrics_that_do_not_calibrate_these_weights_are_refused(
    here: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    metrics = json.loads(Path("results/walkers/gaittake/metrics.json").read_text()) | change
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=said) as error:
        export(tmp_path / "x.gait", "--metrics", str(path))
    assert str(path) in str(error.value)
    assert not (tmp_path / "x.gait").exists()


def test_a_model_may_be_measured_on_other_data_but_not_with_weights_of_other_data(
    here: Path, tmp_path: Path
) -> None:
    metrics = json.loads(Path("results/walkers/gaittake/metrics.json").read_text())
    path = tmp_path / "metrics.json"
    metrics["provenance"]["data_digest"] = "that of the people it was measured on"
    path.write_text(json.dumps(metrics))
    model = read_model(export(tmp_path / "x.gait", "--metrics", str(path)))
    assert model.about.origin.data_digest == "that of the people it was measured on"
    metrics["provenance"]["training_data"] = "another"
    path.write_text(json.dumps(metrics))
    with pytest.raises(UserError, match="another training"):
        export(tmp_path / "y.gait", "--metrics", str(path))


def test_a_model_says_which_dataset_trained_it(model_file: Path) -> None:
    origin = read_model(model_file).about.origin
    assert origin_in_words(origin).startswith("gaittake, trained on 2 people of walkers. SYNTHETIC")
    lent = origin.model_copy(update={"dataset": "mine", "synthetic": False, "note": ""})
    assert origin_in_words(lent) == (
        "gaittake, trained on 2 people of walkers, measured on mine, people that were filmed"
    )
