"""What the rules ask of their dataset: its settings, its shards, its files, its stages' code.

Snakemake runs a job again when its inputs or params changed. So two params are in every rule,
`settings`, what its stage reads of the settings as JSON, and `code`, a digest of its stage's code.
"""

import functools
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import flag
from snakemake.path_modifier import PATH_MODIFIER_FLAG

from gaittake.errors import UserError
from gaittake.pipeline import gpu_jobs, inputs, plan
from gaittake.pipeline.fingerprint import fingerprint
from gaittake.pipeline.job import Job
from gaittake.settings import canonical, digest_of, split_changes

# Settings changed by `--config set="section.field=value section.field=value"`.
try:
    CHANGED = split_changes(config.get("set"))
except UserError as error:
    sys.exit(str(error))

# Where the results lie: below the `prefix` of `module`, if this workflow is one.
RESULTS = Path(workflow.modifier.path_modifier.replace_prefix("results/all")).parent


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
    return Job(dataset, tuple(CHANGED), results=RESULTS)


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


def as_input(path):
    """Returns a path for Snakemake, which puts a module's prefix before it; data has none."""
    if path.is_relative_to(RESULTS):
        return str("results" / path.relative_to(RESULTS))
    return str(path) if RESULTS == Path("results") else flag(str(path), PATH_MODIFIER_FLAG)


@user_errors
def paths_of(name, job):
    require_files(job.dataset)
    return getattr(inputs, name)(job)


def files_of(name, job):
    found = paths_of(name, job)
    return as_input(found) if isinstance(found, Path) else [as_input(path) for path in found]


def files(name, **part):
    """Input: files that depend on the dataset's settings; see `gaittake.pipeline.inputs`."""
    return lambda w: files_of(name, part_of(w.dataset, **part) if part else job_of(w))


def every(name, part=""):
    """Input: a file for each shard, or for those of the `train` or `test` subjects."""
    return lambda w: [as_input(path) for path in user_errors(job_of(w).each)(name, part)]


def in_results(name):
    """Param: a folder of the dataset that no rule declares, so that Snakemake never deletes it."""
    return lambda w: str(job_of(w).path(name))


# Input of the rules that train: nothing is trained before the check. Another check, for an added
# subject, does not run them again.
checked = ancient("results/{dataset}/check.json")


def options(*names, stage=None, **named):
    """Param: the changed settings, the digest of the stage's settings, the inputs of these names.

    `named`: options for files that are no inputs, each with its function in
    `gaittake.pipeline.inputs`. A param that is a function of the inputs is not tracked: what a change means for the stage
    stands in its `settings`.
    """

    def text(wildcards, input):
        found = [f"--set {shlex.quote(change)}" for change in CHANGED]
        if stage:
            found.append(f"--settings-digest {digest_of(settings_of(stage, job_of(wildcards)))}")
        given = {name: input.get(name, []) for name in names}
        given |= {name: paths_of(each, job_of(wildcards)) for name, each in named.items()}
        for name, paths in given.items():
            for path in [paths] if isinstance(paths, str) else paths:
                found.append(f"--{name.replace('_', '-')} {shlex.quote(str(path))}")
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


def detector_threads(wildcards):
    """Returns the threads of a detector's training; a small one is slower with 2 than with 1."""
    return 8 if job_of(wildcards).settings.pose.detector.backbone == "resnet50" else 1


def network_memory(wildcards):
    """Returns the megabytes of a job that trains or runs a network; a small one: measured 1,440.

    A cache that does not fit is read from its file, so its size does not matter.
    """
    return 4000 if job_of(wildcards).settings.size == "small" else 16000
