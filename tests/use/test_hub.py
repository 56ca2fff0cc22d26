"""Models go to a repository and come back: a folder, or a hub on this machine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gaittake.errors import UserError
from gaittake.use.card import front_of, model_card
from gaittake.use.hub import pull, push
from gaittake.use.model_file import Header, read_header
from tests.use.fake_hub import TOKEN, Hub, running_hub
from tests.use.tiny import command, printed

REPOSITORY = Path(__file__).parents[2]


def gaittake(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs `gaittake model …` in a process of its own."""
    paths = os.pathsep.join([str(REPOSITORY), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "gaittake", "model", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": paths} | environment,
    )


@pytest.fixture
def hub() -> Iterator[Hub]:
    pytest.importorskip("huggingface_hub", reason="requires the extra hub")
    with running_hub() as hub:
        yield hub


@pytest.fixture
def account(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """The environment of a user of the hub."""
    return {
        "HF_ENDPOINT": hub.address,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
    }


def test_a_model_goes_to_the_hub_and_comes_back(
    hub: Hub, account: dict[str, str], model_file: Path, tmp_path: Path
) -> None:
    pushed = gaittake("push", str(model_file), "ann/gait", cwd=tmp_path, **account)
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout.startswith(f"{hub.address}/ann/gait: choose a licence there")
    assert hub.visibility == {"ann/gait": "private"}
    files = hub.files["ann/gait"]
    assert files["model.safetensors"] == model_file.read_bytes()
    assert files["README.md"].decode() == model_card(read_header(model_file))

    pulled = gaittake("pull", "ann/gait", cwd=tmp_path, **account)
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stdout.startswith("gait.safetensors\nmethod      gaittake")
    assert (tmp_path / "gait.safetensors").read_bytes() == model_file.read_bytes()

    # The owner chooses a licence; the next model keeps it.
    own = files["README.md"].replace(b"# license: choose", b"license: mit\n# choose")
    files["README.md"] = own.replace(b"## Use", b"## Old text")
    again = gaittake("push", str(model_file), "ann/gait", cwd=tmp_path, **account)
    assert again.stdout.strip() == f"{hub.address}/ann/gait"
    card = files["README.md"].decode()
    assert yaml.safe_load(front_of(card) or "")["license"] == "mit"
    assert "## Old text" not in card


def test_errors_of_the_hub_are_one_line_with_what_to_do(
    hub: Hub, account: dict[str, str], model_file: Path, tmp_path: Path
) -> None:
    model = str(model_file)
    hub.files["ann/empty"] = {}
    hub.files["ann/damaged"] = {"model.safetensors": model_file.read_bytes()[:-9]}
    stranger, nowhere = {"HF_TOKEN": "hf_wrong"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}
    for arguments, environment, expected in (
        (("push", model, "ann/gait"), stranger, "ann/gait: no such repository or file, or no"),
        (("push", model, "ann/gait"), stranger, "log in with `hf auth login`, or set HF_TOKEN"),
        (("pull", "ann/none"), {}, "ann/none: no such repository or file"),
        (("pull", "ann/empty"), {}, "ann/empty: no such repository or file"),
        (("pull", "ann/damaged"), {}, "model.safetensors: not a model file, or a damaged one"),
        (("pull", "a b/c"), {}, "a b/c: not the name of a repository"),
        (("pull", "ann/gait"), nowhere, "ann/gait: the model hub cannot be reached or failed"),
    ):
        done = gaittake(*arguments, cwd=tmp_path, **(account | environment))
        assert done.returncode == 1
        (error,) = (line for line in done.stderr.splitlines() if line.startswith("gaittake: "))
        assert expected in error
        assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_folder_is_a_repository_too(
    model_file: Path,
    here: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    folder = tmp_path / "gait"
    command("push", "walkers", str(folder), "--method", "gaittake")
    assert f"{folder}: model.safetensors, README.md" in printed(capsys)
    exported = Path("walkers-gaittake.safetensors")
    assert exported.read_bytes() == model_file.read_bytes()
    exported.unlink()
    card = folder / "README.md"
    card.write_text(card.read_text().replace("# license: choose", "license: mit\n# choose"))
    command("push", str(model_file), str(folder))
    assert "\nlicense: mit\n" in card.read_text()
    capsys.readouterr()
    command("pull", str(folder), "--out", str(tmp_path / "copy.safetensors"))
    assert "SYNTHETIC" in printed(capsys)
    assert (tmp_path / "copy.safetensors").read_bytes() == model_file.read_bytes()
    with pytest.raises(UserError, match="--set: only with --method"):
        command("push", str(model_file), str(folder), "--set", "train.steps=3")


def test_a_damaged_model_is_neither_pushed_nor_pulled(model_file: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "gait" / "model.safetensors"
    damaged.parent.mkdir()
    damaged.write_bytes(model_file.read_bytes()[:-1])
    with pytest.raises(UserError, match="a damaged one"):
        push(damaged, str(tmp_path / "other"))
    with pytest.raises(UserError, match="a damaged one"):
        pull(str(damaged.parent), tmp_path / "out.safetensors")
    assert {path.name for path in tmp_path.iterdir()} == {"gait"}


def test_without_the_extra_the_error_names_it(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for run in (lambda: push(model_file, "ann/gait"), lambda: pull("ann/gait", tmp_path / "a")):
        with pytest.raises(UserError, match=r"extra 'hub': pip install 'gaittake\[hub\]'"):
            run()


@pytest.fixture
def header(model_file: Path) -> Header:
    return read_header(model_file)


def test_the_card_has_data_recipe_error_rates_and_limits(header: Header) -> None:
    card = model_card(header)
    front = yaml.safe_load(front_of(card) or "")
    assert front == {"library_name": "gaittake", "tags": ["gait-recognition", "biometrics"]}
    measured = header.about.calibration
    for text in (
        "> **SYNTHETIC:** trained and measured on rendered people.",
        "Trained on 2 subjects of walkers; measured on the test subjects of walkers, rendered",
        f"| equal error rate | {100 * measured.equal_error_rate:.3g} % |",
        f"{measured.pairs_same:,} same-person pairs",
        "| train.steps | 2 |",
        "| model.channels | [4, 8, 8, 8] |",
        f"digest `{header.digest}`",
        "## What it is for",
        "## What it is not for",
        "without their knowledge or consent",
    ):
        assert text in card, text


def test_the_card_of_filmed_people_and_of_a_network_without_weights(header: Header) -> None:
    origin = header.about.origin.model_copy(
        update={
            "synthetic": False,
            "trained_synthetic": None,
            "note": "",
            "training": "none",
            "training_subjects": 0,
        }
    )
    about = header.about.model_copy(update={"origin": origin, "keypoints": "none"})
    card = model_card(header._replace(about=about))
    assert "SYNTHETIC" not in card
    assert "filmed people" in card
    assert "Not trained: the network has no weights to learn" in card
    assert "train." not in card


@pytest.mark.parametrize("text", ["", "# Title\n", "---\nno end", "no\n---\nstart\n---\n"])
def test_a_card_without_lines_for_the_hub_has_no_front(text: str) -> None:
    assert front_of(text) is None
