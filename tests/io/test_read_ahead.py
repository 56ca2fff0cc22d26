"""Reading ahead: items stay in order, few are read in advance, and the thread always stops."""

import itertools
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from gaittake.io.read_ahead import read_ahead


def reading() -> bool:
    """Returns whether a read-ahead thread is alive."""
    return any(thread.name == "read ahead" for thread in threading.enumerate())


def numbers(drawn: list[int]) -> Iterator[int]:
    for number in itertools.count():
        drawn.append(number)
        yield number


def wait_for(count: int, drawn: list[int]) -> None:
    """Waits until `count` numbers are drawn, and a little longer for any that should not be."""
    deadline = time.monotonic() + 5
    while len(drawn) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)


def test_items_keep_their_order_and_the_thread_stops_after_the_last() -> None:
    assert list(read_ahead(range(50))) == list(range(50))
    assert list(read_ahead(())) == []
    assert not reading()


def test_no_more_than_depth_items_wait() -> None:
    drawn: list[int] = []
    stream = read_ahead(numbers(drawn), depth=2)
    for taken in (1, 2, 3):
        assert next(stream) == taken - 1
        wait_for(taken + 3, drawn)
        assert len(drawn) == taken + 3  # two are queued, one waits for a place
    stream.close()
    assert not reading()


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("disk failure")

    stream = read_ahead(items())
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(OSError, match="disk failure"):
        next(stream)
    assert not reading()


def test_a_signal_interrupts_the_wait_for_a_slow_item() -> None:
    def items() -> Iterator[int]:
        yield 1
        time.sleep(0.5)
        yield 2

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(143)

    previous = signal.signal(signal.SIGALRM, stop)
    try:
        stream = read_ahead(items())
        assert next(stream) == 1
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(SystemExit):
            next(stream)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert not reading()
