"""Progress of a long stage: a bar on a terminal, lines in a log; both with rate and time left."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

logger = logging.getLogger(__name__)
LOG_SECONDS = 15.0


class Advance(Protocol):
    """Advances the progress by `amount` units; `note` is shown next to it."""

    def __call__(self, amount: int = 1, note: str = "") -> None: ...


@contextmanager
def progress(what: str, total: int, *, done: int = 0, unit: str = "frames") -> Iterator[Advance]:
    """Yields the function that reports progress.

    Args:
        what: the work, for example `predict`.
        total: number of units.
        done: units done by earlier runs; they do not count in the rate.
        unit: name of a unit, in the plural.
    """
    begun = last = time.monotonic()
    count, noted = done, ""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task(what, total=total, completed=done, rate="", note="")

    def advance(amount: int = 1, note: str = "") -> None:
        nonlocal count, last, noted
        count += amount
        noted = note or noted  # a note stays until the next one
        now = time.monotonic()
        rate = (count - done) / max(now - begun, 1e-9)
        bar.update(task, completed=count, rate=f"{_brief(rate)} {unit}/s", note=noted)
        if bar.disable and (now - last >= LOG_SECONDS or count >= total):
            left = duration((total - count) / rate) if rate else "unknown time"
            line = f"{what} {count}/{total} {unit}, {_brief(rate)}/s, {left} left"
            logger.info("%s", f"{line}, {noted}" if noted else line)
            last = now

    with bar:
        yield advance


def duration(seconds: float) -> str:
    """Returns `1 h 05 min`, `3 min 18 s` or `4.2 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _brief(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
