"""Rows that cannot be records, in shards that somebody else may have changed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from space.store import Store, StoreError, SubmissionError, compaction, deciding, hub, shards
from space.store.records import check_row
from space.store.restoring import restore
from tests.space.store.conftest import make_submission
from tests.space.store.test_hub import PENDING, FakeHub
from tests.space.store.test_store import load


def lost_index(store: Store) -> None:
    store.close()
    for path in store.core.data_dir.glob("index.sqlite*"):
        path.unlink()


BAD = {
    "status": "<img src=x onerror=alert(1)>",
    "licence": "mine",
    "consent": False,
    "extra": "[]",
    "strategy": "two words",
    "contributor": None,
    "created_at": 10**18,
    "width": 0,
    "hole_fraction": float("nan"),
    "schema_version": 7,
    "strokes": "[" * 100_000,
    "id": "../up",
}


def spoil(store: Store, record_id: str, change: Callable[[dict], dict]) -> None:
    """Change a row in its shard by hand, as somebody who may write there."""
    name = store.get(record_id)
    row = store.core.index.get("SELECT shard FROM records WHERE id = ?", (name.id,))
    path = store.core.published.data / row["shard"]
    rows = [change(row) if row["id"] == record_id else row for row in shards.read_rows(path)]
    shards.write_shard(path, rows, "")


@pytest.mark.parametrize("column", BAD)
def test_a_restoration_takes_in_the_rows_beside_one_that_cannot_be_a_record(
    store: Store, tmp_path: Path, column: str
) -> None:
    remote = FakeHub()
    receipts = [store.save(make_submission(seed)) for seed in range(3)]
    hub.push(store.core, remote, "ann/masks", PENDING)
    [path] = [path for path in remote.files if hub.is_shard(path)]
    name = tmp_path / "changed.parquet"
    name.write_bytes(remote.files[path])
    rows = list(shards.read_rows(name))
    rows[1][column] = BAD[column]
    shards.write_shard(name, rows, "")
    remote.files[path] = name.read_bytes()
    fresh = Store.open(tmp_path / "fresh")
    for came in (2, 0):
        with pytest.raises(SubmissionError, match=f"1 rows .* {came} others came.*{path}"):
            restore(fresh.core, remote, "ann/masks")
        assert {r.id for r in fresh.newest()} == {r.record_id for r in receipts[::2]}
    assert fresh.verify().problems == []
    with pytest.raises(StoreError, match="does not know"):
        hub.push(fresh.core, remote, "ann/masks", PENDING)
    del remote.files[path]  # as the message says
    assert restore(fresh.core, remote, "ann/masks") == 0
    hub.push(fresh.core, remote, "ann/masks", PENDING)
    assert remote.ids() == sorted(receipt.record_id for receipt in receipts[::2])
    fresh.close()


@pytest.mark.parametrize("column", BAD)
def test_a_lost_index_comes_back_without_rows_that_cannot_be_records(
    tmp_path: Path, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(tmp_path / "data")
    receipts = [store.save(make_submission(seed)) for seed in range(3)]
    compaction.pack(store.core, "open/pending")
    spoil(store, receipts[1].record_id, lambda row: row | {column: BAD[column]})
    lost_index(store)
    store = Store.open(tmp_path / "data")
    assert {record.id for record in store.newest()} == {r.record_id for r in receipts[::2]}
    assert "cannot be a record" in caplog.text
    for receipt in receipts[::2]:
        deciding.decide(store.core, receipt.record_id, "ann", "approved")
    # Nothing is thrown away: the row stays where it was found, and is not taken in later either.
    assert load(store, tmp_path).num_rows == 3
    store.close()
    before = sorted(path.name for path in (tmp_path / "data/dataset/data").iterdir())
    store = Store.open(tmp_path / "data")
    assert sorted(path.name for path in (tmp_path / "data/dataset/data").iterdir()) == before
    store.delete(receipts[0].record_id, receipts[0].token)
    assert load(store, tmp_path).num_rows == 2
    assert any("is not in the index" in problem for problem in store.verify().problems)
    store.close()


def test_a_photo_of_another_size_is_not_taken_in(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "data")
    first, second = (store.save(make_submission(seed)).record_id for seed in range(2))
    spoil(store, first, lambda row: row | {"width": row["width"] + 1})
    spoil(store, second, lambda row: row | {"mask": b"no picture"})
    lost_index(store)
    store = Store.open(tmp_path / "data")
    assert store.newest() == []
    store.close()


def test_a_row_that_is_there_twice_is_taken_in_once(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "data")
    record_id = store.save(make_submission(0)).record_id
    path = next(store.core.published.data.glob("train-0*-??????*.parquet"))
    shards.write_shard(path, [*shards.read_rows(path), *shards.read_rows(path)], "")
    lost_index(store)
    store = Store.open(tmp_path / "data")
    assert [record.id for record in store.newest()] == [record_id]
    assert load(store, tmp_path).num_rows == 1
    assert store.verify().problems == []
    store.close()


def test_every_row_that_is_saved_passes(store: Store) -> None:
    store.save(make_submission(0, strokes="", note="", contributor="user-0123"))
    [path] = (store.core.published.data / name for name in store.core.published.shard_files())
    for row in shards.read_rows(path):
        check_row(row)
        for column, value in BAD.items():
            with pytest.raises(SubmissionError):
                check_row(row | {column: value})
        assert json.loads(row["extra"])


def test_half_a_character_in_a_note_is_no_record(store: Store) -> None:
    """JSON can say it, UTF-8 cannot: the page with such a note could not be sent to anybody."""
    receipt = store.save(make_submission(0))
    [row] = store.core.rows(store.core.index.all("SELECT * FROM records"))
    check_row(row)
    assert row["id"] == receipt.record_id
    extra = json.loads(row["extra"]) | {"note": "\ud800 x"}
    with pytest.raises(SubmissionError, match="half a character"):
        check_row(row | {"extra": json.dumps(extra)})
