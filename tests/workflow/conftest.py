"""What several tests of whole runs share: one run that nothing disturbed."""

import os

import pytest
from filelock import FileLock

from tests.workflow.project import TARGET, Project, fresh_project


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The smoke dataset, from a fresh clone to its table. Copy it to change it.

    pytest's processes share it: the first one that needs it makes it, the others wait.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    project = Project(folder / "unbroken")
    with FileLock(folder / "unbroken.lock"):
        if not (project.folder / TARGET).exists():
            fresh_project(project.folder)
            code, said = project.snakemake("--cores", "2", TARGET)
            assert code == 0, said
    return project
