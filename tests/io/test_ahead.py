"""Reading ahead by a thread: in order, a few at a time, and the thread always ends."""

import itertools
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from gaittake.io.ahead import read_ahead


def reading() -> bool:
    """Tells whether a thread that reads ahead is alive."""
    return any(thread.name == "read ahead" for thread in threading.enumerate())


def numbers(drawn: list[int]) -> Iterator[int]:
    for number in itertools.count():
        drawn.append(number)
        yield number


def wait_for(count: int, drawn: list[int]) -> None:
    """Waits until so many were drawn, and a little for more that should not be."""
    deadline = time.monotonic() + 5
    while len(drawn) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)


def test_items_come_in_their_order_and_the_thread_ends_with_them() -> None:
    assert list(read_ahead(range(50))) == list(range(50))
    assert list(read_ahead(())) == []
    assert not reading()


def test_a_few_items_are_read_ahead_and_no_more() -> None:
    drawn: list[int] = []
    stream = read_ahead(numbers(drawn), depth=2)
    for taken in (1, 2, 3):
        assert next(stream) == taken - 1
        wait_for(taken + 3, drawn)
        assert len(drawn) == taken + 3  # two wait, one stands before the full queue
    stream.close()
    assert not reading()


def test_an_error_is_raised_in_its_place_behind_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("the disk is gone")

    stream = read_ahead(items())
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(stream)
    assert not reading()


def test_a_signal_is_heard_while_the_reader_waits_for_a_slow_item() -> None:
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
