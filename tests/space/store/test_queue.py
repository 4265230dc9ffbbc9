"""The queue of review: order, leases, what is put off, and that nobody gets another's record."""

import multiprocessing
import threading
import time
from pathlib import Path

import pytest

from space.store import Store, SubmissionError, deciding, queue
from space.store.deciding import Fix
from tests.space.store.conftest import make_mask
from tests.space.store.test_reviewing import saved, sound


def test_records_come_oldest_first_and_stay_with_their_reviewer(store: Store) -> None:
    ids = saved(store, 3)
    assert queue.take(store.core, "ann").id == ids[0]
    assert queue.take(store.core, "ann").id == ids[0], "a reload brings the same one"
    assert queue.take(store.core, "bob").id == ids[1]
    assert queue.take(store.core, "cyd").id == ids[2]
    assert queue.take(store.core, "dan") is None


def take_for(seconds: float, store: Store, reviewer: str) -> None:
    """Get a record, for another time than usual."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "LEASE_SECONDS", seconds)
        queue.take(store.core, reviewer)


def test_a_lease_ends_by_time(store: Store) -> None:
    [only] = saved(store, 1)
    take_for(-1, store, "ann")
    assert queue.take(store.core, "bob").id == only
    with pytest.raises(SubmissionError, match="Another reviewer has this record open"):
        deciding.decide(store.core, only, "ann", "approved")
    deciding.decide(store.core, only, "bob", "approved")
    with pytest.raises(SubmissionError, match="decided on this record meanwhile"):
        deciding.decide(store.core, only, "ann", "rejected")


def test_a_lease_can_be_renewed_by_its_holder_alone(store: Store) -> None:
    [only] = saved(store, 1)
    take_for(0.5, store, "ann")
    assert queue.renew(store.core, only, "ann")
    assert not queue.renew(store.core, only, "bob")
    time.sleep(0.6)
    assert queue.take(store.core, "bob") is None, "it was prolonged"


def test_a_decided_record_is_not_leased_again_by_whose_time_ran_out(store: Store) -> None:
    first, second = saved(store, 2)
    take_for(-1, store, "ann")
    assert queue.take(store.core, "bob").id == first
    deciding.decide(store.core, first, "bob", "approved")
    assert not queue.renew(store.core, first, "ann"), "ann would overrule bob"
    with pytest.raises(SubmissionError, match="decided on this record meanwhile"):
        deciding.decide(store.core, first, "ann", "rejected", fix=Fix(make_mask(7)))
    assert queue.renew(store.core, second, "ann"), "nobody has it, and nobody has decided"
    assert queue.take(store.core, "cyd", second=True).id == first
    assert queue.renew(store.core, first, "cyd"), "a second opinion is held"
    assert not queue.renew(store.core, "none", "ann")


def test_skipped_records_go_to_others_and_come_back_when_wished(store: Store) -> None:
    ids = saved(store, 2)
    queue.skip(store.core, queue.take(store.core, "ann").id, "ann")
    assert queue.take(store.core, "ann").id == ids[1]
    assert queue.take(store.core, "bob").id == ids[0]
    assert queue.left(store.core, "ann") == queue.Queue(2, 1)
    deciding.decide(store.core, ids[1], "ann", "rejected")
    queue.skip(store.core, ids[0], "bob")
    assert queue.take(store.core, "ann") is None
    queue.unskip(store.core, "ann")
    assert queue.take(store.core, "ann").id == ids[0]


def test_private_records_can_be_left_out(store: Store) -> None:
    saved(store, 1, licence="private")
    assert queue.take(store.core, "ann", private=False) is None
    assert queue.take(store.core, "ann") is not None


def take_all(data_dir: Path, name: str, answers) -> None:
    store = Store.open(data_dir)
    found = []
    while (record := queue.take(store.core, name)) is not None:
        found.append(record.id)
        deciding.decide(store.core, record.id, name, "approved")
    store.close()
    answers.put((name, found))


def test_processes_never_get_the_same_record(store: Store) -> None:
    ids = saved(store, 12)
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    names = ["ann", "bob"]
    for name in names:
        context.Process(target=take_all, args=(store.core.data_dir, name, answers)).start()
    got = dict(answers.get(timeout=60) for _ in names)
    assert sorted(got["ann"] + got["bob"]) == sorted(ids), "each record once"
    assert store.info()["approved"] == 12
    sound(store)


def test_threads_never_get_the_same_record(store: Store) -> None:
    ids = saved(store, 10)
    taken, start = [], threading.Barrier(10)

    def take(name: str) -> None:
        start.wait()
        taken.append(queue.take(store.core, name).id)

    threads = [threading.Thread(target=take, args=(f"r{i}",)) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(ids)
