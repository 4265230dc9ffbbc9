"""What a killed process was making is removed, and what a living one is making is not."""

from pathlib import Path

import pytest

from space.store import Store, compaction, recovery, shards
from space.store.files import locked, working
from tests.space.store.conftest import make_submission
from tests.space.store.test_crashes import Killed


@pytest.fixture
def killed_at_merging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A store whose merger died with the merged shard in its hands; receipts of its records."""
    store = Store.open(tmp_path / "data")
    receipts = [store.save(make_submission(i)) for i in range(4)]

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(compaction, "DUE", 4)
        patch.setattr(recovery, "settle", die)
        with pytest.raises(Killed):
            compaction.compact(store.core)
    [built] = (store.core.data_dir / "building").iterdir()
    assert shards.read_ids(built) == {receipt.record_id for receipt in receipts}
    yield store, receipts
    store.close()


def test_a_deletion_takes_a_dead_mergers_shard_along(killed_at_merging) -> None:
    store, receipts = killed_at_merging
    store.delete(receipts[1].record_id, receipts[1].token)
    assert not (store.core.data_dir / "building").exists()
    assert store.verify().problems == []


def test_opening_clears_what_nobody_works_at(killed_at_merging) -> None:
    store, _ = killed_at_merging
    data_dir = store.core.data_dir
    (data_dir / "restoring" / "data").mkdir(parents=True)
    (data_dir / "restoring" / "data" / "train-x.parquet").write_bytes(b"of a deleted record")
    (data_dir / "thumbnails" / "0123456789abcdef.tmp").write_bytes(b"of a deleted record")
    kept = data_dir / "thumbnails" / "whole.jpg"
    kept.write_bytes(b"small")
    Store.open(data_dir).close()
    assert not (data_dir / "building").exists()
    assert not (data_dir / "restoring").exists()
    assert list((data_dir / "thumbnails").iterdir()) == [kept]


@pytest.mark.parametrize(
    ("lock", "name"),
    [
        ("compaction.lock", "building/train-x.parquet"),
        ("push.lock", "restoring/data/train-x.parquet"),
        ("unfinished.lock", "thumbnails/0123456789abcdef.tmp"),
    ],
)
def test_what_somebody_works_at_stays(store: Store, lock: str, name: str) -> None:
    receipt = store.save(make_submission(0))
    path = store.core.data_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"in the making")
    holding = working if lock == "unfinished.lock" else locked
    with holding(store.core.data_dir / lock):
        Store.open(store.core.data_dir).close()
        store.delete(receipt.record_id, receipt.token)
        assert path.exists()
    Store.open(store.core.data_dir).close()
    assert not path.exists()


def test_what_cannot_be_removed_does_not_stop_a_deletion(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = store.save(make_submission(0))
    (store.core.data_dir / "building").mkdir()

    def refuse(*_):
        raise OSError("no")

    monkeypatch.setattr(recovery.shutil, "rmtree", refuse)
    recovery.clear_leftovers(store.core)
    monkeypatch.undo()
    store.delete(receipt.record_id, receipt.token)
    assert store.info()["records"] == 0


def test_thumbnails_are_drawn_under_the_lock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from space.store import thumbnails

    record = store.get(store.save(make_submission(0)).record_id)
    write = thumbnails.write_atomically

    def opened_meanwhile(path, data, workshop):
        unfinished = workshop / "fedcba9876543210.tmp"
        unfinished.write_bytes(data)
        Store.open(store.core.data_dir).close()
        assert unfinished.exists()
        unfinished.unlink()
        write(path, data, workshop)

    monkeypatch.setattr(thumbnails, "write_atomically", opened_meanwhile)
    assert store.thumbnail(record).startswith(b"\xff\xd8")
