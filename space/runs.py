"""Newest wins: of the runs one page asks for, only the latest is worth finishing."""

import threading
from collections import OrderedDict
from collections.abc import Callable

_PAGES = 512


class LiveRuns:
    """Which request of each page is the newest, and how far its run is; see `space.turns`."""

    def __init__(self) -> None:
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._results: OrderedDict[str, str] = OrderedDict()
        self._shares: dict[str, float] = {}  # of the pages whose run is at work
        self._lock = threading.Lock()

    def announce(self, page: str, request: int) -> Callable[[], bool]:
        """Register a request and get a function that tells whether it has been overtaken."""
        with self._lock:
            self._newest[page] = max(request, self._newest.get(page, request))
            self._newest.move_to_end(page)
            while len(self._newest) > _PAGES:
                self._newest.popitem(last=False)
        return lambda: self._newest.get(page, request) > request

    def cancel(self, page: str, request: int) -> None:
        """Give up everything up to `request` of this page."""
        self.announce(page, request + 1)

    def remember(self, page: str, result: str) -> None:
        """Note the id of the page's last result."""
        with self._lock:
            self._results[page] = result
            self._results.move_to_end(page)
            while len(self._results) > _PAGES:
                self._results.popitem(last=False)

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
            return self._shares.get(page)
