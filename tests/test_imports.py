"""Imports point down only: cli → stages → data, sources, io → models, losses, leaf modules."""

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gaittake"
LEAVES = {"errors", "keypoints", "sequence", "settings", "silhouette", "stages", "protocol"}
LEAVES |= {"read_settings", "methods", "networks", "pose_settings", "recipes", "section"}
LEAVES |= {"precision"}
LEVEL = {"cli": 3, "__main__": 3, "plan": 2, "pose": 2, "training": 2, "evaluation": 2}
LEVEL |= {"subjects": 2, "report": 2, "data": 1, "sources": 1, "io": 1, "models": 0, "losses": 0}
LEVEL |= {"use": 2} | dict.fromkeys(LEAVES | {"fingerprint", ""}, 0)
NETWORKS = {"models", "losses", "keypoints"}
PURE = {"torch", "collections", "functools", "itertools", "math", "typing"}
BENCHMARKS = PACKAGE.parent / "benchmarks"
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """Returns `io` of `gaittake.io.ragged`."""
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> list[str]:
    """Returns the names of all modules that a file imports, also inside functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found += [item.name for item in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            source = node.module or ""
            found += (
                [f"gaittake.{i.name}" for i in node.names] if source == "gaittake" else [source]
            )
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    here = path.relative_to(PACKAGE).with_suffix("").parts[0].replace("__init__", "")
    for module in imports(path):
        top, part = module.split(".")[0], part_of(module)
        part = part if part in LEVEL else ""  # `from gaittake import __version__`
        if top == "gaittake":
            level = 2 if here == "" else LEVEL[here]  # `gaittake.load` is that of `use`
            assert LEVEL[part] <= level, f"{here} imports {module}, which is above it"
            if here in LEAVES | {"models", "losses", "io"} and part:
                pure = NETWORKS if here in {"models", "losses"} else LEAVES | {here}
                assert part in pure, f"{here} imports {module}"
        if here in {"models", "losses"}:
            assert top in PURE | {"gaittake"}, f"{here} imports {module}; torch alone is its own"
        if top == "h5py":
            assert here == "io", f"{here} opens HDF5 files itself; gaittake.io does that"


def test_every_module_is_walked() -> None:
    assert len(MODULES) > 30
    assert {part_of(f"gaittake.{p.relative_to(PACKAGE).parts[0]}") for p in MODULES} >= {"io"}


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.name)
def test_a_benchmark_imports_what_there_is(path: Path) -> None:
    for module in imports(path):
        if module.startswith("gaittake."):
            assert find_spec(module) is not None, f"{path.name} imports {module}"
