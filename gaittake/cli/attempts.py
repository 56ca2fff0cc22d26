"""Jobs that are not retried, because the memory of a GPU was too small.

Snakemake tries a failed job again (`retries`) with more host memory, whatever the reason was. The
command notes the reason beside its output; the next attempt ends at once with the same message.
"""

from pathlib import Path

from gaittake.errors import UserError
from gaittake.pipeline import gpu_jobs


def refuse_hopeless(arguments: list[str]) -> None:
    """Checks that the job did not run out of GPU memory before, in this run of Snakemake.

    Raises:
        UserError: it did; the message is that of the first attempt.
    """
    if out := _out(arguments):
        if message := gpu_jobs.out_of_memory(out):
            raise UserError(f"{message} (Not tried again in this run.)")
        gpu_jobs.forget_out_of_memory(out)


def note_hopeless(arguments: list[str], message: str) -> None:
    """Notes that a GPU's memory was too small, for the next attempt."""
    if out := _out(arguments):
        gpu_jobs.note_out_of_memory(out, message)


def _out(arguments: list[str]) -> Path | None:
    """Returns the job's first output."""
    if "--out" not in arguments[:-1]:
        return None
    return Path(arguments[arguments.index("--out") + 1])
