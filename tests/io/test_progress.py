"""Progress: a bar on a terminal, lines in a log; both with rate and time left."""

import io
import logging
import re
import sys
import time

import pytest

from gaittake.io import progress as module
from gaittake.io.progress import duration, progress


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """Text written to a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_a_log_has_a_line_every_15_seconds_and_one_at_the_end(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with progress("predict", 200) as advance:
        for _ in range(200):
            clock.now += 0.5
            advance()
    assert caplog.messages == [
        "predict 30/200 frames, 2/s, 1 min 25 s left",
        "predict 60/200 frames, 2/s, 1 min 10 s left",
        "predict 90/200 frames, 2/s, 55.0 s left",
        "predict 120/200 frames, 2/s, 40.0 s left",
        "predict 150/200 frames, 2/s, 25.0 s left",
        "predict 180/200 frames, 2/s, 10.0 s left",
        "predict 200/200 frames, 2/s, 0.0 s left",
    ]


def test_a_note_stays_until_the_next_one(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with progress("train", 3, unit="steps") as advance:
        for note in ("loss 0.3", "", ""):
            clock.now += 16
            advance(note=note)
    assert [message.rpartition(", ")[2] for message in caplog.messages] == ["loss 0.3"] * 3


def test_units_of_earlier_runs_do_not_count_in_the_rate(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with progress("train", 1000, done=900, unit="steps") as advance:
        clock.now += 16
        advance(1)
    assert caplog.messages == ["train 901/1000 steps, 0.062/s, 26 min 24 s left"]


def test_a_terminal_shows_a_bar_and_the_log_stays_empty(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with progress("embed", 50, unit="sequences") as advance:
        for _ in range(5):
            time.sleep(0.01)
            advance(10, note="on cpu")
    plain = re.sub(r"\x1b\[[\d;?]*\w", "", shown.getvalue())
    assert re.search(r"embed .*50/50 [\d,]+ sequences/s 0:00:00 0:00:00 on cpu", plain)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("seconds", "expected"), [(4.21, "4.2 s"), (198, "3 min 18 s"), (3900, "1 h 05 min")]
)
def test_durations_are_readable(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
