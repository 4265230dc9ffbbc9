import threading
import time

import pytest
import torch

from lama.threads import cores, on_cores, quickest, use_cores


@pytest.fixture(autouse=True)
def two_cores():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_cores_are_given_back_after_an_error_too():
    def fails():
        with on_cores(1):
            assert cores() == 1
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert cores() == 2
    with on_cores(None):
        assert cores() == 2


def test_the_quickest_count_is_found():
    def slow_on_two():
        time.sleep(0.02 if cores() == 2 else 0.002)

    def slow_on_one():
        time.sleep(0.02 if cores() == 1 else 0.002)

    assert quickest(slow_on_two, (2, 1)) == 1
    assert quickest(slow_on_one, (2, 1)) == 2
    assert cores() == 2


def test_the_first_turn_does_not_count():
    calls = []

    def slow_at_first():
        calls.append(cores())
        time.sleep(0.1 if len(calls) == 1 else 0.01 if cores() == 1 else 0.002)

    assert quickest(slow_at_first, (2, 1)) == 2
    assert calls == [2, 1] * 4


def test_a_thread_that_began_meanwhile_gets_its_cores_back():
    """Torch hands the count of the moment to threads that first use it then."""
    seen = {}

    def first_used_meanwhile():
        seen["begins with"] = cores()
        use_cores(2)
        seen["goes on with"] = cores()

    with on_cores(1):
        other = threading.Thread(target=first_used_meanwhile)
        other.start()
        other.join()
        assert cores() == 1, "another thread's wish is not this one's"
    assert seen == {"begins with": 1, "goes on with": 2}
    later = threading.Thread(target=lambda: seen.update(later=cores()))
    later.start()
    later.join()
    assert seen["later"] == 2
