"""Who trains, who tests, who is held out, in which shards."""

from gaittake.errors import UserError
from gaittake.protocol import expand
from gaittake.settings import Settings
from gaittake.sources.walkers.recorded import recorded_walks


def train_subjects(settings: Settings) -> list[str]:
    """Returns the subjects that all stages train on."""
    return expand(settings.protocol.train_subjects)


def test_subjects(settings: Settings) -> list[str]:
    """Returns the subjects that are evaluated; nothing is trained on them.

    Raises:
        UserError: a subject is in both lists, or 'recorded' is set without recorded motion.
    """
    if settings.protocol.test_subjects == ("recorded",):
        walkers = settings.walkers
        if walkers.recorded is None:
            raise UserError(
                "protocol.test_subjects: 'recorded' needs walkers.recorded, the .npz of the walks"
            )
        try:
            tested = list(recorded_walks(walkers.recorded, halves=walkers.recorded_halves))
        except (ValueError, OSError) as error:
            raise UserError(str(error)) from error
    else:
        tested = expand(settings.protocol.test_subjects)
    both = sorted(set(tested) & set(train_subjects(settings)))
    if both:
        raise UserError(
            f"protocol: {both[:5]} train and test; remove them from one of the two lists"
        )
    return tested


def held_out(settings: Settings) -> list[str]:
    """Returns the training subjects that fine-tuning leaves out, to measure itself on."""
    return train_subjects(settings)[settings.pose.holdout_every - 1 :: settings.pose.holdout_every]


def shards(settings: Settings) -> dict[str, list[str]]:
    """Returns the subjects of each shard: `train-000`, …, then `test-000`, ….

    A subject appended to a list changes the last shard of this list, or makes a new one.
    """
    size = settings.shard_subjects
    named = {"train": train_subjects(settings), "test": test_subjects(settings)}
    return {
        f"{part}-{first // size:03d}": subjects[first : first + size]
        for part, subjects in named.items()
        for first in range(0, len(subjects), size)
    }


def lender(settings: Settings, lent: Settings) -> str:
    """Returns the name of the dataset whose networks are tested here.

    Args:
        settings: of the dataset that borrows them.
        lent: of the dataset that trained them.

    Raises:
        UserError: the networks were trained on a subject that is tested here.
    """
    ours, theirs = (each.source.model_copy(update={"keypoints": ()}) for each in (settings, lent))
    same = ours == theirs
    if settings.rendered:
        same = settings.walkers.seed == lent.walkers.seed
    both = sorted(set(test_subjects(settings)) & set(train_subjects(lent))) if same else []
    if both:
        raise UserError(
            f"networks_from: {lent.dataset}'s networks were trained on {both[:5]}, whom "
            f"{settings.dataset} tests; remove them from protocol.test_subjects"
        )
    return lent.dataset
