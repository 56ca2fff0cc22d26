"""One step of training: a batch drawn by its number, the loss, the optimiser."""

from typing import NamedTuple

import torch
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import MultiStepLR

from gaittake.data.resident import Resident, clip_rows, gather_clips
from gaittake.data.sampler import Indices, sample_sequences, step_generator
from gaittake.losses.triplet import TripletTerms, triplet_loss
from gaittake.settings import Train


class Training(NamedTuple):
    """What a step works on."""

    network: nn.Module
    optimiser: Adam
    schedule: MultiStepLR
    resident: Resident
    groups: list[Indices]
    settings: Train
    seed: int


def train_step(training: Training, step: int) -> TripletTerms:
    """Takes one optimiser step and returns the terms of its loss."""
    choice = training.settings
    sequences, groups = batch_indices(training, step)
    generator = step_generator(training.seed, step + (1 << 32))
    rows = clip_rows(training.resident, sequences, choice.frames, generator)
    batch = gather_clips(training.resident, rows)
    subjects = torch.from_numpy(groups).to(batch.silhouettes.device, non_blocking=True)
    with autocast(batch.silhouettes.device, choice.precision):
        embeddings = training.network(*batch)
    terms = triplet_loss(embeddings, subjects, margin=choice.margin, weights=choice.loss)
    training.optimiser.zero_grad(set_to_none=True)
    terms.loss.backward()  # type: ignore[no-untyped-call]
    training.optimiser.step()
    training.schedule.step()
    return terms


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Returns the precision to compute in: bfloat16 where the device has it, unless told otherwise.

    Args:
        device: where the network computes.
        precision: `auto` or `float32`.
    """
    able = precision == "auto" and has_bfloat16(device)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=able)


def has_bfloat16(device: torch.device) -> bool:
    """Returns whether the device multiplies in bfloat16 itself, twice as fast as in float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def batch_indices(training: Training, step: int) -> tuple[Indices, Indices]:
    """Returns the sequences of a step's batch and their subjects, as `sample_sequences` does."""
    return sample_sequences(
        training.groups,
        subjects_per_batch=training.settings.subjects_per_batch,
        sequences_per_subject=training.settings.sequences_per_subject,
        generator=step_generator(training.seed, step),
    )
