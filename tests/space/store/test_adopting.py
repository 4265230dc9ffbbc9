"""Parquet files that somebody puts into the dataset folder, under whatever name."""

import shutil
from pathlib import Path

import pytest

from space.store import Store, StoreError, hub, shards
from space.store.exporting import export
from space.store.records import Receipt
from tests.space.store.conftest import make_submission
from tests.space.store.test_hub import PENDING, FakeHub


def assert_it_can_be_withdrawn(store: Store, remote: FakeHub, receipt: Receipt) -> None:
    """The one record of the dataset arrives, and goes again."""
    hub.push(store.core, remote, "ann/masks", PENDING)
    assert remote.ids() == [receipt.record_id]
    store.delete(receipt.record_id, receipt.token)
    hub.push(store.core, remote, "ann/masks", PENDING)
    assert remote.ids() == []
    assert store.verify().problems == []


@pytest.fixture
def with_an_export(tmp_path: Path):
    """A store into whose folder a file of another one's export was copied; that one's receipt."""
    other = Store.open(tmp_path / "other")
    receipt = other.save(make_submission(5))
    export(other.core, "parquet", tmp_path / "export")
    other.close()
    store = Store.open(tmp_path / "data")
    shutil.copy(tmp_path / "export/data/train-00000.parquet", store.core.published.data)
    store.close()
    store = Store.open(tmp_path / "data")
    yield store, receipt
    store.close()


def test_a_copied_export_becomes_a_shard_that_can_be_withdrawn(with_an_export) -> None:
    store, receipt = with_an_export
    assert store.get(receipt.record_id)
    assert all(shards.is_name(name) for name in store.core.published.shard_files())
    remote = FakeHub(fail="before")
    with pytest.raises(StoreError):
        hub.push(store.core, remote, "ann/masks", PENDING)
    assert store.info()["failed"] == 1
    remote.fail = ""
    assert_it_can_be_withdrawn(store, remote, receipt)


def test_a_shard_that_an_earlier_version_adopted_under_a_strange_name_is_mended(
    store: Store,
) -> None:
    receipt = store.save(make_submission(0))
    remote = FakeHub()
    hub.push(store.core, remote, "ann/masks", PENDING)
    [name] = store.core.index.shard_names()
    strange = "train-00000.parquet"
    data = store.core.published.data
    (data / name).rename(data / strange)
    with store.core.index.transaction() as run:
        run.execute("UPDATE shards SET name = ?", (strange,))
        run.execute("UPDATE records SET shard = ?", (strange,))
    sent = remote.files.pop(hub.remote_path(name, "open/pending"))
    remote.files["data/pending-00000.parquet"] = sent
    store.core.index.remember(last_push_error="no route")
    assert store.info()["records"] == 1
    Store.open(store.core.data_dir).close()
    assert all(shards.is_name(name) for name in store.core.index.shard_names())
    assert_it_can_be_withdrawn(store, remote, receipt)


@pytest.mark.parametrize(
    ("path", "one"),
    [
        ("data/train-0123456789ab-0123456789ab.parquet", True),
        ("data/pending-0123456789ab-0123456789ab.parquet", True),
        ("data/train-00000.parquet", False),
        ("data/train.parquet", False),
        ("data/other-0123456789ab-0123456789ab.parquet", False),
        ("train-0123456789ab-0123456789ab.parquet", False),
        (f"data/{shards.EMPTY_NAME}", False),
    ],
)
def test_what_is_a_shard_on_the_hub(path: str, one: bool) -> None:
    assert hub.is_shard(path) == one
