"""MediaPipe's networks: read from a wheel, downloaded by pip, checked."""

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest
import torch

from gaittake.errors import UserError
from gaittake.io import mediapipe
from gaittake.io.mediapipe import Published, blazepose_files

FILES = {"a/pose_detection.tflite": b"detector", "a/pose_landmark_full.tflite": b"landmarks"}


@pytest.fixture(autouse=True)
def _published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Publishes two small files, and starts with an empty folder for them."""
    for attribute, (name, content) in zip(("DETECTOR", "LANDMARKS"), FILES.items(), strict=True):
        item = Published(name, hashlib.sha256(content).hexdigest())
        monkeypatch.setattr(mediapipe, attribute, item)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("GAITTAKE_MEDIAPIPE", raising=False)


def wheel(path: Path, files: dict[str, bytes]) -> Path:
    """Writes a wheel."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def no_download(*_: object, **__: object) -> None:
    raise AssertionError("pip was started")


def test_a_wheel_on_disk_needs_no_download_and_is_needed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", no_download)
    monkeypatch.setenv("GAITTAKE_MEDIAPIPE", str(wheel(tmp_path / "m.whl", FILES)))
    found = blazepose_files()
    assert [path.read_bytes() for path in found] == list(FILES.values())
    monkeypatch.delenv("GAITTAKE_MEDIAPIPE")
    assert blazepose_files() == found


def test_a_damaged_file_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAITTAKE_MEDIAPIPE", str(wheel(tmp_path / "m.whl", FILES)))
    detector, _ = blazepose_files()
    detector.write_bytes(b"damaged")
    assert blazepose_files()[0].read_bytes() == b"detector"


def test_pip_downloads_the_wheel_with_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        required = Path(command[-1].removeprefix("--requirement=")).read_text()
        assert required == f"mediapipe==0.10.21 --hash=sha256:{mediapipe.HASH}\n"
        assert "--require-hashes" in command
        folder = Path(command[-2].removeprefix("--dest="))
        wheel(folder / "mediapipe-0.10.21.whl", FILES)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    assert [path.read_bytes() for path in blazepose_files()] == list(FILES.values())


def test_without_network_the_command_and_the_variable_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: No network\n")

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(UserError) as error:
        blazepose_files()
    message = str(error.value)
    assert "\n" not in message
    for text in ("ERROR: No network", "pip download --no-deps", "GAITTAKE_MEDIAPIPE", "torch"):
        assert text in message
    assert not (tmp_path / "torch").exists()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"other": b""}, "no a/pose_detection.tflite"),
        (FILES | {"a/pose_detection.tflite": b"x"}, "SHA-256 .* required"),
    ],
)
def test_another_wheel_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], expected: str
) -> None:
    monkeypatch.setenv("GAITTAKE_MEDIAPIPE", str(wheel(tmp_path / "m.whl", files)))
    with pytest.raises(UserError, match=expected):
        blazepose_files()


def test_a_missing_wheel_and_a_file_that_is_none_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b.whl").write_bytes(b"no zip")
    for name in ("none.whl", "b.whl"):
        monkeypatch.setenv("GAITTAKE_MEDIAPIPE", str(tmp_path / name))
        with pytest.raises(UserError, match=f"{name}: no a/pose_detection.tflite"):
            blazepose_files()


@pytest.mark.parametrize("name", ["TORCH_HOME", "XDG_CACHE_HOME", None])
def test_the_folder_is_torch_hubs(
    name: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    if name is not None:
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    assert mediapipe._hub() == Path(torch.hub.get_dir())
