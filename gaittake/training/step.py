"""One step of training: a batch drawn by its number, the loss, the optimiser."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import MultiStepLR

from gaittake.data.augment import mirror_half
from gaittake.data.clips import clip_rows
from gaittake.data.sampler import Indices, sample_sequences, step_generator
from gaittake.data.store import Batch, SequenceStore, gather_clips
from gaittake.device import autocast
from gaittake.losses.classification import PartClassifier, classification_loss
from gaittake.losses.triplet import triplet_loss
from gaittake.models.pooling import PartScale
from gaittake.settings import Train
from gaittake.training.collective import gathered
from gaittake.training.distributed import Group


class Learner(nn.Module):
    """A network, and the classifier behind it where training has cross-entropy.

    Args:
        network: what embeds.
        classifier: of the training subjects, or None.
        group: the processes that have a share of the batch each.
    """

    def __init__(self, network: nn.Module, classifier: PartClassifier | None, group: Group) -> None:
        super().__init__()
        self.network, self.classifier, self.group = network, classifier, group
        self._scales = [each for each in network.modules() if isinstance(each, PartScale)]

    def forward(self, *batch: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Returns embeddings `[n, p, d]` and scores of the whole batch, from this process's share.

        What stands behind the embeddings sees all of them: BNNeck's statistics are the batch's.
        """
        embeddings: Tensor = self.network(*batch)
        if self.group.size > 1:
            embeddings = gathered(embeddings)
        for scale in self._scales:
            scale.update(embeddings)
        return embeddings, self.classifier(embeddings) if self.classifier else None


class Training(NamedTuple):
    """What a step works on.

    Attributes:
        learner: what is trained.
        parallel: how it is called: itself, or what shares its gradients with other processes.
        optimiser: of all its weights.
        schedule: of the learning rate.
        store: the sequences.
        groups: the sequences of each subject.
        settings: of training.
        seed: of what is drawn.
        group: the processes that train together.
    """

    learner: Learner
    parallel: nn.Module
    optimiser: Adam
    schedule: MultiStepLR
    store: SequenceStore
    groups: list[Indices]
    settings: Train
    seed: int
    group: Group


class StepTerms(NamedTuple):
    """The loss that was lowered, and named numbers to watch beside it."""

    loss: Tensor
    watched: dict[str, Tensor]


def train_step(training: Training, step: int) -> StepTerms:
    """Takes one optimiser step and returns the terms of its loss."""
    choice, device = training.settings, training.store.device
    batch, groups = _share_of_batch(training, step)
    subjects = torch.from_numpy(groups).to(device, non_blocking=True)
    with autocast(device, choice.precision):
        embeddings, scores = training.parallel(*batch)
    terms = step_loss(embeddings, scores, subjects, choice)
    training.optimiser.zero_grad(set_to_none=True)
    terms.loss.backward()  # type: ignore[no-untyped-call]
    training.optimiser.step()
    training.schedule.step()
    return terms


def _share_of_batch(training: Training, step: int) -> tuple[Batch, Indices]:
    """Returns this process's clips, what is random in them drawn for the whole; all subjects."""
    choice = training.settings
    rows, groups, generator = clips_of(training, step)
    batch = gather_clips(training.store, rows)
    if choice.mirror:
        batch = mirror_half(batch, generator)
    own = training.group.share(len(rows))
    return Batch(batch.silhouettes[own], batch.keypoints[own], batch.counts), groups


def clips_of(training: Training, step: int) -> tuple[Indices, Indices, np.random.Generator]:
    """Returns rows `[n, frames]` of a step's clips, their subjects `[n]`, and their generator.

    What is drawn behind them is one more thing that depends on the step alone.
    """
    choice = training.settings
    sequences, groups = batch_indices(training, step)
    generator = step_generator(training.seed, step + (1 << 32))
    rows = clip_rows(training.store, sequences, choice.frames, generator, order=choice.order)
    return rows, groups, generator


def step_loss(
    embeddings: Tensor, scores: Tensor | None, subjects: Tensor, choice: Train
) -> StepTerms:
    """Returns the triplet loss, and cross-entropy times its factor where there are scores.

    Args:
        embeddings: `[n, p, d]`.
        scores: `[n, p, classes]` of the classifier, or None.
        subjects: `[n]`, the class of each sequence.
        choice: margin, weights, factor.
    """
    triplet = triplet_loss(embeddings, subjects, margin=choice.margin, weights=choice.loss)
    watched = triplet._asdict()
    loss = watched.pop("loss")
    if scores is not None:
        named = classification_loss(scores, subjects)
        loss = loss + choice.cross_entropy * named.loss
        watched |= {"cross_entropy": named.loss.detach(), "accuracy": named.accuracy}
    return StepTerms(loss, watched)


def batch_indices(training: Training, step: int) -> tuple[Indices, Indices]:
    """Returns the sequences of a step's batch and their subjects, as `sample_sequences` does."""
    return sample_sequences(
        training.groups,
        subjects_per_batch=training.settings.subjects_per_batch,
        sequences_per_subject=training.settings.sequences_per_subject,
        generator=step_generator(training.seed, step),
    )
