"""Exchanges between processes, with a group of one process: results, gradients, memory order."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from gaittake.training.collective import gather_rows, mean_over_processes


@pytest.fixture
def exchanged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Tensor]]:
    """Returns the list of all tensors that are passed to the backend."""
    seen: list[Tensor] = []

    def spy(name: str) -> None:
        real = getattr(dist, name)

        def call(*given: Any, **named: Any) -> Any:
            for each in (*given, *named.values()):
                tensors = each if isinstance(each, list | tuple) else [each]
                seen.extend(tensor for tensor in tensors if isinstance(tensor, Tensor))
            return real(*given, **named)

        monkeypatch.setattr(dist, name, call)

    for name in ("all_gather", "all_reduce"):
        spy(name)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield seen
    dist.destroy_process_group()


def test_tensors_in_any_memory_order_are_exchanged_as_contiguous_ones(
    exchanged: list[Tensor],
) -> None:
    own = torch.rand(5, 4, 3).transpose(0, 1).requires_grad_()
    weights = torch.rand(3, 4, 5).permute(1, 2, 0)
    assert not own.is_contiguous()
    assert not weights.is_contiguous()
    rows = gather_rows(own)
    (gradient,) = torch.autograd.grad((rows * weights).sum(), own)
    assert rows.equal(own)
    assert gradient.equal(weights)
    assert len(exchanged) == 2  # into and out of the exchange
    assert all(tensor.is_contiguous() for tensor in exchanged)


def test_means_and_their_gradients_are_exchanged_as_contiguous_tensors(
    exchanged: list[Tensor],
) -> None:
    own = torch.rand(5, 4).T.requires_grad_()
    weights = torch.rand(5, 4).T
    mean = mean_over_processes(own)
    (gradient,) = torch.autograd.grad((mean * weights).sum(), own)
    assert mean.equal(own)
    assert gradient.equal(weights)
    assert len(exchanged) == 2  # forward and backward
    assert all(tensor.is_contiguous() for tensor in exchanged)
