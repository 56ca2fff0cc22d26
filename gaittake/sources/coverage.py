"""Coverage: which of the protocol's subjects, sequences and views the data has and lacks.

`check` counts what the index found, `evaluate` what was embedded.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from gaittake.comparison import COMPARISONS, GALLERY, PROBES
from gaittake.protocol import PARTITION, expand
from gaittake.sequence import Identity, angle_of
from gaittake.settings import Protocol

MOST_NAMES = 8  # in a message
# Share of the training sequences that may lack colour: these get no pseudo-labels.
MOST_WITHOUT_COLOUR = 0.1


class Coverage(NamedTuple):
    """The part of the protocol's test data that exists.

    Attributes:
        subjects_missing: test subjects without a sequence of the protocol.
        of_subjects: number of test subjects in the protocol.
        views: of the protocol, ascending.
        gallery: number of sequences in each cell (a view, a camera, or all), by condition.
        probes: likewise.
        of_sequences: number of sequences with a role that the protocol names; a sequence that is
            a probe of two conditions counts once. None: not known, because the protocol does not
            name every type, or its views are not angles; unless sequences that it lists one by one
            are missing: then these and those that there are.
        sequences: number of them that there are.
        types: of all sequences of the test subjects, also of those without a role, ascending.
    """

    subjects_missing: list[str]
    of_subjects: int
    views: tuple[str, ...]
    gallery: dict[str, dict[str, int]]
    probes: dict[str, dict[str, int]]
    of_sequences: int | None
    sequences: int
    types: list[str]

    @property
    def gallery_views_missing(self) -> list[str]:
        """Cells without a gallery sequence, of any condition."""
        return sorted({cell for cells in _empty(self.gallery).values() for cell in cells})

    @property
    def probe_views_missing(self) -> dict[str, list[str]]:
        """Cells without a probe, for each condition that has such cells."""
        return _empty(self.probes)


def _empty(counts: dict[str, dict[str, int]]) -> dict[str, list[str]]:
    """Returns the cells without a sequence, for each condition that has such cells."""
    lacking = {
        name: [cell for cell, count in cells.items() if not count] for name, cells in counts.items()
    }
    return {name: cells for name, cells in lacking.items() if cells}


def cover(protocol: Protocol, subjects: Sequence[str], found: Iterable[Identity]) -> Coverage:
    """Returns the part of the test data that exists.

    Args:
        protocol: gallery, probes and views.
        subjects: the test subjects.
        found: sequences; those of other subjects, names and views do not count.
    """
    if protocol.submission.header:  # nobody knows who its probes are
        subjects = [name for name in subjects if name != protocol.submission.subject]
    wanted = set(subjects)
    tested = [row for row in found if row[0] in wanted]
    at = [row for row, used in zip(tested, protocol.used(tested), strict=True) if used]
    views = protocol.counted_views(view for _, _, view in at)
    shown = set(views)
    at = [row for row in at if row[2] in shown]
    present = {subject for subject, _, _ in at}
    gallery, probes = {}, {}
    for row in protocol.rows():
        members, comparison = protocol.members(row, at), COMPARISONS[row.kind]
        gallery[row.name] = _counts(at, members.gallery, views, comparison.gallery_cell)
        probes[row.name] = _counts(at, members.probes, views, comparison.probe_cell)
    return Coverage(
        subjects_missing=[subject for subject in subjects if subject not in present],
        of_subjects=len(subjects),
        views=views,
        gallery=gallery,
        probes=probes,
        of_sequences=_expected(protocol, len(subjects), views)
        or _listed(protocol, tested, len(at)),
        sequences=len(at),
        types=sorted({kind for _, kind, _ in tested}),
    )


def _counts(
    found: Sequence[Identity],
    chosen: list[bool],
    views: tuple[str, ...],
    cell_of: Callable[[str], str],
) -> dict[str, int]:
    """Returns the number of chosen sequences in the cell of each view."""
    counts = dict.fromkeys(sorted(map(cell_of, views)), 0)
    for (_, _, view), is_chosen in zip(found, chosen, strict=True):
        counts[cell_of(view)] += is_chosen
    return counts


def _expected(protocol: Protocol, subjects: int, views: tuple[str, ...]) -> int | None:
    """Returns the number of sequences that the protocol names; None if it is not known."""
    named = [name for row in protocol.rows() for names in row[2:] for name in names]
    if not protocol.names_types() or None in map(angle_of, views):
        return None
    return subjects * len(expand(named)) * len(views)


def _listed(protocol: Protocol, found: Iterable[Identity], used: int) -> int | None:
    """Returns the number of used sequences and of listed ones that are missing; None if none is."""
    rows, names = protocol.rows(), set(map("-".join, found))
    listed: set[str] = set()
    if any(PARTITION in row.gallery for row in rows):
        listed |= {*protocol.listed_gallery}
    if any(PARTITION in row.probes for row in rows):
        listed |= {*protocol.listed_probes}
    missing = listed - names
    return used + len(missing) if missing else None


def without_gallery(coverage: Coverage) -> list[tuple[str, list[str]]]:
    """Returns the empty cells of each gallery, and its condition unless all share it."""
    empty = _empty(coverage.gallery)
    one_for_all = len({tuple(counts.items()) for counts in coverage.gallery.values()}) == 1
    if one_for_all:
        return [("", cells) for cells in list(empty.values())[:1]]
    return [(f" of {condition}", cells) for condition, cells in empty.items()]


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
    for of_condition, cells in without_gallery(coverage):
        parts.append(f"no gallery{of_condition}{at_cells(cells)}")
    for condition, cells in coverage.probe_views_missing.items():
        parts.append(f"no {condition}{at_cells(cells)}")
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


def at_cells(cells: list[str]) -> str:
    """Returns cells in words: ` at views 000, 036`; '' for the cell of everything."""
    if cells in ([PROBES], [GALLERY]):
        return ""
    return f" at {listed_views(cells)}"


def listed_views(views: list[str]) -> str:
    """Returns views in words: `views 000, 036`."""
    return ("view " if len(views) == 1 else "views ") + ", ".join(views)


def listed(names: Sequence[str]) -> str:
    """Returns the first of some names."""
    return ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")
