"""How many cores a piece of work is quickest on: for small crops that is not always all of them.

Every layer wakes the threads that share it. Where waking takes long (virtual machines, threads that
must not spin while they wait), one core is done with a small crop before two have met.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch


def cores() -> int:
    """How many cores this thread's torch work runs on."""
    return torch.get_num_threads()


def use_cores(count: int) -> None:
    """From now on this thread's torch work runs on `count` cores, whatever other threads use."""
    if cores() != count:
        torch.set_num_threads(count)


@contextmanager
def on_cores(count: int | None) -> Iterator[None]:
    """Within it, what this thread asks of torch runs on `count` cores; None changes nothing.

    Threads that first use torch meanwhile take the count over and keep it: a caller with many
    threads calls `use_cores` in each of them.
    """
    before = cores()
    if count is None or count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def quickest(work: Callable[[], object], counts: Sequence[int], repeats: int = 3) -> int:
    """The count of cores that `work` takes the least time on: median of `repeats`, interleaved."""
    seconds: dict[int, list[float]] = {count: [] for count in counts}
    for turn in range(repeats + 1):
        for count in counts:
            with on_cores(count):
                began = time.perf_counter()
                work()
                if turn:  # the first one warms up
                    seconds[count].append(time.perf_counter() - began)
    return min(counts, key=lambda count: statistics.median(seconds[count]))
