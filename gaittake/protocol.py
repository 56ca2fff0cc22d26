"""The lists of subjects and of sequences in a protocol: ranges, and names in two lists."""

import re
import unicodedata
from collections.abc import Iterable

from gaittake.errors import UserError


def canonical_name(name: str) -> str:
    """Returns a name in Unicode's composed form (NFC): macOS writes `ö` as two characters."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def expand(names: Iterable[str]) -> list[str]:
    """Returns the names with ranges expanded: `001..003` is 001, 002, 003; `a..b..2` steps by 2.

    Raises:
        UserError: not a valid range.
    """
    expanded: list[str] = []
    for name in map(canonical_name, names):
        first, *rest = name.split("..")
        if not rest:
            expanded.append(name)
            continue
        start, stop = (re.fullmatch(r"(.*?)(\d+)", end) for end in (first, rest[0]))
        if not start or not stop or start[1] != stop[1] or len(rest) > 2:
            raise UserError(
                f"'{name}' is not a range; write first..last or first..last..step, as in 001..074"
            )
        step = int(rest[1]) if len(rest) == 2 else 1
        digits = len(start[2])
        numbers = range(int(start[2]), int(stop[2]) + 1, step)
        expanded += [f"{start[1]}{number:0{digits}d}" for number in numbers]
    return expanded


def in_both(gallery: Iterable[str], probes: Iterable[str]) -> list[str]:
    """Returns the names that are both gallery and probe, in the gallery's order."""
    wanted = set(expand(probes))
    return [name for name in expand(gallery) if name in wanted]
