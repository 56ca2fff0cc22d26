"""One step of training: a batch drawn by its number, the loss, the optimiser."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import MultiStepLR

from gaittake.data.augment import augment
from gaittake.data.clips import clip_rows
from gaittake.data.resident import Resident, gather_clips
from gaittake.data.sampler import Indices, sample_sequences, step_generator
from gaittake.losses.classification import PartClassifier, classification_loss
from gaittake.losses.triplet import triplet_loss
from gaittake.precision import autocast
from gaittake.settings import Train


class Training(NamedTuple):
    """What a step works on; the classifier is None where training has no cross-entropy."""

    network: nn.Module
    classifier: PartClassifier | None
    optimiser: Adam
    schedule: MultiStepLR
    resident: Resident
    groups: list[Indices]
    settings: Train
    seed: int


class StepTerms(NamedTuple):
    """The loss that was lowered, and named numbers to watch beside it."""

    loss: Tensor
    watched: dict[str, Tensor]


def train_step(training: Training, step: int) -> StepTerms:
    """Takes one optimiser step and returns the terms of its loss."""
    choice = training.settings
    sequences, groups = batch_indices(training, step)
    generator = step_generator(training.seed, step + (1 << 32))
    rows = clip_rows(training.resident, sequences, choice.frames, generator, order=choice.order)
    batch = augment(
        gather_clips(training.resident, rows),
        generator,
        mirror=choice.mirror,
        rotate=choice.rotate,
        erase=choice.erase,
    )
    subjects = torch.from_numpy(groups).to(batch.silhouettes.device, non_blocking=True)
    with autocast(batch.silhouettes.device, choice.precision):
        embeddings = training.network(*batch)
        scores = training.classifier(embeddings) if training.classifier else None
    terms = step_loss(embeddings, scores, subjects, choice)
    training.optimiser.zero_grad(set_to_none=True)
    terms.loss.backward()  # type: ignore[no-untyped-call]
    training.optimiser.step()
    training.schedule.step()
    return terms


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
