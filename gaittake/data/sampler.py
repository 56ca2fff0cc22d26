"""P x K batches: P subjects with K sequences each, a pure function of seed and step."""

import logging

import numpy as np

from gaittake.arrays import Int64s
from gaittake.errors import UserError

logger = logging.getLogger(__name__)


def group_by_subject(subjects: list[str], *, subjects_per_batch: int) -> list[Int64s]:
    """Returns the indices of each subject's sequences, for subjects with two or more.

    Args:
        subjects: subject of each sequence.
        subjects_per_batch: P, the number of subjects that is needed.

    Raises:
        UserError: too few subjects.
    """
    names = np.array(subjects)
    groups = [np.flatnonzero(names == name) for name in sorted(set(subjects))]
    usable = [group for group in groups if len(group) >= 2]
    if len(usable) < len(groups):
        alone = [subjects[group[0]] for group in groups if len(group) < 2]
        logger.warning(
            "skipped in training: subjects with a single sequence: %s",
            ", ".join(alone),
        )
    if len(usable) < max(2, subjects_per_batch):
        fix = (
            f"set train.subjects_per_batch to {len(usable)} or less"
            if len(usable) >= 2
            else "add subjects, or sequences of each"
        )
        raise UserError(
            f"train.subjects_per_batch is {subjects_per_batch}, but {len(usable)} training "
            f"subjects have two sequences or more: {fix}"
        )
    return usable


def sample_sequences(
    groups: list[Int64s],
    *,
    subjects_per_batch: int,
    sequences_per_subject: int,
    generator: np.random.Generator,
) -> tuple[Int64s, Int64s]:
    """Returns the sequences `[P*K]` of a batch and the group `[P*K]` of each.

    Sequences of a subject with fewer than K are repeated.
    """
    chosen = generator.choice(len(groups), subjects_per_batch, replace=False)
    sequences = []
    for group in chosen:
        members = groups[group]
        order = generator.permutation(members)
        extra = generator.choice(members, max(0, sequences_per_subject - len(members)))
        sequences.append(np.concatenate([order[:sequences_per_subject], extra]))
    return np.concatenate(sequences), chosen.repeat(sequences_per_subject)


def step_generator(seed: int, step: int) -> np.random.Generator:
    """Returns the generator of a step, so that a continued training draws the same batches."""
    return np.random.default_rng([seed, step])
