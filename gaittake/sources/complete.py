"""What the test data must have: something to compare, and every part of the protocol."""

from collections import Counter
from collections.abc import Sequence

from gaittake.errors import UserError
from gaittake.sources.coverage import Coverage, at_cells, listed, listed_views, without_gallery


def lacking(coverage: Coverage, *, same_view: bool) -> list[str]:
    """Returns the missing parts of the test data in words; a single sequence is no part.

    Args:
        coverage: of the test data.
        same_view: whether pairs of identical views count.
    """
    missing, faults = coverage.subjects_missing, []
    if missing:
        faults.append(
            f"{len(missing)} of {coverage.of_subjects} test subjects have no usable sequence "
            f"({listed(missing)})"
        )
    for of_condition, cells in without_gallery(coverage):
        faults.append(f"no gallery sequence{of_condition}{at_cells(cells)}")
    for condition, cells in coverage.probe_views_missing.items():
        faults.append(f"no {condition} probe{at_cells(cells)}")
    return faults + _without_pairs(coverage, same_view=same_view)


def _without_pairs(coverage: Coverage, *, same_view: bool) -> list[str]:
    """Returns a sentence for each condition whose probes and gallery meet in no pair of views."""
    faults = []
    for condition, counts in coverage.probes.items():
        held = [cell for cell, count in coverage.gallery[condition].items() if count]
        probed = [cell for cell, count in counts.items() if count]
        pairs = any(same_view or a != b for a in probed for b in held)
        if probed and held and not pairs:
            faults.append(
                f"{condition} probes and gallery have {listed_views(held)} only, and pairs of "
                "identical views do not count; set protocol.same_view: true to count them"
            )
    return faults


def _spelled_twice(views: Sequence[str]) -> list[str]:
    """Returns the views whose names are the same angle, as `0` and `000`."""
    angles = Counter(int(view) for view in views if _is_number(view))
    return [view for view in views if _is_number(view) and angles[int(view)] > 1]


def _is_number(view: str) -> bool:
    return view.isdecimal() and len(view) <= 3


def require_comparable(
    coverage: Coverage, *, what: str, where: str, subjects: Sequence[str], same_view: bool
) -> None:
    """Checks that there is something to compare, however much is missing.

    Args:
        coverage: of the test data.
        what: begins the message: `check of casiab`.
        where: what the sequences would be: `is in the index`.
        subjects: the test subjects.
        same_view: whether pairs of identical views count.

    Raises:
        UserError: views that are one angle, no probe or gallery sequence, or no pair of views.
    """
    if twice := _spelled_twice(coverage.views):
        raise UserError(
            f"{what}: views {listed(twice)} are one angle with two names, whose pairs would count "
            "as pairs of different views; rename the folders of one of them"
        )
    held = sum(sum(counts.values()) for counts in coverage.gallery.values())
    probed = [name for name, counts in coverage.probes.items() if any(counts.values())]
    if not held or not probed:
        lacks = "probe" if held else "gallery"
        held_types = f"theirs are {listed(coverage.types)}" if coverage.types else "they have none"
        raise UserError(
            f"{what}: no {lacks} sequence of the {coverage.of_subjects} test subjects "
            f"({listed(subjects)}) {where}; protocol.gallery and protocol.probes must name "
            f"sequences of the dataset, where {held_types}"
        )
    faults = _without_pairs(coverage, same_view=same_view)
    if len(faults) == len(probed):
        raise UserError(f"{what}: {faults[0]}")


def require_complete(coverage: Coverage, *, what: str, same_view: bool) -> None:
    """Checks that the test data has every subject, view and condition of the protocol.

    Args:
        coverage: of the test data.
        what: begins the message: `evaluation of casiab`.
        same_view: whether pairs of identical views count.

    Raises:
        UserError: parts are missing; the message lists them.
    """
    faults = lacking(coverage, same_view=same_view)
    if faults:
        raise incomplete(what, faults, rejects="rejects.csv lists")


def incomplete(what: str, faults: list[str], *, rejects: str) -> UserError:
    """Returns the error for parts of the protocol that are missing.

    Args:
        what: begins the message.
        faults: the missing parts.
        rejects: the tables that list the skipped files, with the verb.
    """
    return UserError(
        f"{what}: {'; '.join(faults)}; {rejects} skipped files and the reasons; "
        "protocol.partial=true evaluates the available data and marks every result as partial"
    )
