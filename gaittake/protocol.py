"""Names of subjects and sequences, as a protocol lists them."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from gaittake.errors import UserError

# The type of a sequence in the layouts that fix its form, as nm-01: condition and number, which has
# at least two digits.
TYPE = r"[A-Za-z][A-Za-z0-9_]*-(?:\d{2}|[1-9]\d{2,})"
# In place of names: those of the dataset's partition file; every sequence that is no probe.
PARTITION, OTHERS = "partition", "others"
MOST_NAMES = 1_000_000
_RANGE = "a range is first..last or first..last..step, for example 001..074"


def canonical_name(name: str) -> str:
    """Returns a name in Unicode's composed form (NFC): macOS writes `ö` as two characters."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def expand(names: Iterable[str]) -> list[str]:
    """Returns the names with ranges written out, each name once.

    `001..003` is 001, 002, 003; `001..005..2` is 001, 003, 005.

    Raises:
        UserError: a range is malformed, empty, or backwards.
    """
    expanded: dict[str, None] = {}
    for name in map(canonical_name, names):
        expanded |= dict.fromkeys(_range(name) if ".." in name or "…" in name else [name])
    return list(expanded)


def _range(name: str) -> list[str]:
    first, *rest = (part.strip() for part in name.split(".."))
    start, stop = (re.fullmatch(r"(.*?)(\d+)", end) for end in (first, rest[0] if rest else ""))
    step = rest[1] if len(rest) == 2 else "1"
    if not start or not stop or start[1] != stop[1] or len(rest) > 2 or not step.isdecimal():
        raise UserError(f"'{name}': {_RANGE}")
    digits = len(start[2])
    if digits < len(stop[2]) and stop[2].startswith("0"):
        raise UserError(f"'{name}': both ends of a range need the same number of digits")
    if int(step) == 0:
        raise UserError(f"'{name}': the step is 0, it must be 1 or more")
    if int(stop[2]) < int(start[2]):
        raise UserError(f"'{name}': the range ends before it starts; write {stop[0]}..{start[0]}")
    numbers = range(int(start[2]), int(stop[2]) + 1, int(step))
    if len(numbers) > MOST_NAMES:
        raise UserError(f"'{name}': {len(numbers):,} names, at most {MOST_NAMES:,} are possible")
    return [f"{start[1]}{number:0{digits}d}" for number in numbers]


class Partition(NamedTuple):
    """What a partition file lists, as OpenGait's users share them.

    Attributes:
        train: subjects.
        test: subjects.
        probes: sequences, `{subject}-{type}-{view}`; () if the file has none.
        gallery: likewise.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    probes: tuple[str, ...] = ()
    gallery: tuple[str, ...] = ()


def read_partition(content: Any, place: str) -> Partition:
    """Returns the lists of a partition file.

    Args:
        content: of the JSON file: `TRAIN_SET`, `TEST_SET`, and for some datasets `PROBE_SET` and
            `GALLERY_SET`.
        place: the file, for messages.

    Raises:
        UserError: a list is missing, empty, no list of texts, or a subject is in both.
    """
    found = content if isinstance(content, dict) else {}
    lists: dict[str, tuple[str, ...]] = {}
    for key, needed in (
        ("TRAIN_SET", True), ("TEST_SET", True), ("PROBE_SET", False), ("GALLERY_SET", False)
    ):  # fmt: skip
        names = found.get(key, None if needed else [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            held = f"it is {str(found[key])[:40]}" if key in found else f"found {_keys(content)}"
            raise UserError(
                f"{place}: '{key}' is not a list of names: {held}; a partition of OpenGait is "
                '{"TRAIN_SET": ["001"], "TEST_SET": ["075"]}'
            )
        lists[key] = tuple(dict.fromkeys(map(canonical_name, names)))
    both = [name for name in lists["TRAIN_SET"] if name in set(lists["TEST_SET"])]
    if both:
        raise UserError(f"{place}: {both[:5]} in TRAIN_SET and TEST_SET; remove them from one")
    if not lists["TEST_SET"]:
        raise UserError(f"{place}: TEST_SET is empty; at least one subject is required")
    return Partition(*lists.values())


def _keys(content: Any) -> str:
    """Returns what a JSON file holds in place of a list, in a few words."""
    if isinstance(content, dict):
        return ", ".join(map(repr, [*content][:5])) or "nothing"
    return f"a {type(content).__name__}"


def is_pattern(name: str) -> bool:
    """Returns whether a name is a pattern, as a shell's: `*-scene1-nm-*`."""
    return any(character in name for character in "*?[")


def matching(found: Iterable[str], names: Iterable[str]) -> set[str]:
    """Returns those of the found names that some names, ranges and patterns select."""
    exact, present = set(expand(names)), set(found)
    patterns = [name for name in exact if is_pattern(name)]
    chosen = present & exact
    return chosen | {name for name in present if any(fnmatchcase(name, p) for p in patterns)}


def selection(
    found: Sequence[tuple[str, str, str]], names: Iterable[str], listed: Iterable[str] = ()
) -> list[bool]:
    """Returns which of the found sequences some names select.

    Args:
        found: subject, type and view of each sequence.
        names: of types, ranges, patterns, and PARTITION.
        listed: the sequences that PARTITION means, `{subject}-{type}-{view}`.
    """
    names = tuple(names)
    chosen = matching({kind for _, kind, _ in found}, names)
    single = set(listed) if PARTITION in names else set()
    return [row[1] in chosen or (bool(single) and "-".join(row) in single) for row in found]


def in_both(gallery: Iterable[str], probes: Iterable[str]) -> list[str]:
    """Returns the names that gallery and probes both select, in the gallery's order, then probes'.

    Two patterns can only be compared on the sequences that there are.
    """
    held, wanted = expand(gallery), expand(probes)
    both = matching((name for name in held if not is_pattern(name)), wanted)
    both |= matching((name for name in wanted if not is_pattern(name)), held)
    return [name for name in dict.fromkeys([*held, *wanted]) if name in both]
