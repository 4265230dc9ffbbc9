"""Old data directories open with the program of today, and end with the tables of a new one.

`old/version1.tar.xz` was written by the program that first had a store, not made for this test.
"""

import json
import sqlite3
import tarfile
from pathlib import Path

import pytest

from space.store import Store, StoreError, traces
from space.store.index import Index
from space.store.migrations import INDEX_VERSION, STEPS, Step, migrate, version_of
from tests.space.store.conftest import make_mask, make_submission

OLD = Path(__file__).parent / "old"


def tables(path: Path) -> dict[str, str]:
    """What an index is made of."""
    with sqlite3.connect(path) as run:
        return dict(run.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with tarfile.open(OLD / "version1.tar.xz") as archive:
        archive.extractall(tmp_path, filter="tar")
    return tmp_path


def test_an_old_data_directory_opens_whole(old: Path, tmp_path: Path) -> None:
    receipts = json.loads((old / "receipts.json").read_text())
    with sqlite3.connect(old / "data" / "index.sqlite") as run:
        assert version_of(run) == 1
    store = Store.open(old / "data")
    assert store.verify().problems == []
    assert store.info()["records"] == len(receipts["kept"])
    assert store.info()["synced"] == 1
    for record_id, _, seed in receipts["kept"]:
        assert (store.mask(store.get(record_id)) == make_mask(seed, 17, 23)).all()
    for record_id, token, _ in receipts["kept"][:2]:
        store.delete(record_id, token)
    store.save(make_submission(9))
    assert store.verify().problems == []
    store.close()
    with sqlite3.connect(old / "data" / "index.sqlite") as run:
        assert version_of(run) == INDEX_VERSION
    Store.open(tmp_path / "new").close()
    assert tables(old / "data" / "index.sqlite") == tables(tmp_path / "new" / "index.sqlite")


def test_steps_ascend_and_say_what_they_do() -> None:
    assert [step.version for step in STEPS] == list(range(2, INDEX_VERSION + 1))
    for step in STEPS:
        assert f"Version {step.version}" in str(step.run.__doc__), "say what the step brings"


def test_a_step_that_fails_leaves_the_old_version(old: Path) -> None:
    path = old / "data" / "index.sqlite"
    before = tables(path)

    def fail(run: sqlite3.Connection) -> None:
        run.execute("CREATE TABLE half (done TEXT)")
        raise sqlite3.OperationalError("database or disk is full")

    steps = (*STEPS, Step(INDEX_VERSION + 1, fail))
    with sqlite3.connect(path, isolation_level=None) as run:
        run.row_factory = sqlite3.Row
        run.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError):
            migrate(run, steps)
        run.execute("ROLLBACK")
        assert version_of(run) == 1
    assert tables(path) == before
    Store.open(old / "data").close()


def test_a_later_programs_index_is_left_alone(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "index.sqlite") as run:
        run.execute("UPDATE meta SET value = '999' WHERE key = 'index_version'")
    with pytest.raises(StoreError, match="version 999.*use the newer program"):
        Store.open(tmp_path)
    with sqlite3.connect(tmp_path / "index.sqlite") as run:
        assert version_of(run) == 999


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    Index(tmp_path / "index.sqlite").close()
    before = tables(tmp_path / "index.sqlite")
    index = Index(tmp_path / "index.sqlite")
    with index.transaction() as run:
        assert migrate(run) == []
    index.close()
    assert tables(tmp_path / "index.sqlite") == before


def test_records_from_before_are_deleted_with_their_copies(old: Path) -> None:
    receipts = json.loads((old / "receipts.json").read_text())
    store = Store.open(old / "data")
    assert traces.pending(store.core) == []
    record_id, token, seed = receipts["kept"][0]
    record = store.get(record_id)
    store.delete(record_id, token, copies=True)
    [found] = traces.pending(store.core)
    assert found.photos[record.source_sha256] == record.source_bytes
    assert found.mask is not None
    assert found.mask.fits(make_mask(seed, 17, 23))
    store.close()
