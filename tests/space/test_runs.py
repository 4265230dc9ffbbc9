"""Newest wins: overtaken runs learn it, others are not disturbed."""

import pytest

from space.runs import QUIET_SECONDS, LiveRuns


def test_a_newer_request_of_the_same_page_overtakes() -> None:
    runs = LiveRuns()
    first = runs.announce("a", 1)
    other = runs.announce("b", 1)
    assert not first()
    second = runs.announce("a", 2)
    assert first()
    assert not second()
    assert not other()


def test_a_late_older_request_is_overtaken_at_once() -> None:
    runs = LiveRuns()
    runs.announce("a", 5)
    assert runs.announce("a", 4)()


def test_cancel_overtakes_without_hurting_the_next() -> None:
    runs = LiveRuns()
    first = runs.announce("a", 1)
    runs.cancel("a", 1)
    assert first()
    assert not runs.announce("a", 2)()


def test_a_long_run_of_a_page_that_asks_no_more_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("space.runs.time.monotonic", lambda: now)
    runs = LiveRuns()
    long, short = runs.announce("a", 1, long=True), runs.announce("b", 1)
    for _ in range(5):  # once a minute, as in a browser tab in the background
        now += 60
        assert not long()
        runs.share("a")
    now += QUIET_SECONDS + 1
    assert long()
    assert not short(), "a short run is soon over anyway"
    assert not runs.announce("a", 2, long=True)()


def test_strangers_page_names_end_nobodys_run() -> None:
    runs = LiveRuns()
    long = runs.announce("a", 1, long=True)
    for number in range(600):
        runs.share(f"asks {number}")
    assert not long()
    for number in range(600):
        runs.cancel(f"cancels {number}", 1)
    assert not long()


def test_of_many_pages_the_last_are_remembered() -> None:
    runs = LiveRuns()
    for number in range(600):
        runs.remember(str(number), f"result {number}")
    assert (runs.recall("0"), runs.recall("599")) == ("", "result 599")
