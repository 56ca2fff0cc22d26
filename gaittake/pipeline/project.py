"""A project folder of the user: the workflow, settings and profiles that the package brings."""

import os
import re
import shutil
from pathlib import Path

from gaittake.errors import UserError

PACKAGE = Path(__file__).parents[1]
# A wheel has them inside the package (setup.py); a clone, installed as editable, beside it.
PLACES = (PACKAGE / "project", PACKAGE.parent)
FOLDERS = ("config", "profiles")
SNAKEFILE = "Snakefile"
INCLUDE = 'include: "workflow/Snakefile"\n'
INCLUDE_INSTALLED = """\
# The workflow of the installed package gaittake, on the data and settings of this folder.
from gaittake.pipeline.project import workflow_file


include: workflow_file()
"""


def workflow_file() -> str:
    """Returns the path of the workflow that comes with this package, for `include:`.

    Raises:
        UserError: the installation has none.
    """
    return str(_brought() / "workflow" / SNAKEFILE)


def write_project(folder: Path) -> None:
    """Writes a project: a Snakefile that loads the installed workflow, `config/`, `profiles/`.

    Args:
        folder: is made where it does not exist. Other files in it stay.

    Raises:
        UserError: one of these lies there already; nothing is written then. Or the installation
            has no workflow.
    """
    source = _brought()
    taken = [name for name in (SNAKEFILE, "workflow", *FOLDERS) if (folder / name).exists()]
    if taken:
        raise UserError(
            f"{folder}: has {', '.join(taken)} already, and nothing is overwritten; choose a new "
            "folder, or one without them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in FOLDERS:
        shutil.copytree(source / name, folder / name)
    page = folder / "config" / "README.md"
    page.write_text(_without_links(page.read_text(encoding="utf-8")), encoding="utf-8")
    text = (source / SNAKEFILE).read_text(encoding="utf-8")
    (folder / SNAKEFILE).write_text(text.replace(INCLUDE, INCLUDE_INSTALLED), encoding="utf-8")


def only_package(folder: Path) -> Path:
    """Makes a folder with nothing but a link to this package, for PYTHONPATH; returns it.

    An environment of another Python can import the package from there. Beside an installed package
    lie libraries that were built for its own Python.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{PACKAGE.name}-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(PACKAGE, target_is_directory=True)
    temporary.replace(folder / PACKAGE.name)
    return folder.resolve()


def _brought() -> Path:
    """Returns the folder that has the workflow, `config/` and `profiles/` of this package."""
    for place in PLACES:
        if (place / "workflow" / SNAKEFILE).is_file():
            return place
    raise UserError(
        f"{PACKAGE}: this installation has no workflow; install gaittake as a wheel (`pip install "
        "FOLDER`), or as editable from a clone (`pip install --editable FOLDER`)"
    )


def _without_links(text: str) -> str:
    """Returns a page of the repository whose links to other pages name them: `docs/install.md`."""
    return re.sub(r"\[([^\]]+)\]\(\.\./([^)#]+)[^)]*\)", r"\1 (`\2`)", text)
