"""What commands share: their options, the job they work on, and where they compute."""

import logging
import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gaittake.cards import device_nodes, hidden, take_card
from gaittake.errors import UserError
from gaittake.machine import keep_freed_memory

if TYPE_CHECKING:
    import torch

    from gaittake.pipeline.job import Job
    from gaittake.settings import Section

logger = logging.getLogger(__name__)
READ = "Files read (default: the pipeline's own)"
WRITTEN = "Files written (default: the pipeline's own; with another --out, beside it)"


class Device(StrEnum):
    """Where to compute."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def reads(what: str) -> Any:
    """Returns the option for a file that a command reads."""
    return typer.Option(help=what, rich_help_panel=READ)


def writes(what: str) -> Any:
    """Returns the option for a file that a command writes."""
    return typer.Option(help=what, rich_help_panel=WRITTEN)


Dataset = Annotated[str, typer.Argument(help="Name of a dataset: config/DATASET.yaml.")]
Shard = Annotated[
    str | None, typer.Option(help="Shard (group of subjects), for example train-000.")
]
Method = Annotated[
    str | None, typer.Option(help="Method, for example gaittake; with a seed: gaittake-seed1.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Change settings; repeatable."),
]
Digest = Annotated[
    str | None,
    typer.Option(
        "--settings-digest",
        help="Fail if the stage's settings have another digest. The workflow passes it, so that "
        "no job runs with settings that changed after the workflow had read them.",
    ),
]
DeviceOption = Annotated[
    Device, typer.Option("--device", help="Where to compute; auto: on a GPU if there is one.")
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads (default: all cores).")]
IndexFile = Annotated[Path | None, reads("Sequences of the shard, .csv.")]
IndexFiles = Annotated[list[Path] | None, reads("Sequences of a shard, .csv; repeatable.")]
RejectsOut = Annotated[Path | None, writes("What the stage skipped and why, .csv.")]
CacheFile = Annotated[Path | None, reads("Cache of the dataset, .h5.")]
KeypointsFiles = Annotated[list[Path] | None, reads("Keypoints of a shard, .h5; repeatable.")]
LabelsFiles = Annotated[list[Path] | None, reads("Pseudo-labels of a shard, .h5; repeatable.")]
TruthFiles = Annotated[
    list[Path] | None, reads("The renderer's true keypoints of a shard, .h5; repeatable.")
]
CheckFile = Annotated[Path | None, reads("Result of `gaittake check`, .json; must have no fault.")]
MetricsFiles = Annotated[list[Path] | None, reads("Metrics of a run, .json; repeatable.")]
RejectsFile = Annotated[Path | None, reads("What the stages skipped and why, .csv.")]
CheckpointFolder = Annotated[
    Path | None, writes("Folder of checkpoints; a restarted run continues.")
]

S = TypeVar("S", bound="Section")


def job_of(
    dataset: str,
    overrides: Sequence[str] | None,
    *,
    shard: str | None = None,
    method: str | None = None,
    table: str | None = None,
) -> "Job":
    """Returns the job that a command works on."""
    from gaittake.pipeline.job import Job
    from gaittake.settings import split_changes

    changes = tuple(change for text in overrides or () for change in split_changes(text))
    return Job(dataset, changes, shard, method, table)


def beside(out: Path | None, ending: str, own: Path) -> Path:
    """Returns the default place of what a command writes besides `--out`.

    Beside another `--out`, so that a trial leaves the pipeline's files alone.

    Args:
        out: the place of the first file; None: the pipeline's own.
        ending: of the name, in place of that of `out`.
        own: the pipeline's own place.
    """
    return own if out is None else out.with_suffix(ending)


def stage_settings(read: "Callable[[Job], S]", job: "Job", digest: str | None) -> S:
    """Returns what a stage reads of the dataset's settings.

    Args:
        read: the stage's function in `gaittake.pipeline.plan`.
        job: what the stage works on.
        digest: that the settings must have; None: any.

    Raises:
        UserError: the settings have another digest.
    """
    from gaittake.settings import digest_of

    settings = read(job)
    if digest is not None and digest_of(settings) != digest:
        raise UserError(
            f"config/{job.dataset}.yaml changed after the workflow had read it; start the workflow "
            "again"
        )
    return settings


def computing_on(device: Device, threads: int | None) -> "torch.device":
    """Returns the device to compute on, and limits the threads of the CPU.

    Processes that `torchrun` started together share the threads, and use one GPU each. A process
    gets a GPU that no other command of gaittake uses, if there is one.

    Raises:
        UserError: there is no GPU although one is asked for, there are too few, or PyTorch has no
            kernels for it.
    """
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if threads is not None:
        threads = max(1, threads // processes)
    limit_threads(threads)
    card = None if device is Device.CPU else take_card(processes)
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    if device is Device.CPU:
        return torch.device("cpu")
    from gaittake.device import check_card, forbid_tf32, why_no_gpu

    if fault := why_no_gpu():
        if device is Device.CUDA:
            raise UserError(
                f"--device cuda: PyTorch finds no GPU: {fault}. To compute on the CPU: --device "
                "cpu, or snakemake --config device=cpu"
            )
        if has_gpu():
            logger.warning("computing on the CPU, although this machine has a GPU: %s", fault)
        return torch.device("cpu")
    found = torch.cuda.device_count()
    if card is None and processes > found:
        raise UserError(
            f"{processes} processes were started on this machine, where PyTorch finds {found} "
            f"GPUs; use torchrun --nproc-per-node {found}"
        )
    # A process that took a GPU sees no other.
    number = 0 if card else int(os.environ.get("LOCAL_RANK", "0"))
    chosen = torch.device("cuda", number)
    check_card(chosen)
    forbid_tf32(convolutions=False)
    return chosen


def network_on(device: Device, threads: int | None) -> "torch.device":
    """Returns the device of a network, as `computing_on`, whose errors it raises."""
    place = computing_on(device, threads)
    if place.type == "cpu":
        keep_freed_memory()
    return place


def has_gpu() -> bool:
    """Returns whether this machine shows a GPU to this process; does not ask PyTorch."""
    return bool(device_nodes()) and not hidden()


def require_check(job: "Job", check: Path | None) -> None:
    """Checks that the index agrees with the protocol, before anything is trained.

    Args:
        job: the dataset.
        check: what `gaittake check` wrote; None: the pipeline's own, if it exists.

    Raises:
        UserError: the index does not.
    """
    from gaittake.sources.check import require_passed

    require_passed(check or job.path("check.json"))


def limit_threads(threads: int | None) -> None:
    """Limits the threads of NumPy and OpenCV; must be called before NumPy is imported."""
    if threads is None:
        return
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
    import cv2

    cv2.setNumThreads(threads)
