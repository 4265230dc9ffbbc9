"""Newest wins: overtaken runs learn it, others are not disturbed."""

from space.runs import LiveRuns


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
