"""What the rules ask of their dataset's settings, their stage's code, and the shards.

Snakemake runs a job again when its inputs or params changed. So two params stand in every rule,
`settings`, one JSON string of what its stage reads, and `code`, a digest of the code it reaches.
"""

import functools
import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The rules run the package beside them with the Python that runs Snakemake, activated or not.
REPOSITORY = str(Path(workflow.current_basedir).resolve().parents[1])
sys.path.insert(0, REPOSITORY)
os.environ.update(
    PYTHONPATH=os.pathsep.join([REPOSITORY, os.getenv("PYTHONPATH", "")]),
    PATH=os.pathsep.join([str(Path(sys.executable).parent), os.getenv("PATH", "")]),
)

from gaittake.pipeline import plan, subjects
from gaittake.errors import UserError
from gaittake.pipeline.fingerprint import fingerprint
from gaittake.settings import canonical, load_settings


def told(function):
    """Makes what a user can mend one line of Snakemake's, and remembers the answers."""

    @functools.cache
    @functools.wraps(function)
    def asked(*arguments, **named):
        try:
            return function(*arguments, **named)
        except UserError as error:
            raise WorkflowError(str(error)) from None

    return asked


@told
def settings_of(dataset):
    """Settings of config/{dataset}.yaml, changed by `--config set="section.field=value …"`."""
    chosen = config.get("set") or []
    overrides = chosen.split() if isinstance(chosen, str) else chosen
    return load_settings(Path("config", f"{dataset}.yaml"), tuple(overrides))


@told
def shards_of(dataset, part=""):
    """Names of the shards; `part` takes those of the `train` or `test` subjects."""
    return [name for name in subjects.shards(settings_of(dataset)) if name.startswith(part)]


@told
def runs_of(dataset, table):
    """Names of the trainings behind a table: each method, each seed."""
    settings = settings_of(dataset)
    return [run for method in settings.rows(table) for run in plan.runs(settings, method)]


@told
def learns(dataset, run):
    """Whether a run trains a network."""
    settings = settings_of(dataset)
    return settings.method(plan.method_of(run, settings)[0]).network != "gei"


@told
def record_of(dataset, stage, **parts):
    return canonical(plan.stage_settings(settings_of(dataset), stage, **parts))


digest_of = told(fingerprint)


def record(stage):
    """Param: what the stage reads of the settings, as JSON."""
    return lambda w: record_of(
        w.dataset, stage, shard=w.get("shard"), method=w.get("method"), table=w.get("table")
    )


def code(module):
    """Param: digest of the code that the stage reaches."""
    return lambda w: digest_of(module)


def options(*names):
    """Param: `--name file` for each input file of these names, nothing where there is none."""

    def text(wildcards, input):
        found = {name: input.get(name, []) for name in names}
        return " ".join(
            f"--{name.replace('_', '-')} {shlex.quote(path)}"
            for name, paths in found.items()
            for path in ([paths] if isinstance(paths, str) else paths)
        )

    return text


def growing(amount):
    """Resource: so much, and as much again with each new attempt (`retries` of a profile)."""
    return lambda wildcards, attempt: amount * attempt


def every(pattern, part=""):
    """Input: a file for each shard of the dataset."""
    return lambda w: expand(pattern, dataset=w.dataset, shard=shards_of(w.dataset, part))
