"""Which shards are merged with which, and how large the result may become."""

import shutil
from collections.abc import Callable

import pytest

from space.store import Store, StoreError, compaction, deciding, files, hub
from space.store.removing import remove
from space.store.restoring import restore
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_submission
from tests.space.store.test_hub import PENDING, FakeHub


@pytest.fixture(autouse=True)
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "DUE", 4)


def sizes(store: Store) -> list[int]:
    return sorted(row["rows"] for row in store.core.index.all("SELECT rows FROM shards"))


def one_size(store: Store) -> int:
    row = store.core.index.get("SELECT max(bytes) AS n FROM shards")
    assert row is not None
    return row["n"]


def fill(store: Store, monkeypatch: pytest.MonkeyPatch, count: int = 9) -> None:
    with monkeypatch.context() as never:
        never.setattr(compaction, "DUE", 1000)
        for seed in range(count):
            store.save(make_submission(seed))


def test_records_that_wait_for_a_review_stay_in_small_shards(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, monkeypatch)
    monkeypatch.setattr(compaction, "UNREVIEWED_BYTES", 3 * one_size(store))
    compaction.compact(store.core)
    assert max(sizes(store)) <= 5  # a picture weighs less where it shares a file
    for record in store.newest():
        set_status(store, record.id, "approved")
    compaction.compact(store.core)
    assert max(sizes(store)) > 5
    assert store.verify().problems == []


def test_a_large_shard_does_not_keep_small_ones_from_merging(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, monkeypatch, 5)
    monkeypatch.setattr(compaction, "UNREVIEWED_BYTES", int(2.5 * one_size(store)))
    with monkeypatch.context() as first:
        first.setattr(compaction, "UNREVIEWED_BYTES", int(1.5 * one_size(store)))
        assert (
            compaction.compact(store.core) == 0
        )  # every one of them is more than half of what a shard may be
    assert compaction.compact(store.core) > 0
    assert store.verify().problems == []


def test_packing_takes_only_what_was_never_sent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, monkeypatch, 5)
    with store.core.index.transaction() as run:
        run.execute("UPDATE shards SET pushed_at = 1 WHERE name = (SELECT min(name) FROM shards)")
    assert compaction.pack(store.core, "open/pending") == 4
    assert sizes(store) == [1, 4]
    assert compaction.pack(store.core, "open/pending") == 0
    assert store.verify().problems == []


def test_an_index_that_lacks_a_record_of_the_merged_shard_is_left_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, monkeypatch, 4)
    first, *rest = sorted(store.core.index.shard_names())
    records_in = store.core.records_in
    monkeypatch.setattr(
        type(store.core), "records_in", lambda _, name: records_in(name)[: int(name != first)]
    )
    with pytest.raises(StoreError, match="4 records are in the index, 3 in the shard"):
        compaction.compact(store.core)
    assert store.core.index.shard_names() == {first, *rest}


def test_a_merge_is_thrown_away_when_a_record_was_deleted_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as never:
        never.setattr(compaction, "DUE", 1000)
        receipts = [store.save(make_submission(seed)) for seed in range(4)]
    prepare = compaction.prepare_shard

    def slow(*given):
        made = prepare(*given)
        gone = receipts.pop()
        store.delete(gone.record_id, gone.token)
        return made

    monkeypatch.setattr(compaction, "prepare_shard", slow)
    assert compaction.compact(store.core) == 0
    assert sizes(store) == [1, 1, 1]
    assert not (store.core.data_dir / "building").exists()
    assert store.verify().problems == []


def settled(store: Store) -> list[int]:
    """The sizes once whoever merges in the background is done."""
    with store.core.compacting:
        return sizes(store)


def delete(store: Store) -> None:
    store.delete(store.newest()[0].id, store.receipt.token)


def decide(store: Store) -> None:
    deciding.decide(store.core, store.newest()[0].id, "ann", "approved")


def undo(store: Store) -> None:
    deciding.undo(store.core, "bob")


def reopen(store: Store) -> None:
    Store.open(store.core.data_dir).close()


@pytest.mark.parametrize(
    "action",
    [
        delete,
        decide,
        undo,
        reopen,
        lambda store: remove(store.core, [store.newest()[0].id]),
        lambda store: restore(store.core, FakeHub(), "ann/masks"),
    ],
)
def test_whatever_makes_shards_sees_to_it_that_they_are_merged(
    store: Store, monkeypatch: pytest.MonkeyPatch, action: Callable[[Store], object]
) -> None:
    fill(store, monkeypatch, 7)
    with monkeypatch.context() as never:
        never.setattr(compaction, "DUE", 1000)
        deciding.decide(store.core, store.newest()[-1].id, "bob", "approved")
        store.receipt = store.save(make_submission(50))
    assert settled(store) == [1] * 8
    action(store)
    assert len(settled(store)) < 4
    assert store.verify().problems == []


def test_a_review_without_saves_leaves_few_shards_of_decisions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, monkeypatch, 12)
    with store.core.compacting:
        pass
    most = 0
    for record in store.newest():
        deciding.decide(store.core, record.id, "ann", "approved")
        most = max(most, len(settled(store)))
    assert most < 8
    assert sum(settled(store)) == 12
    assert store.verify().problems == []


def test_a_merge_that_fails_spoils_nothing_and_is_not_tried_at_once_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store, monkeypatch, 6)
    tried = []

    def failing(core):
        tried.append(core)
        raise StoreError("a shard is damaged")

    monkeypatch.setattr(compaction, "compact", failing)
    for record in store.newest()[:3]:
        deciding.decide(store.core, record.id, "ann", "approved")
        settled(store)
    assert len(tried) == 1
    assert "could not be merged now: a shard is damaged" in caplog.text
    assert store.info()["approved"] == 3
    store.core.no_compaction_before = 0.0
    store.save(make_submission(60))
    settled(store)
    assert len(tried) == 2


def test_what_cannot_be_merged_at_all_spoils_no_save(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, monkeypatch, 6)

    def none_left(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(compaction.threading.Thread, "start", none_left)
    store.save(make_submission(60))
    assert store.info()["records"] == 7
    assert not store.core.compacting.locked()


def test_merging_leaves_room_to_delete(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store, monkeypatch)
    row = store.core.index.get("SELECT sum(bytes) AS n FROM shards")
    usage = shutil.disk_usage(store.core.data_dir)

    def free(size: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=size))

    free(files.RESERVE_BYTES + 2 * row["n"] - 1)  # the merged one, and its copy less one record
    assert compaction.compact(store.core) == 0
    assert "no room" in caplog.text
    assert not (store.core.data_dir / "building").exists()
    remote = FakeHub()
    hub.push(store.core, remote, "ann/masks", PENDING)
    assert len(remote.ids()) == 9, "what cannot be merged is pushed as it is"
    monkeypatch.setattr(compaction, "soon", lambda _: None)
    free(files.RESERVE_BYTES + 2 * row["n"])
    assert compaction.compact(store.core) == 9
    assert store.verify().problems == []
