"""The import contracts of pyproject.toml hold, and each of them can fail."""

import ast
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PURE = {"torch", "gaittake", "collections", "functools", "itertools", "math", "typing"}
PARTS = ("models", "losses")
NETWORKS = sorted(p for part in PARTS for p in (REPOSITORY / "gaittake" / part).rglob("*.py"))
BENCHMARKS = sorted((REPOSITORY / "benchmarks").glob("*.py"))
LINT = (
    "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
)


def contracts(folder: Path) -> tuple[int, str]:
    """Returns the exit code and the output of import-linter, run on a copy of the project."""
    done = subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(REPOSITORY / "gaittake", tmp_path / "gaittake")
    shutil.copy2(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold() -> None:
    code, output = contracts(REPOSITORY)
    assert code == 0, output
    assert "4 kept, 0 broken" in output


@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        ("colours.py", "RED = 1", "gaittake.colours"),
        ("io/tables.py", "import gaittake.settings", "gaittake.io.tables -> gaittake.settings"),
        ("models/gei.py", "import gaittake.errors", "gaittake.models.gei -> gaittake.errors"),
        ("training/step.py", "import gaittake.pose", "gaittake.training.step -> gaittake.pose"),
        ("data/clips.py", "import h5py", "gaittake.data.clips -> h5py"),
        ("pose/fast.py", "import torchvision", "gaittake.pose.fast -> torchvision"),
    ],
    ids=["unknown module", "upwards", "network", "sibling", "hdf5", "torchvision"],
)
def test_a_broken_contract_is_named(file: str, line: str, named: str, copy: Path) -> None:
    with (copy / "gaittake" / file).open("a") as module:
        module.write(f"\n{line}\n")
    code, output = contracts(copy)
    assert code == 1, output
    assert named in " ".join(output.split())


def imports(path: Path) -> list[str]:
    """Returns the names of all modules that a file imports, also inside functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found += [item.name for item in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return found


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_networks_and_losses_import_torch_each_other_and_keypoints(path: Path) -> None:
    for module in imports(path):
        top, *inner = module.split(".")
        assert top in PURE, f"{path}: {module}"
        assert top != "gaittake" or inner[0] in {*PARTS, "keypoints"}, f"{path}: {module}"


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_a_benchmark_imports_modules_that_exist(path: Path) -> None:
    for module in imports(path):
        if module.startswith("gaittake."):
            assert find_spec(module) is not None, f"{path.name} imports {module}"
