"""Facts stated in several files agree: versions, commands, stages, the licence, the citation."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import gaittake

REPOSITORY = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
README = (REPOSITORY / "README.md").read_text()
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
PEOPLE = EXTRAS["people"]
STAGES = {*PROJECT["dependencies"], *EXTRAS["pipeline"]}
ENVIRONMENTS = sorted((REPOSITORY / "envs").glob("*.yaml"))


def conda_and_pip(path: Path) -> tuple[list[str], list[str]]:
    """Returns the conda packages and the pip packages of an environment file."""
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    pip = [item["pip"] for item in dependencies if isinstance(item, dict)]
    return [item for item in dependencies if isinstance(item, str)], pip[0]


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.name)
def test_the_environments_of_the_rules_have_the_projects_versions(path: Path) -> None:
    conda, pip = conda_and_pip(path)
    assert f"python{PROJECT['requires-python']}" in conda
    assert pip == sorted(pip)
    assert not set(pip) - STAGES - set(PEOPLE)


def test_every_library_is_in_an_environment_of_the_rules() -> None:
    # Snakemake runs outside these environments, and no stage runs an exported model.
    named = {item for path in ENVIRONMENTS for item in conda_and_pip(path)[1]}
    outside = {item for item in STAGES if item.startswith(("snakemake", "onnxruntime"))}
    assert len(outside) == 2
    assert named | outside == STAGES | set(PEOPLE)


def test_the_conda_environment_is_the_project_itself() -> None:
    conda, pip = conda_and_pip(REPOSITORY / "environment.yml")
    assert f"python{PROJECT['requires-python']}" in conda
    assert pip == ["--editable .[pipeline,onnx,test,docs]"]


def test_every_rule_names_an_environment_that_exists() -> None:
    for rules in (REPOSITORY / "workflow" / "rules").glob("*.smk"):
        for name in re.findall(r"conda:\s+\"(.+)\"", rules.read_text()):
            assert (rules.parent / name).resolve() in ENVIRONMENTS


def test_the_readme_is_short_and_its_first_screen_has_status_commands_and_requirements() -> None:
    lines = README.splitlines()
    assert len(lines) < 130
    first_screen = "\n".join(lines[:30])
    assert re.search(r"^make demo\b.*\nsource \.venv/bin/activate$", first_screen, re.MULTILINE)
    assert "Not yet run on CASIA-B or OU-MVLP" in first_screen
    version = PROJECT["requires-python"].removeprefix(">=")
    assert re.search(rf"Linux.* Python {version}", first_screen)


def test_the_readmes_test_command_is_what_ci_runs() -> None:
    script = REPOSITORY / ".ci" / "run"
    commands = re.findall(r"^make \w+", README, re.MULTILINE)
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == f"exec {commands[-1]}" == "exec make test"
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())
    assert workflow["jobs"]["test"]["steps"][-1] == {"run": ".ci/run"}


def test_the_lock_has_a_fitting_version_of_every_direct_dependency() -> None:
    locked = dict(
        line.split("==")
        for line in (REPOSITORY / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    names = {canonicalize_name(name): version for name, version in locked.items()}
    locked_extras = ("pipeline", "onnx", "test", "docs", "slurm")
    for text in [*PROJECT["dependencies"], *(i for name in locked_extras for i in EXTRAS[name])]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(names[canonicalize_name(requirement.name)]), text


def test_the_lock_is_for_any_platform() -> None:
    text = (REPOSITORY / "constraints.txt").read_text()
    assert not re.search(r"^(?:nvidia|cuda|triton)|\+|@|://", text, re.MULTILINE)


def test_the_citation_file_cites_this_version_and_the_paper() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert citation["version"] == gaittake.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    (paper,) = citation["references"]
    assert paper["title"] in README.replace("{GaitTAKE}", "GaitTAKE")
    assert f"[{gaittake.__version__}]" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_make_installs_the_extras_that_its_targets_need() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    found = dict(re.findall(r"^\.venv/(\w+): EXTRAS := (.+)$", makefile, re.MULTILINE))
    assert found == {"demo": "pipeline", "test": "pipeline,onnx,test,docs,slurm"}
    assert {name for names in found.values() for name in names.split(",")} <= EXTRAS.keys()


def test_the_base_install_has_no_training_and_no_workflow() -> None:
    # The library of an exported model, and nothing of gigabytes.
    names = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert "onnxruntime" in names
    assert not names & {"torch", "torchvision", "snakemake", "tensorboard", "pandas", "h5py"}


def test_every_make_command_of_the_contributing_page_exists() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    commands = re.findall(r"`make (\w+)", (REPOSITORY / "CONTRIBUTING.md").read_text())
    assert {"check", "test", "docs", "lock"} <= set(commands)
    for command in commands:
        assert f"\n{command}:" in makefile


def test_every_link_of_the_readmes_works() -> None:
    for path in (*REPOSITORY.glob("*.md"), REPOSITORY / "config" / "README.md"):
        for target in re.findall(r"\]\((?!http)([^)]+)\)", path.read_text()):
            file, _, anchor = target.partition("#")
            assert (path.parent / file).exists(), f"{path}: {target}"
            titles = (
                re.findall(r"^#+ (.+)$", (path.parent / file).read_text(), re.M) if anchor else []
            )
            slugs = [
                re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles
            ]
            assert not anchor or anchor in slugs, f"{path}: {target}"


def test_the_licence_is_apache_2_in_full() -> None:
    text = (REPOSITORY / "LICENSE").read_text()
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_default_profile_limits_no_gpu() -> None:
    # On a cluster this limit would apply to all jobs together.
    profile = yaml.safe_load((REPOSITORY / "profiles" / "default" / "profile.yaml").read_text())
    assert "resources" not in profile
    assert profile["rerun-incomplete"] is True


def test_the_page_of_the_architecture_names_every_stage() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    stages = re.findall(r"^rule (\w+):", _rules(), re.MULTILINE)
    assert len(stages) == 21
    for stage in set(stages) - {"merge"}:  # one line with cache
        assert f"| `{stage.replace('_', '-')}` |" in page


def test_the_map_of_the_architecture_has_every_package_and_module() -> None:
    drawing = (REPOSITORY / "docs" / "architecture.svg").read_text()
    for path in (REPOSITORY / "gaittake").iterdir():
        if path.suffix == ".py" or (path / "__init__.py").exists():
            assert path.stem.startswith("__") or path.stem in drawing, path.name


def _rules() -> str:
    return "\n".join(p.read_text() for p in (REPOSITORY / "workflow" / "rules").glob("*.smk"))
