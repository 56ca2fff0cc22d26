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
    embeddings: Tensor, sequences: int, *, margin: float = 0.2, weights: str = "adaptive"
) -> TripletTerms:
    """Returns the triplet loss: the mean of each part's non-zero terms, then of the parts.

    ASSUME: the mean of eq. 11 is over the non-zero terms, as in GaitSet's code.

    Args:
        embeddings: `[n, p, d]` of two or more subjects, one subject after the other.
        sequences: K, of each subject; two or more.
        margin: m of eq. 11.
        weights: of eq. 11. `adaptive` (ASSUME: Ristani & Tomasi 2018): softmax of the distances
            to an anchor's positives, and of the negated distances to its negatives, without
            gradient. `batch_hard`: the farthest positive and the nearest negative. `batch_all`: no
            weights, one term for each triplet. `batch_all_self`: the anchor is also a positive of
            itself, as in the code of GaitSet and OpenGait. ASSUME: for networks that were published
            with that code, `batch_all`; the two differ most where the embeddings nearly collapse.

    Raises:
        ValueError: an unknown `weights`, or embeddings that are not K of each of several subjects.
    """
    if weights not in ("adaptive", "batch_all", "batch_all_self", "batch_hard"):
        known = "'adaptive', 'batch_all', 'batch_all_self' or 'batch_hard'"
        raise ValueError(f"weights must be {known}, not {weights!r}")
    n = len(embeddings)
    if sequences < 2 or n % sequences or n < 2 * sequences:
        raise ValueError(
            f"a batch needs two subjects or more, with the same two sequences or more of each; "
            f"found {n} embeddings and {sequences} sequences of a subject"
        )
    own, positive, negative = _pairs(part_distances(embeddings), sequences)
    if weights in ("batch_all", "batch_all_self"):
        pairs = own if weights == "batch_all_self" else positive
        terms, active = _all_triplets(pairs, negative, margin)
        triplets = n * pairs.shape[2] * negative.shape[2]
    else:
        farthest, nearest = _extremes(positive, negative, hard=weights == "batch_hard")
        terms = (margin + farthest - nearest).relu()  # [p, n], PAPER eq. 11
        active, triplets = terms > 0, n
    numbers = active.flatten(1).sum(dim=1)
    part_losses = terms.flatten(1).sum(dim=1) / numbers.clamp(min=1)
    return TripletTerms(
        part_losses.mean(),
        (numbers.float().mean() / triplets).detach(),
        positive.detach().mean(),
        negative.detach().mean(),
    )


def _pairs(distances: Tensor, sequences: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the distances to an anchor's own subject and to the others, by reshapes alone.

    A mask would keep all pairs, and selecting by one would wait for a GPU.

    Args:
        distances: `[p, n, n]`, n = P * K.
        sequences: K.

    Returns:
        `[p, n, K]`: to the own subject; `[p, n, K - 1]`: without the anchor itself;
        `[p, n, n - K]`: to the others.
    """
    parts, n, _ = distances.shape
    subjects = n // sequences
    cut = distances.view(parts, subjects, sequences, subjects, sequences)
    blocks = cut.transpose(2, 3)  # [p, P, P, K, K]
    own = blocks.diagonal(dim1=1, dim2=2).movedim(-1, 1)  # [p, P, K, K]
    positive = _off_diagonal(own.flatten(0, 1))  # [p * P, K, K - 1]
    negative = _off_diagonal(blocks).transpose(2, 3)  # [p, P, K, P - 1, K]
    own, positive, negative = (x.reshape(parts, n, -1) for x in (own, positive, negative))
    return own, positive, negative


def _off_diagonal(x: Tensor) -> Tensor:
    """Returns `[p, m, m - 1, …]` of `[p, m, m, …]`: each row without its diagonal entry."""
    p, m, _, *rest = x.shape
    # After the first entry, a diagonal entry follows each m others.
    kept = x.reshape(p, m * m, *rest)[:, 1:].view(p, m - 1, m + 1, *rest)[:, :, :-1]
    return kept.reshape(p, m, m - 1, *rest)


def _extremes(positive: Tensor, negative: Tensor, *, hard: bool) -> tuple[Tensor, Tensor]:
    """Returns `[p, n]` each: the weighted sums of an anchor's distances to both kinds."""
    if hard:
        return positive.max(dim=2).values, negative.min(dim=2).values
    far, near = positive.detach().softmax(dim=2), (-negative.detach()).softmax(dim=2)
    return (far * positive).sum(dim=2), (near * negative).sum(dim=2)


def _all_triplets(positive: Tensor, negative: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Returns for each anchor and positive the sum and the number of positive hinge terms.

    The term of a negative is positive if the negative is nearer than positive plus margin. With
    sorted distances, cumulative sums replace a list of all triplets.

    Args:
        positive: `[p, n, k]` distances.
        negative: `[p, n, m]` distances.
        margin: of the hinge.

    Returns:
        `[p, n, k]` each.
    """
    # In float64, because it subtracts sums of many distances.
    ordered = negative.double().sort(dim=2).values
    limits = margin + positive.double()
    nearer = torch.searchsorted(ordered.detach(), limits.detach())
    sums = pad(ordered.cumsum(dim=2), (1, 0))
    terms = nearer * limits - sums.gather(2, nearer)
    return terms.float(), nearer
