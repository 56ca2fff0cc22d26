"""What the processes of a training exchange in the middle of a network, with gradients.

The objective is the mean over the processes of their losses, which are one and the same number:
that of the whole batch. Gradients of what stands before an exchange are scaled accordingly.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        context.each = len(own)
        parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        # The sum over the processes: each computes the same loss of the same embeddings.
        first = dist.get_rank() * context.each
        return gradients[0][first : first + context.each] * dist.get_world_size()


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        total = own.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def gathered(own: Tensor) -> Tensor:
    """Returns `[n, …]`: the rows of all processes, in their order, from each one's `[n / size, …]`.

    What follows must be the same in all processes, as the loss of the whole batch is.
    """
    return _Gathered.apply(own)  # type: ignore[no-any-return]


# Not compiled: a kernel does not wait for other processes.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def mean_over_processes(own: Tensor) -> Tensor:
    """Returns the mean of what the processes have, each its own."""
    total: Tensor = _Summed.apply(own)
    return total / dist.get_world_size()


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation by mean and variance of the whole batch, on any device.

    `nn.SyncBatchNorm` does it on GPUs alone. Each process has equally many sequences.

    Args:
        norm: in whose place it stands; its weights and running statistics are used.
    """

    def __init__(self, norm: _BatchNorm) -> None:
        super().__init__(norm.num_features, eps=norm.eps, momentum=norm.momentum)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns `x` `[n, c, …]` normalised per channel; statistics in float32."""
        if not self.training:
            return super().forward(x)
        others = [axis for axis in range(x.dim()) if axis != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        values = x.float()
        mean: Tensor = mean_over_processes(values.mean(others))
        centred = values - mean.view(shape)
        variance: Tensor = mean_over_processes(centred.square().mean(others))
        self._remember(mean, variance, dist.get_world_size() * values.numel() // len(mean))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(shape) + self.bias.view(shape)).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Moves the running statistics as `nn.BatchNorm1d` does, the variance without its bias."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        self.num_batches_tracked += 1


def share_statistics(network: nn.Module) -> None:
    """Makes each batch normalisation inside a network normalise by the whole batch."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm):
                setattr(module, name, SharedBatchNorm(child))
