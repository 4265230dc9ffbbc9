"""Runs side by side: as many as there are slots, in order, and alone where that is asked for."""

import threading
import time

import pytest

from lama.slots import ALL, Slots


class Watch:
    """Counts who is in at the same time."""

    def __init__(self) -> None:
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def stay(self, weight: int = 1, seconds: float = 0.02) -> None:
        with self.lock:
            self.now += weight
            self.most = max(self.most, self.now)
        time.sleep(seconds)
        with self.lock:
            self.now -= weight


def run(*works) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive(), "it waits for ever"


@pytest.mark.parametrize("count", [1, 3])
def test_as_many_as_there_are_slots(count):
    slots, watch = Slots(count), Watch()

    def work() -> None:
        with slots.take():
            watch.stay()

    run(*[work] * 9)
    assert watch.most == count


def test_large_runs_take_several_and_all_of_them_are_alone():
    slots, watch = Slots(4), Watch()

    def work(wanted: int) -> None:
        with slots.take(wanted):
            watch.stay(min(wanted, 4))

    run(*[lambda n=n: work(n) for n in (1, 3, ALL, 2, 1, 1, 4, 2, 9, 1)])
    assert watch.most <= 4


def test_a_large_run_is_not_passed_for_ever():
    slots, order = Slots(2), []
    held = slots.take()
    held.__enter__()

    def large() -> None:
        with slots.take(2):
            order.append("large")

    def small() -> None:
        with slots.take():
            order.append("small")

    first, second = threading.Thread(target=large), threading.Thread(target=small)
    first.start()
    while not slots._queue:
        time.sleep(0.001)
    second.start()
    time.sleep(0.02)
    held.__exit__(None, None, None)
    first.join(10)
    second.join(10)
    assert order == ["large", "small"]


def test_a_run_that_fails_gives_its_slots_back():
    slots = Slots(2)
    with pytest.raises(ZeroDivisionError), slots.take(2):
        _ = 1 / 0
    with slots.take(ALL):
        pass


def test_who_waits_is_asked_and_may_go_and_the_next_one_comes_in():
    slots, asked, came = Slots(2), [], []

    def pause() -> None:
        asked.append(1)
        assert not slots._changed._is_owned()
        if len(asked) > 1:
            raise InterruptedError

    def next_one() -> None:
        with slots.take():
            came.append(1)

    with slots.take():
        waiting = threading.Thread(target=next_one)
        with pytest.raises(InterruptedError), slots.take(2, pause):
            pytest.fail("there was no room")
        waiting.start()
        waiting.join(10)
        assert came
    assert len(asked) == 2
    with slots.take(2, pause):
        assert len(asked) == 2, "who need not wait is not asked"


def test_another_number_of_slots_comes_when_nothing_runs():
    slots, watch = Slots(1), Watch()

    def work() -> None:
        with slots.take():
            watch.stay()

    run(work, work, lambda: slots.resize(3))
    assert slots.count == 3
    run(*[work] * 6)
    assert watch.most == 3
    slots.resize(1)
    watch.most = 0
    run(*[work] * 4)
    assert watch.most == 1
