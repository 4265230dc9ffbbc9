"""Which shards are merged with which, and how large the result may become."""

import pytest

from space.store import Store, StoreError, compaction
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_submission


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
    store.compact()
    assert max(sizes(store)) <= 5  # a picture weighs less where it shares a file
    for record in store.newest():
        set_status(store, record.id, "approved")
    store.compact()
    assert max(sizes(store)) > 5
    assert store.verify().problems == []


def test_a_large_shard_does_not_keep_small_ones_from_merging(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, monkeypatch, 5)
    monkeypatch.setattr(compaction, "UNREVIEWED_BYTES", int(2.5 * one_size(store)))
    with monkeypatch.context() as first:
        first.setattr(compaction, "UNREVIEWED_BYTES", int(1.5 * one_size(store)))
        assert store.compact() == 0  # every one of them is more than half of what a shard may be
    assert store.compact() > 0
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
        store.compact()
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
    assert store.compact() == 0
    assert sizes(store) == [1, 1, 1]
    assert not (store.core.data_dir / "building").exists()
    assert store.verify().problems == []
