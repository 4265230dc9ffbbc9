"""Long work that can be ended from outside: it calls a `Pause` between its pieces."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

Pause = Callable[[], None]  # may raise, which ends the work


class Cancelled(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The caller's `cancelled()` turned true."""


def go_on() -> None:
    """The pause that never ends the work."""


def stop_if(cancelled: Callable[[], bool] | None) -> None:
    """Raise `Cancelled` if there is such a question and its answer is yes."""
    if cancelled is not None and cancelled():
        raise Cancelled


class Stopping:
    """Ends the work of a thread by that thread's own question, whatever others do meanwhile."""

    def __init__(self) -> None:
        self._asked = threading.local()

    @contextmanager
    def when(self, cancelled: Callable[[], bool] | None) -> Iterator[None]:
        """Within it, this thread's pauses raise `Cancelled` once `cancelled()` is true."""
        self._asked.cancelled = cancelled
        try:
            yield
        finally:
            self._asked.cancelled = None

    def pause(self, *_hooked: Any) -> None:  # noqa: ANN401 - a torch hook's
        """A `Pause`, and a hook of torch modules."""
        stop_if(getattr(self._asked, "cancelled", None))

    def between_layers(self, network: nn.Module) -> None:
        """Let a network pause before each of its modules that has parts."""
        for module in network.modules():
            if any(True for _ in module.children()):
                module.register_forward_pre_hook(self.pause)
