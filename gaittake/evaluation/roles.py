"""Roles of the sequences in the protocol, and the parts of the protocol that the data lacks."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gaittake.arrays import Bools, Int64s
from gaittake.errors import UserError
from gaittake.protocol import expand
from gaittake.sequence import Reject
from gaittake.settings import Protocol

MOST_NAMES = 8  # in a message


class Roles(NamedTuple):
    """The role of each sequence. Sequences of other views have no role.

    Attributes:
        views: of the protocol, ascending.
        view: `[n]` of each sequence, degrees.
        gallery: `[n]` whether the sequence is in the gallery.
        conditions: `[n]` for each condition, whether the sequence is one of its probes.
    """

    views: tuple[int, ...]
    view: Int64s
    gallery: Bools
    conditions: dict[str, Bools]

    def gallery_of(self, view: int) -> Int64s:
        """Returns the row numbers of a view's gallery sequences."""
        return np.flatnonzero(self.gallery & (self.view == view))


def assign_roles(
    sequences: pd.DataFrame,
    *,
    gallery: Iterable[str],
    probes: Mapping[str, Iterable[str]],
    views: Iterable[int] = (),
) -> Roles:
    """Returns the roles of sequences.

    Args:
        sequences: condition, number and view of each sequence.
        gallery: names of the gallery sequences: `nm-01`, ….
        probes: names of the probe sequences of each condition.
        views: views that count; default: all views of sequences with a role.
    """
    names = sequence_names(sequences)
    view = sequences["view"].to_numpy()
    in_gallery = names.isin(list(gallery)).to_numpy()
    chosen = {name: names.isin(list(wanted)).to_numpy() for name, wanted in probes.items()}
    used = np.logical_or.reduce([in_gallery, *chosen.values()])
    counted = tuple(sorted(views)) or tuple(int(item) for item in np.unique(view[used]))
    known = np.isin(view, counted)
    conditions = {name: is_probe & known for name, is_probe in chosen.items()}
    return Roles(counted, view, in_gallery & known, conditions)


def sequence_names(sequences: pd.DataFrame) -> "pd.Series[str]":
    """Returns the name of each sequence as in a protocol: `nm-01`."""
    return sequences["condition"] + "-" + sequences["number"].map("{:02d}".format)


class Missing(NamedTuple):
    """Parts of the protocol that the data lacks.

    Attributes:
        test_subjects: without a usable sequence.
        of_test: number of test subjects in the protocol.
        train_subjects: not found by the index stage.
        of_train: number of training subjects in the protocol.
        gallery_views: without a gallery sequence.
        probe_views: without a probe, for each condition that has such views.
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
    """Returns the missing parts.

    Args:
        protocol: has the training subjects.
        test_subjects: of the protocol.
        sequences: those with an embedding.
        roles: of these sequences.
        rejects: of all stages; the index stage lists missing subjects there.
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
        name: [v for v in roles.views if not (is_probe & (roles.view == v)).any()]
        for name, is_probe in roles.conditions.items()
    }
    return Missing(
        test_subjects=[subject for subject in test_subjects if subject not in found],
        of_test=len(test_subjects),
        train_subjects=[subject for subject in train if subject in absent],
        of_train=len(train),
        gallery_views=[view for view in roles.views if not len(roles.gallery_of(view))],
        probe_views={name: views for name, views in lacking.items() if views},
    )


def require_complete(missing: Missing, dataset: str) -> None:
    """Checks that the test data covers the protocol. Training subjects may be missing.

    Raises:
        UserError: test subjects or views are missing; the message lists them.
    """
    faults = []
    if missing.test_subjects:
        faults.append(
            f"{len(missing.test_subjects)} of {missing.of_test} test subjects have no usable "
            f"sequence ({_listed(missing.test_subjects)})"
        )
    if missing.gallery_views:
        faults.append(f"no gallery sequence at {_degrees(missing.gallery_views)}")
    for condition, views in missing.probe_views.items():
        faults.append(f"no {condition} probe at {_degrees(views)}")
    if faults:
        raise UserError(
            f"evaluation of {dataset}: {'; '.join(faults)}; rejects.csv lists skipped files and "
            "the reasons; protocol.partial=true evaluates the available data and marks every "
            "result as partial"
        )


def partial_label(missing: Missing) -> str:
    """Returns the available parts of the protocol in words, '' if nothing is missing."""
    parts = []
    for what, absent, total in (
        ("test subjects", missing.test_subjects, missing.of_test),
        ("training subjects", missing.train_subjects, missing.of_train),
    ):
        if absent:
            parts.append(f"{total - len(absent)} of {total} {what}")
    if missing.gallery_views:
        parts.append(f"no gallery at {_degrees(missing.gallery_views)}")
    for condition, views in missing.probe_views.items():
        parts.append(f"no {condition} at {_degrees(views)}")
    return "; ".join(parts)


def describe_partial(missing: Missing) -> dict[str, Any] | None:
    """Returns the entry `partial` of `metrics.json`; None if nothing is missing."""
    label = partial_label(missing)
    if not label:
        return None
    return {
        "label": label,
        "test_subjects_missing": missing.test_subjects,
        "train_subjects_missing": missing.train_subjects,
        "gallery_views_missing": missing.gallery_views,
        "probe_views_missing": missing.probe_views,
    }


def _degrees(views: list[int]) -> str:
    return ("view " if len(views) == 1 else "views ") + ", ".join(f"{v:03d}" for v in views)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")
