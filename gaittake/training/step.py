"""One training step: a random batch, the loss, the optimiser."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import MultiStepLR

from gaittake.arrays import Int64s
from gaittake.data.augment import augmented
from gaittake.data.clips import clip_rows
from gaittake.data.corrupt import corrupted
from gaittake.data.sampler import sample_sequences, step_generator
from gaittake.data.store import Batch, SequenceStore, gather_clips, to_device
from gaittake.device import autocast_to
from gaittake.losses.classification import PartClassifier, classification_loss
from gaittake.losses.triplet import triplet_loss
from gaittake.models.pooling import PartScale
from gaittake.settings import Train
from gaittake.training.collective import gather_rows
from gaittake.training.distributed import Group


class Learner(nn.Module):
    """The network, and the classifier if the loss has cross-entropy.

    Args:
        network: returns embeddings.
        classifier: of the training subjects, or None.
        group: the processes that share a batch.
    """

    def __init__(self, network: nn.Module, classifier: PartClassifier | None, group: Group) -> None:
        super().__init__()
        self.network, self.classifier, self.group = network, classifier, group
        self._scales = [each for each in network.modules() if isinstance(each, PartScale)]

    def forward(self, *batch: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Returns embeddings `[n, p, d]` and scores of the whole batch, from this process's share.

        The classifier gets the embeddings of all processes, so BNNeck uses the whole batch.
        """
        embeddings: Tensor = self.network(*batch)
        if self.group.size > 1:
            embeddings = gather_rows(embeddings)
        for scale in self._scales:
            scale.update(embeddings)
        return embeddings, self.classifier(embeddings) if self.classifier else None


class StepTerms(NamedTuple):
    """The loss of a step, and metrics by name."""

    loss: Tensor
    metrics: dict[str, Tensor]


def batch_loss(
    called: nn.Module, batch: Batch, subjects: Tensor, choice: Train, dtype: torch.dtype
) -> StepTerms:
    """Returns the loss of a batch: all that a step computes between its data and its gradients.

    It reads no number back and its shapes are those of every batch, so `torch.compile` takes it as
    one graph, which CUDA graphs can record.

    Args:
        called: a Learner, or its wrapper.
        batch: clips; this process's share.
        subjects: `[n]`, the class of each sequence of the whole batch.
        choice: of the loss.
        dtype: in which the layers of the network compute.
    """
    with autocast_to(subjects.device.type, dtype):
        embeddings, scores = called(*batch)
    return step_loss(embeddings, scores, subjects, choice)


class Training(NamedTuple):
    """Everything that a step needs.

    Attributes:
        learner: network and classifier.
        parallel: the learner, or its wrapper that averages gradients over processes.
        optimiser: of all weights.
        scaler: of the loss; disabled except for float16.
        schedule: of the learning rate.
        store: the training sequences.
        groups: indices of each subject's sequences.
        settings: of the training.
        seed: of the batches.
        group: the processes that train together.
        dtype: in which the layers of the network compute.
        compute: `batch_loss`, or the same compiled.
    """

    learner: Learner
    parallel: nn.Module
    optimiser: Optimizer
    scaler: GradScaler
    schedule: MultiStepLR
    store: SequenceStore
    groups: list[Int64s]
    settings: Train
    seed: int
    group: Group
    dtype: torch.dtype
    compute: Callable[..., StepTerms] = batch_loss


def train_step(training: Training, step: int) -> StepTerms:
    """Runs one optimiser step; returns the loss before it."""
    choice, device = training.settings, training.store.device
    batch, groups = _share_of_batch(training, step)
    subjects = to_device(torch.from_numpy(groups), device)
    terms = training.compute(training.parallel, batch, subjects, choice, training.dtype)
    training.optimiser.zero_grad(set_to_none=True)
    training.scaler.scale(terms.loss).backward()  # type: ignore[no-untyped-call]
    training.scaler.step(training.optimiser)
    training.scaler.update()
    training.schedule.step()
    return terms


def _share_of_batch(training: Training, step: int) -> tuple[Batch, Int64s]:
    """Returns this process's share of the clips, and the subjects of the whole batch."""
    choice = training.settings
    rows, groups, generator = clips_of(training, step)
    batch = gather_clips(training.store, rows)
    batch = augmented(
        batch,
        generator,
        mirror=choice.mirror,
        perspective=choice.perspective,
        rotate=choice.rotate,
        erase=choice.erase,
    )
    if choice.corrupt:
        spoiled = corrupted(batch.silhouettes, generator, share=choice.corrupt)
        batch = batch._replace(silhouettes=spoiled)
    own = training.group.share(len(rows))
    return Batch(batch.silhouettes[own], batch.keypoints[own], batch.counts), groups


def clips_of(training: Training, step: int) -> tuple[Int64s, Int64s, np.random.Generator]:
    """Returns rows `[n, frames]` of a step's clips, their subjects `[n]`, and the generator.

    The generator depends only on seed and step; augmentation continues with it.
    """
    choice = training.settings
    sequences, groups = batch_indices(training, step)
    generator = step_generator(training.seed, step + (1 << 32))
    rows = clip_rows(training.store, sequences, choice.frames, generator, order=choice.order)
    return rows, groups, generator


def step_loss(
    embeddings: Tensor, scores: Tensor | None, subjects: Tensor, choice: Train
) -> StepTerms:
    """Returns the triplet loss, plus weighted cross-entropy if there are scores.

    Args:
        embeddings: `[n, p, d]`, those of a subject one after the other.
        scores: `[n, p, classes]` of the classifier, or None.
        subjects: `[n]`, the class of each sequence.
        choice: margin, weights and factor of the losses, label smoothing.
    """
    triplet = triplet_loss(
        embeddings, choice.sequences_per_subject, margin=choice.margin, weights=choice.loss
    )
    metrics = triplet._asdict()
    loss = metrics.pop("loss")
    if scores is not None:
        classified = classification_loss(scores, subjects, smoothing=choice.label_smoothing)
        loss = loss + choice.cross_entropy * classified.loss
        metrics |= {"cross_entropy": classified.loss.detach(), "accuracy": classified.accuracy}
    return StepTerms(loss, metrics)


def batch_indices(training: Training, step: int) -> tuple[Int64s, Int64s]:
    """Returns the sequences and subjects of a step's batch, see `sample_sequences`."""
    return sample_sequences(
        training.groups,
        subjects_per_batch=training.settings.subjects_per_batch,
        sequences_per_subject=training.settings.sequences_per_subject,
        generator=step_generator(training.seed, step),
    )
