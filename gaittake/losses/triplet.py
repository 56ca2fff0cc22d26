"""Weighted triplet loss (PAPER eq. 11): adaptive, batch-all and batch-hard weights."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad


class TripletTerms(NamedTuple):
    """The loss and three metrics.

    Attributes:
        loss: scalar.
        active: share of the terms that are not zero.
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
    # The root has no derivative at zero, the distance of a sequence to itself.
    return gram.clamp(min=1e-12).sqrt()


def triplet_loss(
    embeddings: Tensor, subjects: Tensor, *, margin: float = 0.2, weights: str = "adaptive"
) -> TripletTerms:
    """Returns the triplet loss: the mean of each part's non-zero terms, then of the parts.

    ASSUME: the mean of eq. 11 is over the non-zero terms, as in GaitSet's code.

    Args:
        embeddings: `[n, p, d]`.
        subjects: `[n]` integers: two or more subjects, two or more sequences of each.
        margin: m of eq. 11.
        weights: of eq. 11. `adaptive` (ASSUME: Ristani & Tomasi 2018): softmax of the distances
            to an anchor's positives, and of the negated distances to its negatives, without
            gradient. `batch_hard`: the farthest positive and the nearest negative. `batch_all`: no
            weights, one term for each triplet. `batch_all_self`: the anchor is also a positive of
            itself, as in the code of GaitSet and OpenGait. ASSUME: for networks that were published
            with that code, `batch_all`; the two differ most where the embeddings nearly collapse.

    Raises:
        ValueError: an unknown `weights`.
    """
    if weights not in ("adaptive", "batch_all", "batch_all_self", "batch_hard"):
        known = "'adaptive', 'batch_all', 'batch_all_self' or 'batch_hard'"
        raise ValueError(f"weights must be {known}, not {weights!r}")
    distances = part_distances(embeddings)
    same = subjects[:, None] == subjects[None]
    positive = same & ~torch.eye(len(subjects), dtype=torch.bool, device=same.device)
    if weights in ("batch_all", "batch_all_self"):
        pairs = same if weights == "batch_all_self" else positive
        terms, active = _all_triplets(distances, pairs, same, margin)
        triplets = (pairs.sum(dim=1) * (~same).sum(dim=1)).sum()
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
    """Returns the mean of `[p, n, n]` over the pairs `[n, n]`, without waiting for a GPU."""
    return (distances * pairs).sum() / (pairs.sum() * len(distances))


def _weighted(distances: Tensor, pairs: Tensor, *, sign: int, hard: bool) -> Tensor:
    """Returns `[p, n]`: the weighted sum of each anchor's distances to its pairs."""
    candidates = (sign * distances.detach()).masked_fill(~pairs, -torch.inf)
    if hard:
        return distances.gather(2, candidates.argmax(dim=2, keepdim=True)).squeeze(2)
    return (candidates.softmax(dim=2) * distances).sum(dim=2)


def _all_triplets(
    distances: Tensor, positive: Tensor, same: Tensor, margin: float
) -> tuple[Tensor, Tensor]:
    """Returns for each anchor and positive `[p, n, n]` the sum and number of positive hinge terms.

    The term of a negative is positive if the negative is nearer than positive plus margin. With
    sorted distances, cumulative sums replace a list of all n³ triplets of a part.
    """
    # In float64, because it subtracts sums of many distances.
    negatives = distances.double().masked_fill(same, torch.inf).sort(dim=2).values
    limits = margin + distances.double()
    nearer = torch.searchsorted(negatives.detach(), limits.detach()) * positive
    sums = pad(negatives.masked_fill(negatives.isinf(), 0.0).cumsum(dim=2), (1, 0))
    terms = nearer * limits - sums.gather(2, nearer)
    return terms.float(), nearer
