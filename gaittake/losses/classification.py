"""Classification of the training subjects: a linear layer per part and cross-entropy.

As in GaitGL (ICCV 2021), or with cosines as in OpenGait's BNNeck. The classifier is used only in
training and is not saved with the network.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize


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
        cosine: the scores are this times the cosine between embedding and class; 0: linear scores.
    """

    def __init__(
        self, parts: int, embedding: int, classes: int, *, neck: bool = False, cosine: float = 0.0
    ) -> None:
        super().__init__()
        self.cosine = cosine
        self.neck: nn.BatchNorm1d | None = nn.BatchNorm1d(parts * embedding) if neck else None
        self.weight = nn.Parameter(torch.empty(parts, embedding, classes))
        bound = (6.0 / (embedding + classes)) ** 0.5
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Returns scores `[n, p, classes]` of embeddings `[n, p, d]`."""
        if self.neck is not None:
            embeddings = self.neck(embeddings.flatten(1)).reshape(embeddings.shape)
        if self.cosine:
            length_one = self.cosine * normalize(embeddings, dim=2)
            return torch.einsum("npd,pdc->npc", length_one, normalize(self.weight, dim=1))
        return torch.einsum("npd,pdc->npc", embeddings, self.weight.to(embeddings.dtype))


def classification_loss(scores: Tensor, subjects: Tensor, *, smoothing: float = 0.0) -> ClassTerms:
    """Returns the cross-entropy: the mean over sequences and parts.

    Args:
        scores: `[n, p, classes]`.
        subjects: `[n]`, the class of each sequence.
        smoothing: share of the target that is spread over all classes (Szegedy et al. 2016).
    """
    rows = scores.float().flatten(0, 1)
    expected = subjects.repeat_interleave(scores.shape[1])
    accuracy = (rows.argmax(dim=1) == expected).float().mean()
    loss = cross_entropy(rows, expected, label_smoothing=smoothing)
    return ClassTerms(loss, accuracy.detach())
