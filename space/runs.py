"""Newest wins: of the runs one page asks for, only the latest is worth finishing.

A page that waits for a long run asks how far it is once a second, and once a minute where its
browser tab is in the background. One that asks no more has been closed: its long run is given up,
since everybody else waits for the same cores.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PAGES = 512
QUIET_SECONDS = 150
"""After how long without a question a page that waits for a long run counts as closed."""


class LiveRuns:
    """Which request of each page is the newest, and how far its run is; see `space.turns`."""

    def __init__(self) -> None:
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._results: OrderedDict[str, str] = OrderedDict()
        self._shares: dict[str, float] = {}  # of the pages whose run is at work
        self._heard: OrderedDict[str, float] = OrderedDict()  # moments of the last questions
        self._lock = threading.Lock()

    def announce(self, page: str, request: int, long: bool = False) -> Callable[[], bool]:
        """Register a request and get a function that tells whether it has been overtaken.

        Args:
            page: Who asks.
            request: The larger, the newer.
            long: The page asks for `share` meanwhile; it is overtaken as well once the page does
                not do so any more.
        """
        with self._lock:
            newest = max(request, self._newest.get(page, request))
            _put(self._newest, page, newest)
            _put(self._heard, page, time.monotonic())

        def overtaken() -> bool:
            return self._newest.get(page, request) > request or (long and self._is_gone(page))

        return overtaken

    def _is_gone(self, page: str) -> bool:
        # Of a page that was forgotten nothing is known: what it waits for goes on.
        heard = self._heard.get(page)
        return heard is not None and time.monotonic() - heard > QUIET_SECONDS

    def cancel(self, page: str, request: int) -> None:
        """Give up everything up to `request` of this page."""
        self.announce(page, request + 1)

    def remember(self, page: str, result: str) -> None:
        """Note the id of the page's last result."""
        with self._lock:
            _put(self._results, page, result)

    def recall(self, page: str) -> str:
        """The id of the page's last result, or an empty text."""
        with self._lock:
            return self._results.get(page, "")

    def report(self, page: str, share: float | None) -> None:
        """Note how much of the page's run is done, 0 to 1; None once it is over."""
        with self._lock:
            if share is None:
                self._shares.pop(page, None)
            else:
                self._shares[page] = share

    def share(self, page: str) -> float | None:
        """How much of the page's run is done; None if nothing is known."""
        with self._lock:
            if page in self._heard:
                _put(self._heard, page, time.monotonic())
            return self._shares.get(page)


def _put(what: OrderedDict[str, T], page: str, value: T) -> None:
    """Note something of a page; of too many pages those are forgotten that asked longest ago."""
    what[page] = value
    what.move_to_end(page)
    while len(what) > _PAGES:
        what.popitem(last=False)
