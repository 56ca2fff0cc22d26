"""What the protocol names and the data lacks: refused, or allowed and then said everywhere."""

from typing import Any, NamedTuple

import pandas as pd

from gaittake.errors import UserError
from gaittake.evaluation.roles import Roles
from gaittake.protocol import expand
from gaittake.sequence import Reject
from gaittake.settings import Protocol

NAMED = 8


class Missing(NamedTuple):
    """What is missing.

    Attributes:
        test_subjects: those without a usable sequence.
        of_test: how many the protocol has.
        train_subjects: those that the index did not find.
        of_train: how many the protocol has.
        gallery_views: those without a gallery sequence.
        probe_views: those without a probe, by condition; no condition without such a view.
    """

    test_subjects: list[str]
    of_test: int
    train_subjects: list[str]
    of_train: int
    gallery_views: list[int]
    probe_views: dict[str, list[int]]


def find_missing(
    protocol: Protocol,
    test_subjects: tuple[str, ...],
    sequences: pd.DataFrame,
    roles: Roles,
    rejects: list[Reject],
) -> Missing:
    """Returns what is missing.

    Args:
        protocol: names the training subjects.
        test_subjects: those of the protocol.
        sequences: those that were embedded.
        roles: of the sequences.
        rejects: what was refused on the way; it names the subjects that were not on disk.
    """
    train = expand(protocol.train_subjects)
    absent = {
        place.rpartition("/")[2]
        for row in rejects
        if row.stage == "index" and "missing" in row.reason
        for place in row.path.split(", ")
    }
    found = set(sequences["subject"])
    lacking = {
        name: [v for v in roles.views if not (chosen & (roles.view == v)).any()]
        for name, chosen in roles.conditions.items()
    }
    return Missing(
        test_subjects=[subject for subject in test_subjects if subject not in found],
        of_test=len(test_subjects),
        train_subjects=[subject for subject in train if subject in absent],
        of_train=len(train),
        gallery_views=[view for view in roles.views if not len(roles.gallery_of(view))],
        probe_views={name: views for name, views in lacking.items() if views},
    )


def require_whole(missing: Missing, dataset: str) -> None:
    """Raises where the evaluation would not be that of the protocol.

    Training subjects are not asked for here: who is missing among them is said beside the result.

    Raises:
        UserError: names what is missing.
    """
    faults = []
    if missing.test_subjects:
        faults.append(
            f"{len(missing.test_subjects)} of {missing.of_test} test subjects have no usable "
            f"sequence ({_named(missing.test_subjects)})"
        )
    if missing.gallery_views:
        faults.append(f"no gallery sequence at {_degrees(missing.gallery_views)}")
    for condition, views in missing.probe_views.items():
        faults.append(f"no {condition} probe at {_degrees(views)}")
    if faults:
        raise UserError(
            f"evaluation of {dataset}: {'; '.join(faults)}; rejects.csv says what was refused; "
            "protocol.partial=true evaluates what there is, and says so beside every number"
        )


def label(missing: Missing) -> str:
    """Returns what there is of what the protocol names, '' where nothing is missing."""
    said = []
    for what, absent, total in (
        ("test subjects", missing.test_subjects, missing.of_test),
        ("training subjects", missing.train_subjects, missing.of_train),
    ):
        if absent:
            said.append(f"{total - len(absent)} of {total} {what}")
    if missing.gallery_views:
        said.append(f"no gallery at {_degrees(missing.gallery_views)}")
    for condition, views in missing.probe_views.items():
        said.append(f"no {condition} at {_degrees(views)}")
    return "; ".join(said)


def partial(missing: Missing) -> dict[str, Any] | None:
    """Returns what `metrics.json` says of it; None where nothing is missing."""
    said = label(missing)
    if not said:
        return None
    return {
        "label": said,
        "test_subjects_missing": missing.test_subjects,
        "train_subjects_missing": missing.train_subjects,
        "gallery_views_missing": missing.gallery_views,
        "probe_views_missing": missing.probe_views,
    }


def _degrees(views: list[int]) -> str:
    return ("view " if len(views) == 1 else "views ") + ", ".join(f"{v:03d}" for v in views)


def _named(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
