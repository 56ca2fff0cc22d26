"""Classification of the training subjects: a linear layer per part and cross-entropy.

As in GaitGL (ICCV 2021). The classifier is used only in training and is not saved with the network.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class ClassTerms(NamedTuple):
    """The loss and a metric.

    Attributes:
        loss: scalar.
        accuracy: share of correct classifications, over sequences and parts.
    """

    loss: Tensor
    accuracy: Tensor


class PartClassifier(nn.Module):
    """Scores of the training subjects for the embedding of each part, without bias.

    Args:
        parts: p.
        embedding: d.
        classes: number of training subjects.
        neck: normalise the embeddings by batch first (BNNeck, Luo et al. 2019). The triplet loss
            uses the embeddings before the normalisation, cross-entropy those after it.
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
    """Returns the cross-entropy: the mean over sequences and parts.

    Args:
        scores: `[n, p, classes]`.
        subjects: `[n]`, the class of each sequence.
    """
    rows = scores.float().flatten(0, 1)
    expected = subjects.repeat_interleave(scores.shape[1])
    accuracy = (rows.argmax(dim=1) == expected).float().mean()
    return ClassTerms(cross_entropy(rows, expected), accuracy.detach())
