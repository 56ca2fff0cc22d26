"""The workflow away from its clone: from a wheel, as a module, in other environments."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.workflow.project import REPOSITORY, SOURCES, fresh_project, started

SETUPTOOLS = 77  # pyproject.toml needs it
BUILT_FROM = (*SOURCES, "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
CHECK = "results/smoke/check.json"  # renders and indexes: seconds
MODULE = """
module gaittake:
    snakefile: "{snakefile}"
    config: config
    {prefix}

use rule * from gaittake as gait_*
"""
# A Snakemake whose Python does not have the package.
BARE = "import sys; sys.modules['gaittake'] = None; from snakemake.cli import main; main()"


def snakemake(
    folder: Path, *arguments: str, packages: Path = REPOSITORY, path: Path | None = None
) -> tuple[int, str]:
    """Runs Snakemake in a folder; returns its exit code and what it said.

    Args:
        folder: the working directory.
        arguments: of Snakemake.
        packages: folder that stands for the installed packages: the one that has gaittake.
        path: a folder of programs that come first.
    """
    environment = os.environ | {"PYTHONPATH": str(packages), "CUDA_VISIBLE_DEVICES": ""}
    if path:
        environment["PATH"] = f"{path}{os.pathsep}{os.environ['PATH']}"
    start = ["-c", BARE] if packages == Path() else ["-m", "snakemake"]
    done = subprocess.run(
        [sys.executable, *start, "--cores", "1", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    return done.returncode, done.stdout


def project_with(folder: Path, snakefile: str, prefix: str = "") -> Path:
    """Writes a project whose Snakefile uses the workflow as a module."""
    folder.mkdir()
    shutil.copytree(REPOSITORY / "config", folder / "config")
    (folder / "Snakefile").write_text(MODULE.format(snakefile=snakefile, prefix=prefix))
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which a wheel of the project is unpacked."""
    if int(version("setuptools").partition(".")[0]) < SETUPTOOLS:
        pytest.skip(f"setuptools {SETUPTOOLS} or newer builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in BUILT_FROM:
        place = REPOSITORY / name
        (shutil.copytree if place.is_dir() else shutil.copy2)(place, source / name)
    build = ["wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", str(folder), str(source)]
    done = subprocess.run([sys.executable, "-m", "pip", *build], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def lab(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `gaittake init` of the wheel writes."""
    folder = tmp_path_factory.mktemp("empty")
    code, said = gaittake(installed, folder, "init", "lab")
    assert code == 0, said
    assert "snakemake --cores all results/walkers_rank1.csv" in said
    return folder / "lab"


def gaittake(installed: Path, folder: Path, *arguments: str) -> tuple[int, str]:
    """Runs the command of the wheel; returns its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gaittake", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_wheel_has_the_workflow_settings_profiles_and_environments(installed: Path) -> None:
    for name in SOURCES:
        if name == "gaittake":
            continue
        place = REPOSITORY / name
        for path in [place] if place.is_file() else place.rglob("*"):
            if path.is_file():
                brought = installed / "gaittake" / "project" / path.relative_to(REPOSITORY)
                assert brought.read_bytes() == path.read_bytes()


def test_an_installed_wheel_plans_every_stage_of_the_rendered_dataset(
    lab: Path, installed: Path
) -> None:
    targets = ("results/walkers_rank1.csv", "results/walkers_report.html")
    code, said = snakemake(lab, "--dry-run", *targets, packages=installed)
    assert code == 0, said
    assert {"render", "train gaittake", "compare", "report"} <= {*started(said), "render"}
    assert "profile profiles/default" in said
    code, everything = snakemake(lab, "--dry-run", packages=installed)
    assert code == 0, everything
    assert set(started(said)) == set(started(everything)) - {"default"}


def test_an_installed_wheel_runs_its_own_code_and_then_has_nothing_to_do(
    lab: Path, installed: Path
) -> None:
    code, said = snakemake(lab, CHECK, packages=installed)
    assert code == 0, said
    assert json.loads((lab / CHECK).read_text())["fault"] is None
    code, said = snakemake(lab, "--dry-run", CHECK, packages=installed)
    assert "Nothing to be done" in said
    # The code that the fingerprint reads is the installed one.
    module = installed / "gaittake" / "sources" / "check.py"
    before = module.read_text()
    module.write_text(f"{before}\n\nADDED_BY_A_TEST = 1\n")
    code, said = snakemake(lab, "--dry-run", CHECK, packages=installed)
    module.write_text(before)
    assert started(said) == ["check"], said


def test_a_project_is_never_overwritten(lab: Path, installed: Path) -> None:
    settings = lab / "config" / "walkers.yaml"
    before = settings.read_text()
    settings.write_text("mine")
    code, said = gaittake(installed, lab.parent, "init", "lab")
    assert code == 1
    assert "lab: has Snakefile, config, profiles already" in said
    assert settings.read_text() == "mine"
    settings.write_text(before)


def test_the_page_of_a_projects_settings_links_to_no_file_that_it_lacks(lab: Path) -> None:
    assert "](../" in (REPOSITORY / "config" / "README.md").read_text()
    page = (lab / "config" / "README.md").read_text()
    assert "](../" not in page
    assert "CASIA-B (`docs/casiab.md`)" in page


def test_a_module_with_a_prefix_keeps_all_its_files_below_it(tmp_path: Path) -> None:
    folder = project_with(
        tmp_path / "lab", str(REPOSITORY / "workflow" / "Snakefile"), 'prefix: "runs"'
    )
    targets = ("runs/results/smoke_rank1.csv", "runs/results/smoke_report.html")
    code, said = snakemake(folder, "--dry-run", "--printshellcmds", *targets)
    assert code == 0, said
    assert {"gait_train gaittake", "gait_report"} <= set(started(said))
    assert len(re.findall(r"(?<!\w)runs/results/", said)) > 100
    assert not re.findall(r"(?<!runs/)results/", said)
    code, said = snakemake(folder, f"runs/{CHECK}")
    assert code == 0, said
    assert (folder / "runs" / CHECK).is_file()
    assert not (folder / "results").exists()
    code, said = snakemake(folder, "--dry-run", "runs/results/smok_rank1.csv")
    assert "config/smok.yaml: there is no such settings file" in said


def test_data_of_the_settings_lies_where_they_say_whatever_the_prefix(tmp_path: Path) -> None:
    folder = project_with(
        tmp_path / "lab", str(REPOSITORY / "workflow" / "Snakefile"), 'prefix: "runs"'
    )
    smoke = yaml.safe_load((folder / "config" / "smoke.yaml").read_text())
    smoke["pose"] |= {"teacher_weights": "data/teacher.pt"}
    (folder / "config" / "smoke.yaml").write_text(yaml.safe_dump(smoke))
    (folder / "data").mkdir()
    (folder / "data" / "teacher.pt").touch()
    code, said = snakemake(folder, "--dry-run", "runs/results/smoke/pose/teacher.pt")
    assert code == 0, said
    assert re.search(r"input: (?:.*, )?data/teacher.pt", said)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_module_of_a_git_repository_runs_the_installed_package(tmp_path: Path) -> None:
    remote = fresh_project(tmp_path / "remote").folder
    shutil.rmtree(remote / "gaittake")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (("init", "-q", "-b", "main"), ("add", "."), (*author, "commit", "-qm", "all")):
        subprocess.run(["git", *command], cwd=remote, check=True)
    folder = project_with(tmp_path / "lab", f"git+file://{remote}/workflow/Snakefile@main")
    code, said = snakemake(folder, CHECK)
    assert code == 0, said
    assert (folder / CHECK).is_file()
    code, said = snakemake(folder, "--dry-run", CHECK, packages=Path())
    assert code == 1
    assert f"{sys.executable}, which runs Snakemake, does not find the Python package" in said


# Stands for conda: an environment has the libraries, and not the package.
CONDA = """#!/bin/bash
case "$*" in
    "info --json") echo '{{"conda_prefix": "{folder}", "platform": "linux-64"}}' ;;
    --version) echo "conda 24.7.1" ;;
    config*) echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
    "env create"*)
        while [ $# -gt 0 ] && [ "$1" != --prefix ]; do shift; done
        cp -rs {folder}/environment "$2" ;;
esac
"""
# Stands for apptainer: notes the image and runs the command on this machine.
APPTAINER = """#!/bin/bash
[ "$1" = --version ] && echo "apptainer version 1.3.0" && exit
echo "$*" >> {folder}/asked
while [ $# -gt 0 ] && [ "$1" != bash ]; do shift; done
exec "$@"
"""


def program(folder: Path, name: str, text: str) -> Path:
    """Writes a program into the folder's `bin`; returns that."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.format(folder=folder))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path.parent


def test_jobs_in_environments_of_their_own_run_the_installed_package(
    lab: Path, installed: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "environment", symlinks=True)
    (site,) = (tmp_path / "environment").glob("lib/*/site-packages")
    libraries = Path(yaml.__file__).parents[1]
    (site / "libraries.pth").write_text(f"{libraries}\n")  # a .pth below it counts for nothing
    path = program(tmp_path, "conda", CONDA)
    program(tmp_path, "activate", 'export PATH="$1/bin:$PATH"\n')
    method = ("--software-deployment-method", "conda", "--forceall", "--conda-prefix")
    code, said = snakemake(lab, CHECK, *method, str(tmp_path), packages=installed, path=path)
    assert code == 0, said
    assert "Activating conda environment" in said
    assert (lab / ".snakemake/gaittake/gaittake").resolve() == installed / "gaittake"


def test_jobs_run_in_the_container_that_the_config_names(
    lab: Path, installed: Path, tmp_path: Path
) -> None:
    path = program(tmp_path, "apptainer", APPTAINER)
    program(tmp_path, "singularity", APPTAINER)
    image = tmp_path / "gaittake.sif"
    image.touch()
    method = ("--software-deployment-method", "apptainer", "--config", f"container={image}")
    arguments = (CHECK, "--forceall", *method)
    code, said = snakemake(lab, *arguments, packages=installed, path=path)
    assert code == 0, said
    asked = (tmp_path / "asked").read_text()
    for stage in ("render", "index", "check"):
        assert re.search(rf"exec .*{image}.*gaittake {stage} smoke", asked, re.DOTALL), asked
