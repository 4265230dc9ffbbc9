"""Processes that were written down: those that are there still, and those that are not."""

import os
import time

import psutil
import pytest

from space.processes import at_work


def test_this_process_is_at_work() -> None:
    assert at_work({"pid": os.getpid(), "time": time.time()})
    assert at_work({"pid": str(os.getpid()), "time": time.time()})


def test_a_process_that_began_later_has_the_id_by_chance() -> None:
    began = psutil.Process().create_time()
    assert at_work({"pid": os.getpid(), "time": began - 1}), "the clock may have been set"
    assert not at_work({"pid": os.getpid(), "time": began - 3600})
    assert not at_work({"pid": os.getpid()})


@pytest.mark.parametrize("note", [{}, {"pid": ""}, {"pid": None}, {"pid": "x"}, {"pid": -1}])
def test_what_is_no_id_is_no_process(note: dict) -> None:
    assert not at_work(note | {"time": time.time()})
