"""Progress of a long stage: a bar with rate and time left on a terminal, plain lines in a log."""

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
    """Call it with how many units were done, and what else to show."""

    def __call__(self, amount: int = 1, note: str = "") -> None: ...


@contextmanager
def progress(what: str, total: int, *, done: int = 0, unit: str = "frames") -> Iterator[Advance]:
    """Yields a function to be called as work goes on.

    Args:
        what: what is done, for example `predict`.
        total: units in all.
        done: units done before (a run that continues).
        unit: what is counted.
    """
    begun = last = time.monotonic()
    count = done
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task(what, total=total, completed=done, note="")

    def advance(amount: int = 1, note: str = "") -> None:
        nonlocal count, last
        count += amount
        bar.update(task, completed=count, note=note)
        now = time.monotonic()
        if bar.disable and (now - last >= LOG_SECONDS or count >= total):
            rate = (count - done) / max(now - begun, 1e-9)
            left = (total - count) / rate if rate else 0.0
            logger.info(
                "%s %d/%d %s, %.1f/s, %.0f s left %s", what, count, total, unit, rate, left, note
            )
            last = now

    with bar:
        yield advance
