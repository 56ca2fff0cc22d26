"""How many things were refused, and why: what a stage's log and a run end with."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from gaittake.io.tables import read_rejects
from gaittake.sequence import Reject


def count_rejects(rejects: Iterable[Reject]) -> str:
    """Returns counts by reason, the most frequent first: `3 empty folder, 1 unreadable image`."""
    counts = Counter(row.reason for row in rejects)
    return ", ".join(f"{count} {reason}" for reason, count in _ranked(counts)) or "nothing"


def summary(table: Path) -> str:
    """Returns some lines on a table of rejects: how many rows, then each stage's reasons."""
    counts = Counter(f"{row.stage}: {row.reason}" for row in read_rejects(table))
    if not counts:
        return f"{table}: everything could be used"
    lines = [f"{count:8d}  {what}" for what, count in _ranked(counts)]
    return "\n".join(
        [f"{table}: {counts.total()} rows of what could not be used, by reason:", *lines]
    )


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
