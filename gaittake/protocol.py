"""Names of subjects and sequences, as a protocol lists them."""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase

from gaittake.errors import UserError

# The type of a sequence in the layouts that fix its form, as nm-01: condition and number, which has
# at least two digits.
TYPE = r"[A-Za-z][A-Za-z0-9_]*-(?:\d{2}|[1-9]\d{2,})"
MOST_NAMES = 1_000_000
_RANGE = "a range is first..last or first..last..step, as 001..074"


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


def is_pattern(name: str) -> bool:
    """Returns whether a name is a pattern, as a shell's: `*-scene1-nm-*`."""
    return any(character in name for character in "*?[")


def matching(found: Iterable[str], names: Iterable[str]) -> set[str]:
    """Returns those of the found names that some names, ranges and patterns select."""
    exact, present = set(expand(names)), set(found)
    patterns = [name for name in exact if is_pattern(name)]
    chosen = present & exact
    return chosen | {name for name in present if any(fnmatchcase(name, p) for p in patterns)}


def in_both(gallery: Iterable[str], probes: Iterable[str]) -> list[str]:
    """Returns the names that gallery and probes both select, in the gallery's order, then probes'.

    Two patterns can only be compared on the sequences that there are.
    """
    held, wanted = expand(gallery), expand(probes)
    both = matching((name for name in held if not is_pattern(name)), wanted)
    both |= matching((name for name in wanted if not is_pattern(name)), held)
    return [name for name in dict.fromkeys([*held, *wanted]) if name in both]
