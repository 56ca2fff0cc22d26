"""Size of a network: weights and multiply-accumulates, counted without computing."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Cost(NamedTuple):
    """Size of a network and work for one sequence.

    Attributes:
        weights: number of learnable values.
        multiply_accumulates: for one sequence, of convolutions and matrix products.
        parts: p of the embeddings.
        embedding: d of the embeddings.
    """

    weights: int
    multiply_accumulates: int
    parts: int
    embedding: int


def network_cost(
    build: Callable[[], nn.Module], *, frames: int = 30, height: int = 64, width: int = 44
) -> Cost:
    """Returns the cost of a network for one sequence.

    Args:
        build: makes the network.
        frames: of the sequence.
        height: rows of a silhouette.
        width: columns of a silhouette.
    """
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = build()
        embeddings = network(torch.empty(1, frames, height, width), torch.empty(1, frames, 17, 3))
    weights = sum(weight.numel() for weight in network.parameters())
    # The counter counts a multiply-accumulate as two operations.
    return Cost(weights, counter.get_total_flops() // 2, *embeddings.shape[1:])
