"""What several tests of whole runs share: one run that nothing disturbed."""

import pytest

from tests.workflow.project import TARGET, Project, fresh_project


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The smoke dataset, from a fresh clone to its table. Copy it to change it."""
    project = fresh_project(tmp_path_factory.mktemp("unbroken") / "project")
    code, said = project.snakemake("--cores", "2", TARGET)
    assert code == 0, said
    return project
