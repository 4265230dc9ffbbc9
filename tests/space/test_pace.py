"""How fast one visitor may save."""

from typing import Any

import pytest

from space.pace import RateLimit
from space.settings import Settings
from space.visitors import visitor
from tests.space.asking import HERE, STRANGER, asks, profile


def test_a_burst_then_a_steady_rate() -> None:
    now = [0.0]
    pace = RateLimit(most=4, seconds=40.0, clock=lambda: now[0])
    for _ in range(4):
        pace.step("ann")
    with pytest.raises(ValueError, match="Try again in 10 seconds"):
        pace.step("ann")
    pace.step("bob")
    now[0] = 8.5
    with pytest.raises(ValueError, match=r"Try again in 2 seconds\."):
        pace.step("ann")
    now[0] = 10.0
    pace.step("ann")
    now[0] = 1000.0
    for _ in range(4):
        pace.step("ann")
    with pytest.raises(ValueError, match="Try again"):
        pace.step("ann")


def test_visitors_are_told_apart_and_forgotten() -> None:
    pace = RateLimit(most=1)

    def keep(*asking: Any, host: str | None = None) -> None:
        pace.keep(visitor(Settings(host=host), *asking))

    keep(STRANGER)
    keep(STRANGER, profile("203.0.113.7"))
    for request in (STRANGER, asks("203.0.113.7")):
        with pytest.raises(ValueError, match="Try again"):
            keep(request)
    for _ in range(5):
        keep(HERE)
    keep(HERE, host="0.0.0.0")
    with pytest.raises(ValueError, match="Try again"):
        keep(HERE, host="0.0.0.0")
    for number in range(5000):
        pace.step(str(number))
    assert len(pace._left) <= 4096
