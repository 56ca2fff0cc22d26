"""What the rules ask of their dataset: its settings, its shards, its files, its stages' code.

Snakemake runs a job again when its inputs or params changed. So two params are in every rule,
`settings`, what its stage reads of the settings as JSON, and `code`, a digest of its stage's code.
"""

import functools
import os
import re
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

from gaittake.errors import UserError
from gaittake.pipeline import gpu_jobs, inputs, plan
from gaittake.pipeline.fingerprint import fingerprint
from gaittake.pipeline.job import Job
from gaittake.settings import canonical, digest_of, split_changes

# Settings changed by `--config set="section.field=value section.field=value"`.
CHANGED = config.get("set") or []
if isinstance(CHANGED, str):
    CHANGED = split_changes(CHANGED)


def user_errors(function):
    """Turns UserError into WorkflowError and caches results."""

    @functools.cache
    @functools.wraps(function)
    def asked(*arguments, **named):
        try:
            return function(*arguments, **named)
        except UserError as error:
            raise WorkflowError(str(error)) from None

    return asked


@user_errors
def whole(dataset):
    return Job(dataset, tuple(CHANGED))


@user_errors
def part_of(dataset, **part):
    return whole(dataset).at(**part)


def job_of(wildcards):
    """Returns what a job of Snakemake's works on."""
    parts = {name: wildcards.get(name) for name in ("shard", "method", "table")}
    return part_of(wildcards.dataset, **parts)


@user_errors
def settings_of(stage, job):
    return getattr(plan, stage)(job)


def settings(stage):
    """Param: what the stage reads of the settings, as JSON."""
    return lambda w: canonical(settings_of(stage, job_of(w)))


fingerprint_of = user_errors(fingerprint)


def code(module):
    """Param: the digest of the code that the stage reaches."""
    return lambda w: fingerprint_of(module)


@user_errors
def require_files(dataset):
    """Checks that the files and folders exist that the dataset and its lenders name."""
    waiting, done = [dataset], set()
    while waiting:
        name = waiting.pop()
        if name not in done:
            inputs.require_files(whole(name))
            waiting += inputs.lenders(whole(name))
            done.add(name)


@user_errors
def files_of(name, job):
    require_files(job.dataset)
    found = getattr(inputs, name)(job)
    return str(found) if isinstance(found, Path) else [str(path) for path in found]


def files(name, **part):
    """Input: files that depend on the dataset's settings; see `gaittake.pipeline.inputs`."""
    return lambda w: files_of(name, part_of(w.dataset, **part) if part else job_of(w))


def every(name, part=""):
    """Input: a file for each shard, or for those of the `train` or `test` subjects."""
    return lambda w: [str(path) for path in user_errors(job_of(w).each)(name, part)]


# Input of the rules that train: nothing is trained before the check. Another check, for an added
# subject, does not run them again.
checked = ancient("results/{dataset}/check.json")


def options(*names, stage=None):
    """Param: the changed settings, the digest of the stage's settings, the inputs of these names.

    A param that is a function of the inputs is not tracked: what a change means for the stage
    stands in its `settings`.
    """

    def text(wildcards, input):
        found = [f"--set {shlex.quote(change)}" for change in CHANGED]
        if stage:
            found.append(f"--settings-digest {digest_of(settings_of(stage, job_of(wildcards)))}")
        for name in names:
            paths = input.get(name, [])
            for path in [paths] if isinstance(paths, str) else paths:
                found.append(f"--{name.replace('_', '-')} {shlex.quote(path)}")
        return " ".join(found)

    return text


def per_attempt(amount):
    """Resource: this amount, and as much again with each new attempt (`retries` of a profile).

    `amount`: a number, or a function of the wildcards. If a GPU's memory was too small, an attempt
    cannot help and asks for no more.
    """

    def asked(wildcards, attempt, rulename):
        if attempt > 1:
            out = workflow.get_rule(rulename).output[0].apply_wildcards(wildcards)
            attempt = 1 if gpu_jobs.out_of_memory(Path(out)) else attempt
        return attempt * (amount(wildcards) if callable(amount) else amount)

    return asked


def detector_memory(wildcards):
    """Returns the megabytes of a job that runs the detector: measured 5,300 and 1,200."""
    backbone = job_of(wildcards).settings.pose.detector.backbone
    return 6000 if backbone == "resnet50" else 2000


# A target that no rule can make ends here, in one line; an input function's error has a traceback.
for target in sys.argv[1:]:
    named = re.fullmatch(r"results/([\w.-]+)_([a-z0-9]+)\.(csv|md|html)", target)
    part = re.match(r"results/([\w.-]+)/", target)
    try:
        if named:
            dataset, table, ending = named.groups()
            files_of("metrics", part_of(dataset, table="rank1" if ending == "html" else table))
        elif part:
            require_files(part[1])
    except WorkflowError as error:
        sys.exit(f"{target}: {error}")
