"""Room for several runs of a network at once, for as many as there are cores and memory for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from lama.pausing import Pause, go_on

ALL = 2**31  # slots that a run wants that must be alone
_MOMENT = 0.1  # seconds


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
    def take(self, wanted: int = 1, pause: Pause = go_on) -> Iterator[None]:
        """Wait for so many slots (all of them at most) and hold them within the block.

        `pause` is called again and again while it waits, and may raise to wait no longer.
        """
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
        try:
            while (taken := self._taken(ticket, wanted)) is None:
                pause()  # without the lock: nobody knows what it does
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()

    def _taken(self, ticket: object, wanted: int) -> int | None:
        """How many slots the ticket got; None if it is still not its turn after a moment."""
        with self._changed:
            its_turn = self._changed.wait_for(
                lambda: self._queue[0] is ticket and self._free >= min(wanted, self.count), _MOMENT
            )
            if not its_turn:
                return None
            taken = min(wanted, self.count)
            self._free -= taken
            return taken

    def resize(self, count: int) -> None:
        """Have another number of slots; waits until nothing runs."""
        with self.take(ALL), self._changed:
            self._free += count - self.count
            self.count = count
