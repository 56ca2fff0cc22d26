"""The digest of a stage's code: what changes it, what does not, what it reaches."""

import shutil
from pathlib import Path

import pytest

from gaittake.errors import UserError
from gaittake.pipeline import fingerprint as digests
from gaittake.pipeline.fingerprint import fingerprint, reached

STAGE = '''"""The stage."""

from gaittake.shared import tools
from gaittake.settings import Width


def run(width: Width) -> int:
    """Returns a number."""
    from gaittake.late import slow  # only when it runs

    return tools.double(width) + slow() + len("table.npz")
'''
FILES = {
    "__init__.py": '__version__ = "1"\n',
    "settings.py": "Width = int\n",
    "stage.py": STAGE,
    "late.py": "from .shared.more import ONE\n\n\ndef slow():\n    return ONE\n",
    "unrelated.py": "X = 1\n",
    "shared/__init__.py": "",
    "shared/tools.py": "def double(x):\n    return 2 * x\n",
    "shared/more.py": "ONE = 1\n",
    "table.npz": "numbers",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of a few invented modules in place of the real one."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(digests, "ROOT", tmp_path)
    digests._read.cache_clear()
    return tmp_path


def after(package: Path, name: str, old: str, new: str) -> str:
    """Returns the stage's digest after an edit."""
    path = package / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    digests._read.cache_clear()
    return fingerprint("gaittake.stage")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stage.py", "# only when it runs", "# another comment"),
        ("stage.py", '"""Returns a number."""', '"""Returns another number."""'),
        ("stage.py", '    """Returns a number."""\n', ""),
        ("stage.py", "run(width: Width) -> int:", "run(\n    width: Width,\n) -> int:"),
        ("shared/tools.py", "def double", '"""A docstring."""\n\n\ndef double'),
        ("settings.py", "Width = int", "Width = float"),
        ("__init__.py", "1", "2"),
        ("unrelated.py", "1", "2"),
    ],
)
def test_what_changes_no_result_changes_no_digest(
    package: Path, name: str, old: str, new: str
) -> None:
    before = fingerprint("gaittake.stage")
    assert after(package, name, old, new) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stage.py", "+ slow()", "- slow()"),
        ("shared/tools.py", "2", "3"),
        ("shared/tools.py", "2", "2.0"),
        ("late.py", "return ONE", "return -ONE"),
        ("shared/more.py", "1", "2"),
        ("shared/__init__.py", "", "X = 1\n"),
        ("table.npz", "numbers", "other numbers"),
    ],
)
def test_an_edit_of_reached_code_or_data_changes_the_digest(
    package: Path, name: str, old: str, new: str
) -> None:
    before = fingerprint("gaittake.stage")
    assert after(package, name, old, new) != before


def test_imports_inside_functions_and_relative_ones_are_followed(package: Path) -> None:
    assert reached("gaittake.stage") == [
        "gaittake.late",
        "gaittake.shared",
        "gaittake.shared.more",
        "gaittake.shared.tools",
        "gaittake.stage",
    ]
    assert package.is_dir()


def test_the_digest_depends_on_the_text_alone_in_every_python(package: Path) -> None:
    # The digest of FILES, written down: another version of Python must come to the same.
    assert fingerprint("gaittake.stage") == "0e616414e7198ca0"
    moved = shutil.copytree(package, package / "elsewhere" / "deeper")
    digests._read.cache_clear()
    digests.ROOT = moved
    assert fingerprint("gaittake.stage") == "0e616414e7198ca0"


@pytest.mark.parametrize(
    ("module", "message"),
    [("gaittake.none", "there is no such module"), ("gaittake.broken", "broken.py:2: not valid")],
)
def test_a_module_that_cannot_be_read_is_one_line(package: Path, module: str, message: str) -> None:
    (package / "broken.py").write_text("x = 1\ny = (\n")
    with pytest.raises(UserError, match=message):
        fingerprint(module)


def test_stages_reach_what_they_compute_with_and_nothing_else() -> None:
    digests._read.cache_clear()
    train = reached("gaittake.training.engine")
    predict = reached("gaittake.pose.predict")
    evaluate = reached("gaittake.evaluation.evaluate")
    assert "gaittake.models.attention" in train
    assert "gaittake.losses.triplet" in train
    for others in (predict, evaluate):
        assert not [name for name in others if name.startswith(("gaittake.models", "gaittake.l"))]
    assert not [name for name in predict if name.startswith("gaittake.evaluation")]
    for left_out in (
        "gaittake",
        "gaittake.settings.dataset",
        "gaittake.settings.stages",
        "gaittake.pipeline.plan",
    ):
        assert left_out not in {*train, *predict, *evaluate}
    assert not [name for name in train if name.startswith("gaittake.cli")]


def test_the_renderers_gait_model_counts_as_its_code() -> None:
    digests._read.cache_clear()
    name = "gaittake.sources.walkers.gait"
    assert name in reached("gaittake.sources.walkers.dataset")
    files = digests._read(name, digests._path(name)).data_files
    assert [path.name for path in files] == ["gait_model.npz"]
