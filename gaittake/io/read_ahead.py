"""Reading ahead: a thread reads the next items while the current ones are processed."""

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import NamedTuple, TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.1  # how often the waiting thread checks whether it must stop


class _End(NamedTuple):
    """Follows the last item; holds the error that ended the iteration, if any."""

    error: BaseException | None


def read_ahead(items: Iterable[T], *, depth: int = 3) -> Generator[T, None, None]:
    """Yields the items in order; a thread reads up to `depth` of them in advance.

    An error of the iterable is raised at its place among the items. If the consumer stops early,
    by `close` or by an error, the thread stops, and the generator waits for it.
    """
    fetched: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: T | _End) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                fetched.put(item, timeout=POLL_SECONDS)
                return

    def fetch() -> None:
        try:
            for item in items:
                put(item)
                if stopped.is_set():
                    return
            put(_End(None))
        except BaseException as error:  # raised again in the consumer's thread
            put(_End(error))

    thread = threading.Thread(target=fetch, name="read ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := fetched.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        thread.join()
