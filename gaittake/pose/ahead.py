"""Reading ahead: the next frames are read while the detector works on these."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def read_ahead(items: Iterable[T], *, depth: int = 3) -> Iterator[T]:
    """Yields the items in order; a thread fetches up to `depth` of them in advance.

    What the iterable raises is raised here. A reader that stops early stops the thread.
    """
    fetched: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(kind: str, content: T | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                fetched.put((kind, content), timeout=0.1)
                return
            except queue.Full:
                continue

    def fetch() -> None:
        try:
            for item in items:
                put("item", item)
                if stopped.is_set():
                    return
            put("end", None)
        except BaseException as error:  # raised again in the reader's thread
            put("error", error)

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    try:
        while True:
            kind, content = fetched.get()
            if kind == "end":
                return
            if isinstance(content, BaseException) and kind == "error":
                raise content
            yield content  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()
