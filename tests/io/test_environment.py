"""What results say of the environment that computed them."""

import json
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from gaittake.io import environment as module
from gaittake.io.environment import commit, environment, processor


def git(folder: Path, *arguments: str) -> str:
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *name, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one module, in place of the package."""
    folder = tmp_path / "repository" / "package"
    folder.mkdir(parents=True)
    shutil.copy(module.__file__, folder / "environment.py")
    git(folder, "init")
    monkeypatch.setattr(module, "PACKAGE", folder)
    monkeypatch.setattr(module, "__file__", str(folder / "environment.py"))
    return folder


def test_the_environment_names_libraries_processor_and_precision() -> None:
    found = json.loads(environment(torch.device("cpu"), "bfloat16"))
    assert found["torch"] == version("torch")
    assert found["threads"] == str(torch.get_num_threads())
    assert (found["device"], found["precision"]) == ("cpu", "bfloat16")
    assert found["processor"] == processor() != ""
    assert set(found) >= {"gaittake", "commit", "python", "numpy", "instructions"}


def test_the_commit_is_that_of_the_package_and_marks_changed_files(package: Path) -> None:
    assert commit() == "none"  # not committed yet
    git(package, "add", ".")
    git(package, "commit", "-m", "one")
    digest = git(package, "rev-parse", "--short=12", "HEAD")
    assert commit() == digest
    (package / "environment.py").write_text("changed = True\n")
    assert commit() == f"{digest}+"


def test_a_package_installed_inside_another_repository_has_no_commit(package: Path) -> None:
    (package / "other.py").write_text("")
    git(package, "add", "other.py")
    git(package, "commit", "-m", "something else")
    assert commit() == "none"


def test_without_git_there_is_no_commit(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit() == "none"
