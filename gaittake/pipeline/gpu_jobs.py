"""The workflow's jobs on a GPU: where they compute, and which of them are not tried again."""

import os
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path

from gaittake.errors import UserError

DEVICES = ("auto", "cpu", "cuda")
# Set for the jobs of one run of Snakemake, also on the nodes of a cluster.
RUN = "GAITTAKE_RUN"
GRANTED = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE")
ASK = "from gaittake.device import why_no_gpu; print(why_no_gpu())"


def checked_device(value: object) -> str:
    """Returns the value of `--config device=…`.

    Raises:
        UserError: it is no device.
    """
    if value not in DEVICES:
        raise UserError(f"--config device={value}: choose one of {', '.join(DEVICES)}")
    return str(value)


def device_of(gpus: int, *, chosen: str, granted: bool) -> str:
    """Returns the `--device` of a job.

    Args:
        gpus: that its rule asks for.
        chosen: by the user, one of DEVICES.
        granted: whether a cluster gives the job these GPUs. Then it must not compute on the CPU.
    """
    if chosen != "auto":
        return chosen
    if gpus == 0:
        return "cpu"
    return "cuda" if granted else "auto"


def granted_by_slurm() -> bool:
    """Returns whether this process is in a job of Slurm that has a GPU."""
    return any(os.environ.get(name) for name in GRANTED)


def why_unseen() -> str:
    """Returns why PyTorch finds no GPU on this machine; an empty text if it finds one.

    It is asked in another process, because importing it takes seconds. If that process fails,
    the jobs have a PyTorch of their own (`--sdm conda`), and the GPU is taken as found.
    """
    asked = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True)
    return asked.stdout.strip() if asked.returncode == 0 else ""


def name_run() -> None:
    """Names this run of Snakemake for its jobs, unless it is a job itself."""
    os.environ.setdefault(RUN, uuid.uuid4().hex)


def note_out_of_memory(out: Path, message: str) -> None:
    """Notes beside a job's output that a GPU's memory was too small; not for commands by hand."""
    if run := os.environ.get(RUN):
        _note(out).write_text(f"{run}\n{message}\n")


def out_of_memory(out: Path) -> str:
    """Returns the message that an earlier attempt noted in this run of Snakemake, or nothing.

    A new run tries again: the settings may be others, or the GPU free.
    """
    try:
        run, _, message = _note(out).read_text().partition("\n")
    except OSError:
        return ""
    return message.strip() if run == os.environ.get(RUN) else ""


def forget_out_of_memory(out: Path) -> None:
    """Deletes the note of an earlier run."""
    with suppress(NotADirectoryError):  # the command itself names a wrong place
        _note(out).unlink(missing_ok=True)


def _note(out: Path) -> Path:
    return out.with_name(f"{out.name}.out-of-memory")
