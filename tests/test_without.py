"""What works without PyTorch, Snakemake and other libraries, and what says that one is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gaittake.cli import missing

REPOSITORY = Path(__file__).parents[1]
BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""
IMPORT_ALL = """
import importlib, pkgutil, gaittake
for found in pkgutil.walk_packages(gaittake.__path__, "gaittake."):
    if not found.name.endswith("__main__"):
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            print(found.name, error.name)
"""
COMMAND = "from gaittake.cli import main; main()"
# Where a module may need PyTorch; none elsewhere may.
WITH_TORCH = ("data", "evaluation", "losses", "models", "pose", "report", "training", "use")
ALSO_TORCH = {"cudnn", "device"} | {
    f"io.{name}" for name in ("checkpoint", "coco", "environment", "torch_file", "weights")
}


def run(code: str, *arguments: str, without: set[str]) -> tuple[int, str, str]:
    """Runs Python code where these libraries cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(blocked=without) + code, *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def test_only_what_computes_needs_torch_and_nothing_needs_snakemake() -> None:
    without = {"torch", "torchvision", "snakemake", "tensorboard"}
    code, out, error = run(IMPORT_ALL, without=without)
    assert code == 0, error
    failed = dict(line.removeprefix("gaittake.").split() for line in out.splitlines())
    assert "models" in failed  # the libraries are blocked
    assert set(failed.values()) <= {"torch", "tensorboard"}
    other = {name for name in failed if not name.startswith(WITH_TORCH)}
    assert other <= ALSO_TORCH | {"pipeline.estimate"}


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("networks",), ("config", "walkers"), ("train", "--help"), ("init", "--help")],
)
def test_commands_that_compute_nothing_need_neither_torch_nor_snakemake(
    arguments: tuple[str, ...],
) -> None:
    without = {"torch", "torchvision", "snakemake", "tensorboard"}
    code, _, error = run(COMMAND, *arguments, without=without)
    assert (code, error) == (0, "")


def test_a_missing_library_is_one_line_that_says_how_to_install_it() -> None:
    code, _, error = run(
        COMMAND, "train", "walkers", "--method", "gaittake", "--estimate", without={"torch"}
    )
    assert code == 1
    assert error.startswith("gaittake: error: the library torch is not installed: pip install '")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("module", "install"),
    [
        ("tensorboard.summary", "gaittake[pipeline]"),
        ("yaml", "pyyaml"),
        ("huggingface_hub", "gaittake[hub]"),
        ("gaittake.nowhere", None),
    ],
)
def test_the_extra_that_has_the_library_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, install: str | None
) -> None:
    needed = ['tensorboard>=2; extra == "pipeline"', "PyYAML>=6", "huggingface_hub; extra=='hub'"]
    monkeypatch.setattr(missing, "requires", lambda _: needed)
    said = missing.missing_library(ModuleNotFoundError(name=module))
    library = module.partition(".")[0]
    expected = f"the library {library} is not installed: pip install '{install}'"
    assert said == (expected if install else None)
