"""What a decision or a deletion writes anew, and what it leaves on the disk."""

import os
import shutil
import time

import pytest

from space.store import Store, StoreError, compaction, deciding, files, parting, published
from space.store.removing import remove
from tests.space.store.conftest import make_photo, make_submission

SIZE = len(make_photo(0))


def one_shard(store: Store, count: int = 24) -> list:
    receipts = [store.save(make_submission(seed)) for seed in range(count)]
    compaction.pack(store.core, "open/pending")
    assert len(store.core.index.shard_names()) == 1
    return receipts


def shard_bytes(store: Store) -> dict[str, int]:
    return {row["name"]: row["bytes"] for row in store.core.index.all("SELECT * FROM shards")}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parting, "PART_BYTES", SIZE)


@pytest.mark.usefixtures("small_parts")
def test_the_next_decision_copies_a_part_alone(store: Store) -> None:
    receipts = one_shard(store)
    deciding.decide(store.core, receipts[0].record_id, "ann", "approved")
    first = shard_bytes(store)
    assert 7 <= len(first) <= parting.PARTS + 2
    deciding.decide(store.core, receipts[1].record_id, "ann", "approved")
    second = shard_bytes(store)
    written = sum(size for name, size in second.items() if name not in first)
    assert written < sum(second.values()) / 4
    assert len(set(first) - set(second)) == 1
    assert store.verify().problems == []


@pytest.mark.usefixtures("small_parts")
def test_parts_hold_every_record_once_however_many_leave(store: Store) -> None:
    receipts = one_shard(store)
    gone = {receipt.record_id for receipt in receipts[3:20:4]}
    remove(store.core, sorted(gone))
    assert store.verify().problems == []
    rows = store.core.index.all("SELECT shard, count(*) AS n FROM records GROUP BY 1")
    found = {row["name"]: row["rows"] for row in store.core.index.all("SELECT * FROM shards")}
    assert {row["shard"]: row["n"] for row in rows} == found
    assert len(found) > 1


def test_a_small_shard_stays_whole(store: Store) -> None:
    receipts = one_shard(store)
    store.delete(receipts[0].record_id, receipts[0].token)
    assert len(store.core.index.shard_names()) == 1


def test_parts_are_fewer_than_what_is_merged() -> None:
    """Else each decision would cut what the last one had merged: from two sizes of shards."""
    assert 2 * (parting.PARTS + 1) < compaction.DUE


def generations(store: Store) -> list[int]:
    return sorted(int(path.name) for path in (store.core.data_dir / "published").iterdir())


def aged(store: Store, seconds: float) -> None:
    for path in (store.core.data_dir / "published").iterdir():
        os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize(
    ("limit", "seconds", "kept"), [(1, 70, False), (1, 50, True), (40, 70, True)]
)
def test_earlier_generations_go_sooner_where_they_are_heavy(
    store: Store, monkeypatch: pytest.MonkeyPatch, limit: int, seconds: float, kept: bool
) -> None:
    monkeypatch.setattr(published, "RETIRED_BYTES", limit * 24 * SIZE)
    receipts = one_shard(store)
    for receipt in receipts[:4]:
        deciding.decide(store.core, receipt.record_id, "ann", "approved")
    before = generations(store)
    aged(store, seconds)
    with store.core.lock():
        store.core.published.sweep()
    after = generations(store)
    assert (after == before) == kept
    assert store.core.published.number in after
    if not kept:
        assert 1 < len(after) < len(before), "only as many as need be, oldest first"
        assert after == before[-len(after) :]


def test_a_decision_leaves_room_to_delete(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    receipts = one_shard(store, 6)
    [size] = shard_bytes(store).values()
    usage = shutil.disk_usage(store.core.data_dir)

    def free(size: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=size))

    free(files.RESERVE_BYTES + 2 * size)
    with pytest.raises(StoreError, match="disk is full"):
        deciding.decide(store.core, receipts[0].record_id, "ann", "approved")
    free(files.RESERVE_BYTES + size)
    with pytest.raises(StoreError, match="disk is full"):
        store.save(make_submission(9))
    free(size - 1)
    with pytest.raises(StoreError, match="disk is full"):
        store.delete(receipts[0].record_id, receipts[0].token)
    assert store.info()["records"] == 6
    assert list(store.core.incoming.iterdir()) == []
    free(size)
    store.delete(receipts[0].record_id, receipts[0].token)
    free(files.RESERVE_BYTES + 3 * size)
    deciding.decide(store.core, receipts[1].record_id, "ann", "approved")
    assert store.verify().problems == []


def test_a_full_disk_gets_back_what_earlier_readers_had(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = one_shard(store, 6)
    deciding.decide(store.core, receipts[0].record_id, "ann", "approved")
    aged(store, published.SHORT_GRACE_SECONDS + 5)
    assert len(generations(store)) > 1
    room = files.has_room
    monkeypatch.setattr(
        files, "has_room", lambda *given: len(generations(store)) == 1 and room(*given)
    )
    store.save(make_submission(9))
    assert len(generations(store)) == 1
