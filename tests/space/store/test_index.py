"""What SQLite refuses is said in words, and undone."""

import sqlite3
from pathlib import Path

import pytest

from space.store import Store, StoreError, deciding, queue
from space.store.errors import IndexTroubleError
from space.store.importing import Answer, import_from
from space.store.index import Index
from tests.space.store.conftest import make_submission
from tests.space.store.test_importing import foreign_coco


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


def without_its_index(store: Store) -> Store:
    store.close()
    for path in store.core.data_dir.glob("index.sqlite*"):
        path.unlink()
    return Store.open(store.core.data_dir)


def test_pseudonyms_survive_a_lost_index(store: Store) -> None:
    ann = store.pseudonym("ann")
    path = store.core.data_dir / "secrets" / "pseudonym_key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    again = without_its_index(store)
    assert again.pseudonym("ann") == ann
    path.unlink()  # as an earlier version had it: in the index alone
    assert again.pseudonym("ann") == ann
    assert path.is_file()
    path.unlink()
    lost = without_its_index(again)
    assert lost.pseudonym("ann") != ann
    lost.close()


def test_pictures_from_elsewhere_are_known_after_a_lost_index(store: Store, tmp_path: Path) -> None:
    foreign_coco(tmp_path / "coco", {"size": [17, 23], "counts": [20, 30, 341]})
    answer = Answer("cc0-1.0", True)
    assert import_from(store.core, tmp_path / "coco", answer).records == 1
    key = store.core.index.secret("import_key")
    again = without_its_index(store)
    assert again.core.index.secret("import_key") == key
    again.close()


def test_a_key_that_is_there_is_only_read(store: Store) -> None:
    ann = store.pseudonym("ann")
    read_only(store)
    assert store.pseudonym("ann") == ann
    (store.core.data_dir / "secrets" / "pseudonym_key").unlink()
    (store.core.data_dir / "secrets").rmdir()
    (store.core.data_dir / "secrets").write_text("in the way")
    assert store.pseudonym("ann") == ann


def test_a_key_that_cannot_be_kept_or_read_is_not_made_up(store: Store) -> None:
    place = store.core.data_dir / "secrets"
    place.write_text("in the way")
    with pytest.raises(StoreError, match="Could not keep a secret key"):
        store.pseudonym("ann")
    assert store.core.index.meta("pseudonym_key") == ""
    place.unlink()
    place.mkdir()
    (place / "pseudonym_key").write_text("")
    with pytest.raises(StoreError, match="pseudonym_key is damaged"):
        store.pseudonym("ann")


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


def test_only_its_owner_reads_an_index(store: Store) -> None:
    """It has reviewers' names, and the keys of pseudonyms."""
    for path in store.core.data_dir.glob("index.sqlite*"):
        assert path.stat().st_mode & 0o077 == 0, path
