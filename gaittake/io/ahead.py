"""Reading ahead: the next items are read by a thread while these are worked on."""

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import NamedTuple, TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.1  # how often a thread that waits looks whether it shall end


class _End(NamedTuple):
    """What stands behind the last item: the error that ended them, if there was one."""

    error: BaseException | None


def read_ahead(items: Iterable[T], *, depth: int = 3) -> Generator[T, None, None]:
    """Yields the items in order; a thread fetches up to `depth` of them in advance.

    What the iterable raises is raised here, in its place. A reader that stops early, by `close`
    or by an error of its own, stops the thread and waits for its end.
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
        except BaseException as error:  # raised again where the items are read
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
