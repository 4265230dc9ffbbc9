"""Newest wins: overtaken runs learn it, whoever waits gives up, others are not disturbed."""

import threading

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


def test_waiting_ends_when_overtaken_and_the_turn_stays_free() -> None:
    runs = LiveRuns()
    assert runs.wait_turn(runs.announce("a", 1))
    waiting = runs.announce("a", 2)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(runs.wait_turn(waiting)))
    thread.start()
    runs.announce("a", 3)
    thread.join(timeout=5)
    assert answers == [False]
    runs.finish()
    assert runs.wait_turn(lambda: False)
    runs.finish()
