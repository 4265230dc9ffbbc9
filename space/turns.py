"""Who may work now and who waits: large photos are decoded, drawn on and filled a few at a time.

Each question of a page holds one of the web server's few threads until it is answered. So only
some may wait, in the order in which they came, and whoever comes then is told at once.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BUSY = "Many people are using this right now. Try again in a moment."
_LOOK_SECONDS = 0.02  # between two looks at whether somebody who waits has given up
Cancelled = Callable[[], bool]


class CancelledError(Exception):
    """The work was given up because nobody waits for it any more."""


class BusyError(ValueError):
    """Too many wait already; the message is for the reader."""


@dataclass(frozen=True, eq=False)
class _Waiter:
    """Somebody in the queue; two are never the same."""

    cancelled: Cancelled


class WorkQueue:
    """Lets few pieces of work run at once, first come first served."""

    def __init__(self, at_once: int = 1, most_waiting: int = 8) -> None:
        """Make a queue that is empty.

        Args:
            at_once: How many may work.
            most_waiting: How many more may wait; those who have given up do not count.
        """
        self._at_once, self._most_waiting = at_once, most_waiting
        self._working: set[int] = set()  # threads
        self._waiting: list[_Waiter] = []
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, cancelled: Cancelled | None = None) -> Iterator[None]:
        """Work within this; a thread whose turn it is already goes on at once.

        Args:
            cancelled: Turns true when nobody waits for this any more.

        Raises:
            BusyError: Too many wait.
            CancelledError: It was given up before its turn came.
        """
        if threading.get_ident() in self._working:
            yield
            return
        self._wait(cancelled or _never)
        try:
            yield
        finally:
            with self._changed:
                self._working.discard(threading.get_ident())
                self._changed.notify_all()

    def _wait(self, cancelled: Cancelled) -> None:
        me = _Waiter(cancelled)
        with self._changed:
            ahead = sum(not waiter.cancelled() for waiter in self._waiting)
            if ahead >= self._most_waiting and (ahead or not self._is_free()):
                raise BusyError(BUSY)
            self._waiting.append(me)
            try:
                while not (self._waiting[0] is me and self._is_free()) and not cancelled():
                    self._changed.wait(_LOOK_SECONDS)
                if cancelled():
                    raise CancelledError
                self._working.add(threading.get_ident())
            finally:
                self._waiting.remove(me)
                self._changed.notify_all()

    def _is_free(self) -> bool:
        return len(self._working) < self._at_once


def _never() -> bool:
    return False
