"""Coverage: what the data has of the protocol's subjects, sequences and views, and what it lacks.

`check` counts what the index found, `evaluate` what was embedded.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from gaittake.errors import UserError
from gaittake.protocol import expand, is_pattern, matching
from gaittake.sequence import Identity, angle_of
from gaittake.settings import Protocol

MOST_NAMES = 8  # in a message
# Share of the training sequences that may lack colour: these get no pseudo-labels.
MOST_WITHOUT_COLOUR = 0.1


class Coverage(NamedTuple):
    """What there is of the protocol's test data.

    Attributes:
        subjects_missing: test subjects without a sequence of the protocol.
        of_subjects: number of test subjects in the protocol.
        views: of the protocol, ascending.
        gallery: number of sequences at each view.
        probes: number of sequences at each view, by condition.
        of_sequences: number of sequences with a role that the protocol names; a sequence that is
            a probe of two conditions counts once. None: not known, because the protocol has
            patterns, or its views are not angles.
        sequences: number of them that there are.
    """

    subjects_missing: list[str]
    of_subjects: int
    views: tuple[str, ...]
    gallery: dict[str, int]
    probes: dict[str, dict[str, int]]
    of_sequences: int | None
    sequences: int

    @property
    def gallery_views_missing(self) -> list[str]:
        """Views without a gallery sequence."""
        return [view for view in self.views if not self.gallery[view]]

    @property
    def probe_views_missing(self) -> dict[str, list[str]]:
        """Views without a probe, for each condition that has such views."""
        lacking = {
            name: [view for view in self.views if not counts[view]]
            for name, counts in self.probes.items()
        }
        return {name: views for name, views in lacking.items() if views}


def cover(protocol: Protocol, subjects: Sequence[str], found: Iterable[Identity]) -> Coverage:
    """Returns what there is of the test data.

    Args:
        protocol: gallery, probes and views.
        subjects: the test subjects.
        found: sequences; those of other subjects, names and views do not count.
    """
    wanted = set(subjects)
    at = [row for row in found if row[0] in wanted]
    types = {kind for _, kind, _ in at}
    gallery = matching(types, protocol.gallery)
    conditions = {name: matching(types, names) for name, names in protocol.probes.items()}
    named = gallery.union(*conditions.values())
    at = [row for row in at if row[1] in named]
    views = counted_views(protocol, {view for _, _, view in at})
    at = [row for row in at if row[2] in views]
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for _, name, view in at:
        counts[name, view] += 1
    present = {subject for subject, _, _ in at}
    return Coverage(
        subjects_missing=[subject for subject in subjects if subject not in present],
        of_subjects=len(subjects),
        views=views,
        gallery={view: sum(counts[name, view] for name in gallery) for view in views},
        probes={
            condition: {view: sum(counts[name, view] for name in names) for view in views}
            for condition, names in conditions.items()
        },
        of_sequences=_expected(protocol, len(subjects), views),
        sequences=len(at),
    )


def counted_views(protocol: Protocol, present: Iterable[str]) -> tuple[str, ...]:
    """Returns the protocol's views, ascending; without any, those of the data.

    Args:
        protocol: its views, and those that it leaves out.
        present: views of the test sequences.
    """
    return tuple(sorted(set(protocol.views or present) - set(protocol.views_excluded)))


def _expected(protocol: Protocol, subjects: int, views: tuple[str, ...]) -> int | None:
    """Returns the number of sequences that the protocol names; None if it is not known."""
    probes = (name for names in protocol.probes.values() for name in names)
    named = expand((*protocol.gallery, *probes))
    if any(map(is_pattern, named)) or None in map(angle_of, views):
        return None
    return subjects * len(named) * len(views)


def lacking(coverage: Coverage) -> list[str]:
    """Returns the missing parts of the test data in words; a single sequence is no part."""
    missing, faults = coverage.subjects_missing, []
    if missing:
        faults.append(
            f"{len(missing)} of {coverage.of_subjects} test subjects have no usable sequence "
            f"({listed(missing)})"
        )
    if coverage.gallery_views_missing:
        faults.append(f"no gallery sequence at {listed_views(coverage.gallery_views_missing)}")
    for condition, views in coverage.probe_views_missing.items():
        faults.append(f"no {condition} probe at {listed_views(views)}")
    return faults


def without_pairs(coverage: Coverage, *, same_view: bool) -> list[str]:
    """Returns the conditions that have probes but no pair of a probe and a gallery view.

    Args:
        coverage: of the test data.
        same_view: whether pairs of identical views count.
    """
    held = {view for view, count in coverage.gallery.items() if count}
    found = []
    for condition, counts in coverage.probes.items():
        probed = {view for view, count in counts.items() if count}
        pairs = any(same_view or a != b for a in probed for b in held)
        if probed and held and not pairs:
            found.append(condition)
    return found


def require_complete(coverage: Coverage, *, what: str) -> None:
    """Checks that the test data has every subject, view and condition of the protocol.

    Args:
        coverage: of the test data.
        what: begins the message: `evaluation of casiab`.

    Raises:
        UserError: parts are missing; the message lists them.
    """
    faults = lacking(coverage)
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


def partial_label(coverage: Coverage, check: dict[str, Any]) -> str:
    """Returns the available parts of the protocol in words, '' if no part is missing.

    Args:
        coverage: of the test data.
        check: contents of `check.json`, for the training subjects.
    """
    train, colour = check["train_subjects"], check["without_colour"]
    parts: list[str] = []
    for what, absent, total in (
        ("test subjects", len(coverage.subjects_missing), coverage.of_subjects),
        ("training subjects", len(train["missing"]), train["expected"]),
    ):
        if absent:
            parts.append(f"{total - absent} of {total} {what}")
    if coverage.gallery_views_missing:
        parts.append(f"no gallery at {listed_views(coverage.gallery_views_missing)}")
    for condition, views in coverage.probe_views_missing.items():
        parts.append(f"no {condition} at {listed_views(views)}")
    if too_few_colours(colour):
        parts.append(_colours(colour))
    return "; ".join(parts)


def describe_partial(coverage: Coverage, check: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the entry `partial` of `metrics.json`; None if no part is missing.

    Args:
        coverage: of the test data.
        check: contents of `check.json`.
    """
    label = partial_label(coverage, check)
    if not label:
        return None
    return {
        "label": label,
        "test_subjects_missing": coverage.subjects_missing,
        "train_subjects_missing": check["train_subjects"]["missing"],
        "gallery_views_missing": coverage.gallery_views_missing,
        "probe_views_missing": coverage.probe_views_missing,
    }


def sequences_note(sequences: dict[str, Any], check: dict[str, Any]) -> str:
    """Returns how many single sequences are missing, as a sentence, '' if none.

    Args:
        sequences: found and expected numbers of test sequences; expected None: not known.
        check: contents of `check.json`.
    """
    found, expected, colour = sequences["found"], sequences["expected"], check["without_colour"]
    parts = []
    if expected is not None and found < expected:
        parts.append(f"found {found:,} of {expected:,} test sequences")
    if colour and colour["sequences"]:
        parts.append(_colours(colour))
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def too_few_colours(colour: dict[str, Any] | None) -> bool:
    """Returns whether more training sequences lack colour than may.

    Args:
        colour: numbers of training sequences without colour and of all; None: not needed.
    """
    return bool(colour and colour["sequences"] > MOST_WITHOUT_COLOUR * colour["of"])


def _colours(colour: dict[str, Any]) -> str:
    return f"{colour['sequences']:,} of {colour['of']:,} training sequences have no colour video"


def listed_views(views: list[str]) -> str:
    """Returns views in words: `views 000, 036`."""
    return ("view " if len(views) == 1 else "views ") + ", ".join(views)


def listed(names: Sequence[str]) -> str:
    """Returns the first of some names."""
    return ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")
