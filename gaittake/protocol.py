"""Names of subjects and sequences, as a protocol lists them."""

import re
import unicodedata
from collections.abc import Iterable

from gaittake.errors import UserError

# Condition and number of a sequence, as nm-01; at least two digits.
SEQUENCE = r"([A-Za-z][A-Za-z0-9_]*)-(\d{2}|[1-9]\d{2,})"
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


def in_both(gallery: Iterable[str], probes: Iterable[str]) -> list[str]:
    """Returns the sequences that are gallery and probe at once, in the gallery's order."""
    wanted = set(expand(probes))
    return [name for name in expand(gallery) if name in wanted]
