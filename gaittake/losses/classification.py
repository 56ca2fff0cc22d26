"""Naming the training subjects: a linear layer for each part and cross-entropy (GaitGL, ICCV 2021).

The classifier is used in training alone. What is saved of a network is what embeds.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class ClassTerms(NamedTuple):
    """The loss and what to watch beside it.

    Attributes:
        loss: scalar.
        accuracy: share of the parts' answers that name the right subject.
    """

    loss: Tensor
    accuracy: Tensor


class PartClassifier(nn.Module):
    """Scores of each training subject from the embedding of each part, no bias.

    Args:
        parts: p.
        embedding: d.
        classes: training subjects.
        neck: batch normalisation of each number of each part first (BNNeck, Luo et al. 2019): the
            triplet loss sees the embedding before it, cross-entropy the one behind it.
    """

    def __init__(self, parts: int, embedding: int, classes: int, *, neck: bool = False) -> None:
        super().__init__()
        self.neck = nn.BatchNorm1d(parts * embedding) if neck else None
        self.weight = nn.Parameter(torch.empty(parts, embedding, classes))
        bound = (6.0 / (embedding + classes)) ** 0.5
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Returns scores `[n, p, classes]` of embeddings `[n, p, d]`."""
        if self.neck is not None:
            embeddings = self.neck(embeddings.flatten(1)).reshape(embeddings.shape)
        return torch.einsum("npd,pdc->npc", embeddings, self.weight.to(embeddings.dtype))


def classification_loss(scores: Tensor, subjects: Tensor) -> ClassTerms:
    """Returns the cross-entropy, mean over sequences and parts.

    Args:
        scores: `[n, p, classes]`.
        subjects: `[n]`, the class of each sequence.
    """
    rows = scores.float().flatten(0, 1)
    expected = subjects.repeat_interleave(scores.shape[1])
    accuracy = (rows.argmax(dim=1) == expected).float().mean()
    return ClassTerms(cross_entropy(rows, expected), accuracy.detach())
