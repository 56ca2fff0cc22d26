"""Exchanges between the processes of a training, with gradients.

All processes compute the same loss, that of the whole batch, and the objective is the mean of their
losses. So a gradient that crosses an exchange is the sum over the processes, and
DistributedDataParallel takes the mean of the weights' gradients.

`torch.distributed.nn.functional` has such functions too, but PyTorch 2.14 deprecates them in favour
of a private module.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gaittake.models.pooling import PartNeck


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        context.count = len(own)
        own = own.contiguous()  # as NCCL requires
        rows = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(rows, own)
        return torch.cat(rows)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        # The gradient is the same in all processes, so the sum needs no exchange.
        first = dist.get_rank() * context.count
        return gradients[0][first : first + context.count] * dist.get_world_size()


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        return _sum(own)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return _sum(gradients[0])


def _sum(own: Tensor) -> Tensor:
    total = own.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


def gather_rows(own: Tensor) -> Tensor:
    """Returns `[n, …]`: the rows `[n / size, …]` of all processes, in the order of their ranks.

    All later computation must be the same in all processes, as the loss of the whole batch is.
    """
    return _GatherRows.apply(own)  # type: ignore[no-any-return]


# Not compiled: a kernel cannot wait for other processes.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def mean_over_processes(own: Tensor) -> Tensor:
    """Returns the mean of the tensors of all processes."""
    total: Tensor = _Sum.apply(own)
    return total / dist.get_world_size()


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation by mean and variance of the whole batch, on any device.

    `nn.SyncBatchNorm` supports only GPUs. Each process has the same number of sequences.

    Args:
        norm: the layer to replace; its weights and running statistics are used.
    """

    def __init__(self, norm: _BatchNorm) -> None:
        super().__init__(norm.num_features, eps=norm.eps, momentum=norm.momentum)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked

    def _check_input_dim(self, input: Tensor) -> None:
        """Accepts any number of dimensions."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns `x` `[n, c, …]` normalised per channel; statistics are in float32."""
        if not self.training:
            return super().forward(x)
        others = [axis for axis in range(x.dim()) if axis != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        values = x.float()
        mean: Tensor = mean_over_processes(values.mean(others))
        centred = values - mean.view(shape)
        variance: Tensor = mean_over_processes(centred.square().mean(others))
        self._update(mean, variance, dist.get_world_size() * values.numel() // len(mean))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(shape) + self.bias.view(shape)).to(x.dtype)

    @torch.no_grad()
    def _update(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Updates the running statistics as `nn.BatchNorm1d` does, with the unbiased variance."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        self.num_batches_tracked += 1


def share_statistics(network: nn.Module) -> None:
    """Makes all batch normalisations of a network use the statistics of the whole batch.

    A BNNeck belongs to the classifier, which gets the embeddings of the whole batch anyway.
    """
    for module in list(network.modules()):
        if isinstance(module, PartNeck):
            continue
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm):
                setattr(module, name, SharedBatchNorm(child))
