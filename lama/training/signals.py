"""What Ctrl+C and SIGTERM do while something runs; afterwards they do what they did before."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass
class Stop:
    """Whether a signal to stop has arrived."""

    asked: bool = False


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Within it, both signals only set a flag, so that the step in work ends and is saved."""
    stop = Stop()

    def ask(_signum: int, _frame: FrameType | None) -> None:
        stop.asked = True

    with _handled(ask):
        yield stop


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, both raise KeyboardInterrupt, so that SIGTERM can be answered like Ctrl+C."""
    with _handled(signal.default_int_handler):
        yield


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            # None is a handler that was not set from Python and cannot be put back.
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
