"""How fast one visitor may save: as fast as a person annotates, many times over."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from space.visitors import Visitor
from space.words import waiting_time

_REMEMBERED = 4096  # visitors whose pace is known


class RateLimit:
    """How often each visitor may do something: many times at once, and then at a steady rate."""

    def __init__(
        self, most: int = 60, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with everybody rested.

        Args:
            most: How many times at once.
            seconds: In which as many come back.
            clock: Tells the time, for tests.
        """
        self._most, self._rate, self._clock = most, most / seconds, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many, and when
        self._lock = threading.Lock()

    def step(self, visitor: str) -> None:
        """Count one time of a visitor.

        Raises:
            ValueError: It was too fast; says when to try again.
        """
        with self._lock:
            now = self._clock()
            left, then = self._left.pop(visitor, (float(self._most), now))
            left = min(float(self._most), left + (now - then) * self._rate)
            allowed = left >= 1
            self._left[visitor] = (left - 1 if allowed else left, now)
            while len(self._left) > _REMEMBERED:
                self._left.popitem(last=False)
        if not allowed:
            wait = waiting_time((1 - left) / self._rate)
            raise ValueError(f"That was too many saves in a short time. Try again in {wait}.")

    def keep(self, who: Visitor) -> None:
        """Count one time of whoever asks; somebody at this machine alone is not held up.

        Raises:
            ValueError: It was too fast; says when to try again.
        """
        if not who.local:
            self.step(f"name {who.name}" if who.name else f"address {who.address}")
