"""What SQLite refuses is said in words, and undone."""

import sqlite3
from pathlib import Path

import pytest

from space.store import Store, StoreError, deciding, queue
from space.store.errors import IndexTroubleError
from space.store.index import Index
from tests.space.store.conftest import make_submission


def read_only(store: Store) -> None:
    """As on a disk that became read-only."""
    store.core.index.get("PRAGMA query_only = ON")


def unreadable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a disk that fails."""

    class Broken:
        in_transaction = False

        def execute(self, *_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store.core.index, "_connection", Broken())


def test_each_way_to_the_index_fails_in_words(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.sqlite")
    for ask in (index.all, index.get):
        with pytest.raises(IndexTroubleError, match="no such table: nowhere"):
            ask("SELECT * FROM nowhere")

    def write(count: int) -> None:
        with index.transaction() as run:
            for _ in range(count):
                run.execute("INSERT INTO meta VALUES ('a', '1')")

    with pytest.raises(IndexTroubleError, match="UNIQUE constraint"):
        write(2)
    assert index.meta("a") == "", "all of it or nothing"
    index.get("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="cannot be written to. Check its permissions"):
        write(1)
    index.close()
    with pytest.raises(StoreError, match="closed database"):
        index.get("SELECT 1")
    with pytest.raises(StoreError, match="closed database"):
        write(0)
    with pytest.raises(StoreError, match="closed database"):
        index.forget_deleted()


def test_what_sqlite_has_undone_itself_is_not_undone_again(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.sqlite")

    def fail() -> None:
        with index.transaction() as run:
            run.execute("ROLLBACK")  # as it does when the disk is full
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    index.close()


def test_operations_on_a_read_only_index_fail_in_words(store: Store) -> None:
    receipt = store.save(make_submission(0))
    read_only(store)
    words = "cannot be written to. Check its permissions"
    with pytest.raises(StoreError, match=f"Could not save this mask: .*{words}"):
        store.save(make_submission(1))
    with pytest.raises(StoreError, match=words):
        store.delete(receipt.record_id, receipt.token)
    with pytest.raises(StoreError, match=words):
        deciding.decide(store.core, receipt.record_id, "ann", "approved")
    with pytest.raises(StoreError, match=words):
        queue.take(store.core, "ann")
    with pytest.raises(StoreError, match=words):
        queue.unskip(store.core, "ann")
    with pytest.raises(StoreError, match=words):
        store.pseudonym("ann")
    store.core.index.get("PRAGMA query_only = OFF")
    assert store.info()["records"] == 1
    store.save(make_submission(1))
    assert store.verify().problems == []
