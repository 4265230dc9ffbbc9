"""Samples made in processes of their own, which end with the training, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Sampler

from lama.training.data import Crops, Sample, collate

MOST_WORKERS = 8  # by default
PATIENCE = 5.0  # seconds that a worker has to take note of having been killed


class ShardSampler(Sampler[int]):
    """The numbers of one rank's samples: its shard of every batch, in order.

    They are counted out and never held in a list, since runs are long.

    Args:
        total: samples of all ranks.
        batch: samples of a batch over all ranks.
        shard: samples of a batch for each rank.
        rank: which of them this is, from 0.
    """

    def __init__(self, total: int, batch: int, shard: int, rank: int) -> None:
        self.total, self.batch, self.shard, self.rank = total, batch, shard, rank

    def __iter__(self) -> Iterator[int]:
        """Numbers of samples."""
        first = self.rank * self.shard
        for start in range(0, self.total, self.batch):
            yield from range(start + first, start + first + self.shard)

    def __len__(self) -> int:
        return len(range(0, self.total, self.batch)) * self.shard


def default_workers(device: torch.device, streamed: bool = False) -> int:
    """How many processes should make samples for one that trains.

    A CPU that trains has no core to spare for more than one. A GPU is quicker than one core makes
    samples: it gets this machine's cores, shared with the other processes that train here.

    Args:
        device: what trains.
        streamed: photos come as a stream, all of which every worker would read.
    """
    if device.type == "cpu" or streamed:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return min(MOST_WORKERS, max(1, (cores or 1) // here))


def load(
    samples: Crops,
    order: Sampler[int] | Sequence[int],
    batch: int,
    workers: int,
    *,
    pinned: bool = False,
) -> Iterator[Sample]:
    """Batches of samples in the given order.

    Close it if the training fails. Workers ignore SIGTERM, which is for the process that trains, so
    without that Python would wait for them for ever when it exits.

    Args:
        samples: of the run.
        order: their numbers.
        batch: samples at a time.
        workers: processes that make them; 0 = this one.
        pinned: put them where a GPU of Nvidia's copies from while it computes.

    Raises:
        ValueError: A sample cannot be made; in its own words.
    """
    loader = DataLoader(
        samples,
        batch_size=batch,
        sampler=order,
        num_workers=workers,
        pin_memory=pinned,
        collate_fn=collate,
        generator=torch.Generator(),  # starting loaders must not move the run's own
        worker_init_fn=_leave_signals_to_the_trainer,
    )
    others = set(multiprocessing.active_children())
    batches = iter(loader)
    started = set(multiprocessing.active_children()) - others
    try:
        yield from batches
    except ValueError as error:
        # What a worker says comes with the whole way it took there; its last line is the reason.
        raise ValueError(str(error).strip().rpartition("ValueError: ")[2]) from error
    finally:
        # What torch does itself as soon as nothing refers to the iterator any more; but the
        # traceback of an error does, to the very end. It asks, and waits some seconds for each.
        ask = getattr(batches, "_shutdown_workers", None)
        if ask is not None:
            ask()
        for worker in started:
            if worker.is_alive():
                worker.kill()
                worker.join(PATIENCE)


def _leave_signals_to_the_trainer(_worker: int) -> None:
    """Ctrl+C reaches the whole group; a loader that died of it would take the save along."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
