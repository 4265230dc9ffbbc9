"""Long work that can be ended from outside: it calls a `Pause` between its pieces."""

from __future__ import annotations

from collections.abc import Callable

Pause = Callable[[], None]  # may raise, which ends the work


def go_on() -> None:
    """The pause that never ends the work."""
