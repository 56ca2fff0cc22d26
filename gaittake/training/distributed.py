"""Training with several processes, one for each GPU, started by `torchrun`.

All processes draw the same batch. Each embeds its share of the sequences, gathers the embeddings of
the others and computes the loss of the whole batch. The mean of the processes' gradients is the
gradient of a single process, so the number of processes changes the result only by rounding.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from gaittake.errors import UserError


class Group(NamedTuple):
    """The processes of a training: the rank of this one, from 0, and their number."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and logs."""
        return self.rank == 0

    def any(self, flag: bool) -> bool:
        """Returns whether the flag is set in any process; all processes must call this."""
        if self.size == 1:
            return flag
        # On the CPU, so that the GPUs do not wait.
        flags = torch.tensor([flag], dtype=torch.uint8)
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags)

    def share(self, sequences: int) -> slice:
        """Returns the share of a batch that this process embeds.

        Raises:
            UserError: the batch cannot be divided equally.
        """
        if sequences % self.size:
            raise UserError(
                f"a batch of {sequences} sequences (train.subjects_per_batch x "
                f"train.sequences_per_subject) cannot be divided equally among {self.size} "
                "processes; start a number of processes that divides it"
            )
        each = sequences // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def require_same(self, found: str) -> None:
        """Checks that all processes pass the same text.

        Raises:
            UserError: they differ, for example if nodes do not share a file system.
        """
        if self.size == 1:
            return
        everywhere = [""] * self.size
        dist.all_gather_object(everywhere, found)
        if set(everywhere) != {found}:
            raise UserError(
                f"the processes find different files: {'; '.join(everywhere)}; put data and "
                "checkpoints on a file system that all nodes share"
            )


ALONE = Group()


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """Yields the group of processes that `torchrun` started, or a group of this process alone.

    Only the first process logs.

    Args:
        device: of this process; GPUs communicate by NCCL, CPUs by gloo.

    Raises:
        UserError: a UserError inside the block, with the rank, or another process ended.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
        dist.init_process_group("cpu:gloo,cuda:nccl", device_id=device)
    else:
        dist.init_process_group("gloo")
    group = Group(dist.get_rank(), dist.get_world_size())
    if not group.leads:
        logging.getLogger("gaittake").setLevel(logging.ERROR)
    name = f"process {group.rank} of {group.size}"
    try:
        yield group
        dist.barrier()  # until the first process has written its files
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    except RuntimeError as error:
        if not _lost(error):
            raise
        raise UserError(
            f"{name}: another process of this training ended; see its message"
        ) from error
    finally:
        # After an error NCCL may wait for a process that ended; then no message would appear.
        if device.type == "cpu" or sys.exc_info()[0] is None:
            dist.destroy_process_group()


def _lost(error: RuntimeError) -> bool:
    """Returns whether another process ended; gloo has no error class for it."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def parallel(learner: nn.Module, group: Group, device: torch.device) -> nn.Module:
    """Returns the module to call in training; it averages gradients over the processes.

    The exchange overlaps with the backward pass.
    """
    if group.size == 1:
        return learner
    return DistributedDataParallel(
        learner,
        device_ids=[device] if device.type == "cuda" else None,
        gradient_as_bucket_view=True,
    )
