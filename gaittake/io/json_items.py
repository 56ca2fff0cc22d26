"""The entries of the lists in a JSON file, read one after another: the file may exceed memory."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from gaittake.errors import UserError

CHUNK = 1 << 20  # characters
# An error so far before the end of what was read does not come from the end of what was read.
LONGEST = 1 << 22


def json_items(path: Path) -> Iterator[tuple[str, Any]]:
    """Yields each entry of the lists in a file, with the name of its list.

    Args:
        path: a list, which has the name '', or an object with lists; its other values are skipped.

    Raises:
        UserError: the file cannot be read, or is neither.
    """
    try:
        with path.open(encoding="utf-8") as file:
            yield from _items(_Text(file))
    except (OSError, ValueError) as error:  # ValueError: not JSON, or not UTF-8
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: not readable JSON with a list of people ({reason})") from error


def _items(text: "_Text") -> Iterator[tuple[str, Any]]:
    start = text.next()
    if start == "[":
        for item in text.list_items():
            yield "", item
    elif start == "{":
        while (mark := text.next()) != "}":
            if mark == ",":
                continue
            text.back()
            key = text.value()
            if text.next() != ":":
                raise ValueError("a colon is missing")
            if text.next() == "[":
                for item in text.list_items():
                    yield str(key), item
            else:
                text.back()
                text.value()
    else:
        raise ValueError("it must begin with [ or {")


class _Text:
    """JSON text, read as far as it is needed.

    Args:
        file: opened.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._buffer = ""
        self._place = 0
        self._decoder = json.JSONDecoder()

    def next(self) -> str:
        """Returns the next character that is no space, and passes it.

        Raises:
            ValueError: the text ends.
        """
        while True:
            while self._place < len(self._buffer):
                self._place += 1
                if not (mark := self._buffer[self._place - 1]).isspace():
                    return mark
            if not self._more():
                raise ValueError("it ends too early")

    def back(self) -> None:
        """Goes back by the character that `next` returned."""
        self._place -= 1

    def list_items(self) -> Iterator[Any]:
        """Yields the values of a list whose bracket was passed, and passes its end."""
        while (mark := self.next()) != "]":
            if mark != ",":
                self.back()
                yield self.value()

    def value(self) -> Any:
        """Returns the next value, and passes it.

        Raises:
            ValueError: it is not JSON.
        """
        while True:
            try:
                found, end = self._decoder.raw_decode(self._buffer, self._place)
            except json.JSONDecodeError as error:
                if error.pos < len(self._buffer) - LONGEST or not self._more():
                    raise
                continue
            # A number at the end of what was read may go on.
            if end < len(self._buffer) or not self._more():
                self._place = end
                return found

    def _more(self) -> bool:
        """Reads on, and forgets what was passed; returns whether there was more."""
        read = self._file.read(max(CHUNK, len(self._buffer) - self._place))
        self._buffer = self._buffer[max(0, self._place - 1) :] + read
        self._place = min(self._place, 1)
        return bool(read)
