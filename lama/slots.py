"""Room for several runs of a network at once, for as many as there are cores and memory for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

ALL = 2**31  # slots that a run wants that must be alone


class Slots:
    """Lets runs in, in the order in which they come, until all slots are taken.

    A run that needs much takes several slots; one that takes all of them is alone.

    Args:
        count: how many slots there are.
    """

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self._free = count
        self._queue: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def take(self, wanted: int = 1) -> Iterator[None]:
        """Wait for so many slots (all of them at most) and hold them within the block."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(
                    lambda: self._queue[0] is ticket and self._free >= min(wanted, self.count)
                )
                taken = min(wanted, self.count)
                self._free -= taken
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()

    def resize(self, count: int) -> None:
        """Have another number of slots; waits until nothing runs."""
        with self.take(ALL), self._changed:
            self._free += count - self.count
            self.count = count
