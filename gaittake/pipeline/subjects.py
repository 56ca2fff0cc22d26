"""The subjects for training, for testing and held out, and their shards."""

from gaittake.errors import UserError
from gaittake.protocol import expand
from gaittake.settings import Settings
from gaittake.settings.methods import KNOWN
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


def check_lent(settings: Settings, lent: Settings, method: str) -> None:
    """Checks that a borrowed network is the one that the borrower would build.

    Args:
        settings: of the dataset that borrows it.
        lent: of the dataset that trains it.
        method: that both have.

    Raises:
        UserError: the lender lacks the method, or its network or silhouettes are others.
    """
    mine, theirs = settings.dataset, lent.dataset
    if method not in lent.methods and method not in KNOWN:
        raise UserError(
            f"networks_from: {theirs} has no methods.{method}, which {mine} tests; define it in "
            f"config/{theirs}.yaml, or remove it from {mine}"
        )
    ours, others = (_built(each, method) for each in (settings, lent))
    differing = [name for name in ours if ours[name] != others.get(name)]
    if differing:
        name = differing[0]
        raise UserError(
            f"networks_from: {mine} has {name} {ours[name]} for methods.{method}, whose network is "
            f"trained on {theirs} with {others.get(name)}; remove it from {mine}'s settings"
        )


def _built(settings: Settings, method: str) -> dict[str, object]:
    """Returns what decides which weights a method's network has, by the names of the settings."""
    model = settings.method_model(method).model_dump()
    sizes = {"align.height": settings.align.height, "align.width": settings.align.width}
    network = {"network": settings.method(method).network}
    return network | sizes | {f"model.{name}": value for name, value in model.items()}
