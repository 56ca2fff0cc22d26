"""Several processes that train together, as `torchrun` starts them: one for each GPU.

Each draws the same whole batch, embeds its own share of the sequences, takes the embeddings of the
others and computes the loss of the whole batch. The mean of their gradients is then the gradient
that one process would have: to rounding, the number of processes does not change what is learnt.
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
    """The processes of a training: which this one is, from 0 on, and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and speaks for all."""
        return self.rank == 0

    def any(self, flag: bool) -> bool:
        """Returns whether the flag is set in any process; all must ask."""
        if self.size == 1:
            return flag
        # On the CPU, so that no GPU waits.
        flags = torch.tensor([flag], dtype=torch.uint8)
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags)

    def share(self, sequences: int) -> slice:
        """Returns which sequences of a batch are this process's.

        Raises:
            UserError: the processes cannot have equally many.
        """
        if sequences % self.size:
            raise UserError(
                f"a batch of {sequences} sequences (train.subjects_per_batch x "
                f"train.sequences_per_subject) has no equal share for each of {self.size} "
                "processes; start a number of them that divides it"
            )
        each = sequences // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def agree(self, found: str) -> None:
        """Makes sure that all processes found the same.

        Raises:
            UserError: they did not, as happens where nodes do not share a file system.
        """
        if self.size == 1:
            return
        everywhere = [""] * self.size
        dist.all_gather_object(everywhere, found)
        if set(everywhere) != {found}:
            raise UserError(
                f"the processes do not see the same files: they found {'; '.join(everywhere)}; "
                "put data and checkpoints on a file system that all nodes share"
            )


ALONE = Group()


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """Yields the group of this process: that which `torchrun` started, or this one alone.

    Only the first one's log is shown.

    Args:
        device: where it computes; GPUs speak by NCCL, CPUs by gloo.

    Raises:
        UserError: what one process finds wrong, with its number; another process was lost.
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
    who = f"process {group.rank} of {group.size}"
    try:
        yield group
        dist.barrier()  # the others wait until the first has written its files
    except UserError as error:
        raise UserError(f"{who}: {error}") from error
    except RuntimeError as error:
        if not _lost(error):
            raise
        raise UserError(
            f"{who}: another process of this training ended; its own message says why"
        ) from error
    finally:
        # After an error NCCL might wait for a process that is gone, and this one never say why.
        if device.type == "cpu" or sys.exc_info()[0] is None:
            dist.destroy_process_group()


def _lost(error: RuntimeError) -> bool:
    """Whether a process can no longer be reached; gloo has no kind of error for it."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def parallel(learner: nn.Module, group: Group, device: torch.device) -> nn.Module:
    """Returns the module to be called in training: its gradients become the processes' mean.

    They are exchanged while the rest of them is still computed.
    """
    if group.size == 1:
        return learner
    return DistributedDataParallel(
        learner,
        device_ids=[device] if device.type == "cuda" else None,
        gradient_as_bucket_view=True,
    )
