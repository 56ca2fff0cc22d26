"""Which gaittake the workflow runs: beside it in a clone, elsewhere the installed one."""

import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake_interface_executor_plugins.settings import DeploymentMethod

# A workflow that is a remote module has no folder; an installed one lies inside the package.
RULES = workflow.current_basedir
CLONE = Path(RULES).resolve().parents[1] if isinstance(RULES, os.PathLike) else None
if CLONE and not (CLONE / "gaittake").is_dir():
    CLONE = None


def put_first(variable, folder):
    """Puts a folder first in a list of folders that the jobs inherit."""
    os.environ[variable] = os.pathsep.join([str(folder), os.getenv(variable, "")])


# The jobs run with the Python that runs Snakemake, activated or not.
put_first("PATH", Path(sys.executable).parent)
if CLONE:
    sys.path.insert(0, str(CLONE))
    put_first("PYTHONPATH", CLONE)
try:
    from gaittake.pipeline.project import only_package
except ModuleNotFoundError as error:
    raise WorkflowError(
        f"{sys.executable}, which runs Snakemake, does not find the Python package that this "
        f"workflow runs ({error}): install gaittake there, in the version of the workflow"
    )

# The environments of the rules hold the libraries alone, and Snakemake takes PYTHONPATH from their
# jobs. The first words are Snakemake's own prefix, which this one replaces.
if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method:
    place = CLONE or only_package(Path(".snakemake") / "gaittake")
    shell.prefix(f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(place))};")
