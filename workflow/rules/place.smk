"""Where the jobs run: those here take turns on the GPU, those of a cluster get their own."""

import contextlib
import functools
import io
import re
import subprocess

from snakemake.cli import parse_args

from gaittake import cards
from gaittake.errors import UserError
from gaittake.machine import physical_memory
from gaittake.pipeline import gpu_jobs

DEVICES = Path(os.devnull).parent
CONTROL_GROUPS = DEVICES.parent / "sys" / "fs" / "cgroup"
# Finished jobs are looked for every three minutes at the latest.
SECONDS_REMEMBERED = 240

# `--config device=cpu`: jobs that were granted a GPU compute on the CPU all the same.
try:
    DEVICE = gpu_jobs.checked_device(config.get("device", "auto"))
except UserError as error:
    sys.exit(str(error))
gpu_jobs.name_run()


@functools.cache
def gpu_here():
    """Tells whether PyTorch finds a GPU on this machine; prints why it does not find one."""
    if DEVICE == "cpu" or cards.hidden() or not cards.device_nodes(DEVICES):
        return False
    fault = gpu_jobs.why_unseen()
    if fault:
        print(f"The GPU of this machine is not used: {fault}", file=sys.stderr)
    return not fault


def memory_here():
    """Returns the megabytes of memory that the jobs on this machine may use together."""
    limits = [physical_memory()]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # of a container
        path = CONTROL_GROUPS / name
        text = path.read_text().strip() if path.exists() else ""
        if text.isdecimal():
            limits.append(int(text))
    return min(limits) // 2**20


def why_no_end_is_seen(asked_by, slurm):
    """Returns why Snakemake would never learn that a job ended; nothing where it would.

    `asked_by` is the command that it asks, `slurm` what `scontrol show config` prints.
    """
    found = dict(re.findall(r"^(AccountingStorageType|MinJobAge)\s*=\s*(\S+)", slurm, re.M))
    age, database = found.get("MinJobAge", "0"), found.get("AccountingStorageType", "none")
    sees = {
        "squeue": int(age) >= SECONDS_REMEMBERED,
        "sacct": not database.endswith(("none", "(null)")),
    }
    faults = {
        "squeue": f"this Slurm forgets a job {age} s after its end (MinJobAge), before squeue is "
        f"asked; {SECONDS_REMEMBERED} s are required",
        "sacct": "this Slurm has no accounting database (AccountingStorageType), which sacct asks",
    }
    if sees[asked_by]:
        return ""
    for other in sees:
        if sees[other]:
            return (
                f"{faults[asked_by]}. In profiles/slurm/profile.yaml: slurm-status-command: {other}"
            )
    return f"{faults[asked_by]}. Ask the cluster's administrator for MinJobAge=300"


def device(wildcards, resources):
    """Param: where a job computes; not on a CPU if a cluster gives it a GPU."""
    granted = on_cluster or gpu_jobs.granted_by_slurm()
    chosen = gpu_jobs.device_of(resources.gpu, chosen=DEVICE, granted=granted)
    return f"--device {chosen}"


def training_memory(wildcards):
    """Returns the megabytes of a training: the process of each GPU holds all frames."""
    gpus = rules.train.rule.resources["gpu"]
    context = {"input": [], "attempt": 1, "threads": 1, "async_run": workflow.async_run}
    asked = gpus.evaluate(wildcards, rulename=rules.train.rule.name, **context)
    return network_memory(wildcards) * max(
        1, asked.constrain(workflow.global_resources.get("gpu")).value
    )


def starter(wildcards, resources):
    """Param: what starts a training; with several GPUs, a process for each."""
    several = resources.gpu > 1
    return f"torchrun --standalone --nproc-per-node {resources.gpu}" if several else "python"


def only_planned_here():
    """Returns whether this is a dry run of a run on this machine.

    Snakemake takes its `--jobs` for nodes, and tells a workflow no executor.
    """
    if not workflow.output_settings.dryrun:
        return False
    with contextlib.redirect_stderr(io.StringIO()):  # it names the profile a second time
        _, given = parse_args(sys.argv[1:])
    return given.executor in (None, "local")


# A run on this machine has no limit of nodes.
on_this_machine = workflow.is_main_process and (
    workflow.resource_settings.nodes is None or only_planned_here()
)
on_cluster = workflow.remote_exec or (workflow.is_main_process and not on_this_machine)
# This limit stands in no profile, since Snakemake would take it along to a cluster, and let one job
# at a time have a GPU there.
if on_this_machine and "gpu" not in workflow.global_resources and gpu_here():
    workflow.global_resources["gpu"] = 1


# Nor does this limit stand in a profile: each machine has its own memory. A job that asks for more
# than all of it runs alone.
if on_this_machine and "mem_mb" not in workflow.global_resources:
    workflow.global_resources["mem_mb"] = memory_here()


# A training that takes days on a CPU is announced before the first job, with its hours.
LONG_STEPS = 5000


def announce_long_trainings():
    """Prints the hours of each long training that would run without a GPU."""
    for job in workflow.dag.needrun_jobs():
        if job.rule.name != "train":
            continue
        dataset, method = job.wildcards.dataset, job.wildcards.method
        if settings_of("train", job_of(job.wildcards)).train.steps >= LONG_STEPS:
            changes = [word for change in CHANGED for word in ("--set", change)]
            command = [sys.executable, "-m", "gaittake", "train", dataset, "--method", method]
            estimate = subprocess.run(
                [*command, *changes, "--estimate"], capture_output=True, text=True
            )
            print(
                f"No GPU found. {estimate.stdout.strip()}. For a training of minutes to hours set "
                f"preset: laptop in config/{dataset}.yaml.",
                file=sys.stderr,
            )


onstart:
    if on_this_machine and not gpu_here():
        announce_long_trainings()
    if workflow.executor_plugin.name == "slurm":
        shown = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True)
        fault = why_no_end_is_seen(workflow.executor_settings.status_command, shown.stdout)
        if fault:
            raise WorkflowError(fault)
