"""Weighted triplet loss (PAPER eq. 11): adaptive, batch-all and batch-hard weights."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad


class TripletTerms(NamedTuple):
    """The loss and what to watch beside it.

    Attributes:
        loss: scalar.
        active: share of non-zero terms.
        positive: mean distance of pairs of the same subject.
        negative: mean distance of pairs of different subjects.
    """

    loss: Tensor
    active: Tensor
    positive: Tensor
    negative: Tensor


def part_distances(embeddings: Tensor) -> Tensor:
    """Returns Euclidean distances `[p, n, n]` within each part of embeddings `[n, p, d]`."""
    x = embeddings.float().transpose(0, 1)  # [p, n, d]
    squares = x.square().sum(dim=2)
    gram = torch.baddbmm(squares[:, :, None] + squares[:, None, :], x, x.mT, alpha=-2)
    # The root has no derivative at zero: the distance of a sequence to itself.
    return gram.clamp(min=1e-12).sqrt()


def triplet_loss(
    embeddings: Tensor, subjects: Tensor, *, margin: float = 0.2, weights: str = "adaptive"
) -> TripletTerms:
    """Returns the triplet loss: mean over the non-zero terms of each part, then over the parts.

    Args:
        embeddings: `[n, p, d]`.
        subjects: `[n]` integers; each subject needs two sequences, and there must be two subjects.
        margin: m of eq. 11.
        weights: of eq. 11. `adaptive` (ASSUME: Ristani & Tomasi 2018): softmax of the distances
            over an anchor's positives, of their negatives over its negatives, without gradient.
            `batch_hard`: the farthest positive and the nearest negative. `batch_all`: every
            triplet is a term of its own.
    """
    distances = part_distances(embeddings)
    same = subjects[:, None] == subjects[None]
    positive = same & ~torch.eye(len(subjects), dtype=torch.bool, device=same.device)
    if weights == "batch_all":
        terms, active = _all_triplets(distances, positive, same, margin)
        triplets = (positive.sum(dim=1) * (~same).sum(dim=1)).sum()
    else:
        hard = weights == "batch_hard"
        farthest = _weighted(distances, positive, sign=1, hard=hard)
        nearest = _weighted(distances, ~same, sign=-1, hard=hard)
        terms = (margin + farthest - nearest).relu()  # [p, n], PAPER eq. 11
        active, triplets = terms > 0, same.new_full((), len(subjects), dtype=torch.int64)
    numbers = active.flatten(1).sum(dim=1)
    part_losses = terms.flatten(1).sum(dim=1) / numbers.clamp(min=1)
    return TripletTerms(
        part_losses.mean(),
        (numbers.float().mean() / triplets).detach(),
        _mean(distances, positive).detach(),
        _mean(distances, ~same).detach(),
    )


def _mean(distances: Tensor, pairs: Tensor) -> Tensor:
    """Returns the mean of `[p, n, n]` over the pairs `[n, n]`, which a GPU need not count first."""
    return (distances * pairs).sum() / (pairs.sum() * len(distances))


def _weighted(distances: Tensor, pairs: Tensor, *, sign: int, hard: bool) -> Tensor:
    """Returns `[p, n]`: for each anchor the weighted sum of distances over its pairs."""
    candidates = (sign * distances.detach()).masked_fill(~pairs, -torch.inf)
    if hard:
        return distances.gather(2, candidates.argmax(dim=2, keepdim=True)).squeeze(2)
    return (candidates.softmax(dim=2) * distances).sum(dim=2)


def _all_triplets(
    distances: Tensor, positive: Tensor, same: Tensor, margin: float
) -> tuple[Tensor, Tensor]:
    """Returns `[p, n, n]` hinge terms of each anchor and positive, and how many are above zero.

    They are summed over the negatives, of which those nearer than the positive and the margin
    count. Sorted, they need not be listed one by one: each part has n³ triplets.
    """
    # In float64: a difference of sums of many distances is taken.
    negatives = distances.double().masked_fill(same, torch.inf).sort(dim=2).values
    limits = margin + distances.double()
    nearer = torch.searchsorted(negatives.detach(), limits.detach()) * positive
    sums = pad(negatives.masked_fill(negatives.isinf(), 0.0).cumsum(dim=2), (1, 0))
    terms = nearer * limits - sums.gather(2, nearer)
    return terms.float(), nearer
