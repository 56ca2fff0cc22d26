"""Puts the workflow, the settings of the datasets and the profiles into the wheel.

They lie in the root of the repository, where Snakemake and its catalogue look for them. The rest of
the build is described in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CARRIED = ("Snakefile", "workflow", "config", "profiles", "envs")


class BuildWithWorkflow(build_py):
    """Copies CARRIED to `gaittake/project`; an editable install finds them in the repository."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib, "gaittake", "project")
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier build
        folder.mkdir(parents=True)
        for source in map(Path, CARRIED):
            if source.is_dir():
                shutil.copytree(source, folder / source, ignore=shutil.ignore_patterns(".*"))
            else:
                shutil.copy2(source, folder)


setup(cmdclass={"build_py": BuildWithWorkflow})
