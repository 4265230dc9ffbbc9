"""A photo or mask that is gone or damaged: its neighbours go on, and its shard gives it back."""

from pathlib import Path

import pytest

from space.store import Store, StoreError, compaction, deciding
from tests.space.store.conftest import make_mask, make_photo, make_submission, photo_of
from tests.space.store.test_store import load


def merged(store: Store, count: int = 4) -> list:
    """Receipts of records that share one shard."""
    receipts = [store.save(make_submission(seed)) for seed in range(count)]
    assert compaction.pack(store.core, "open/pending") == count
    return receipts


def photo_file(store: Store, record_id: str) -> Path:
    return store.core.objects.path("originals", store.get(record_id).image_sha256)


def mask_file(store: Store, record_id: str) -> Path:
    return store.core.objects.path("masks", store.get(record_id).mask_sha256)


def hurt(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize("how", ["missing", "damaged"])
@pytest.mark.parametrize("file", [photo_file, mask_file])
def test_neighbours_are_reviewed_and_deleted_all_the_same(
    store: Store, tmp_path: Path, how: str, file
) -> None:
    hit, reviewed, deleted, other = merged(store)
    hurt(file(store, hit.record_id), how)
    deciding.decide(store.core, reviewed.record_id, "ann", "approved")
    store.delete(deleted.record_id, deleted.token)
    rows = {row["id"]: row for row in load(store, tmp_path)}
    assert set(rows) == {one.record_id for one in (hit, reviewed, other)}
    assert rows[hit.record_id]["image"].size == (67, 41)
    # The record itself can be decided on and deleted as well.
    deciding.decide(store.core, hit.record_id, "ann", "approved")
    store.delete(hit.record_id, hit.token)
    assert store.verify().problems == []


def test_merging_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    receipts = [store.save(make_submission(seed)) for seed in range(4)]
    photo_file(store, receipts[2].record_id).unlink()
    monkeypatch.setattr(compaction, "DUE", 4)
    assert compaction.compact(store.core) == 4
    assert len(store.core.index.shard_names()) == 1


def test_opening_puts_missing_files_back(store: Store) -> None:
    receipts = merged(store)
    files = [photo_file(store, receipts[0].record_id), mask_file(store, receipts[1].record_id)]
    for path in files:
        path.unlink()
    Store.open(store.core.data_dir).close()
    assert store.verify().problems == []
    assert photo_of(store, store.get(receipts[0].record_id)) == make_photo(0)
    assert (store.mask(store.get(receipts[1].record_id)) == make_mask(1)).all()


def test_what_nothing_holds_is_refused_and_said(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    receipt, other = merged(store, 2)
    path = photo_file(store, receipt.record_id)
    path.unlink()
    [shard] = store.core.published.shard_files()
    (store.core.published.data / shard).write_bytes(b"no Parquet")
    with pytest.raises(StoreError, match=f"{path.name} is missing"):
        store.delete(other.record_id, other.token)
    assert store.info()["records"] == 2
    Store.open(store.core.data_dir).close()
    assert f"{path} is missing, and no shard has it" in caplog.text


def test_pictures_of_a_shard_are_taken_only_if_they_are_the_records(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt, other = merged(store, 2)
    path = photo_file(store, receipt.record_id)
    path.unlink()
    read = compaction.prepare_shard.__globals__["shards"].read_rows
    monkeypatch.setattr(
        "space.store.shards.read_rows",
        lambda file: ({**row, "image": row["image"] + b"?"} for row in read(file)),
    )
    with pytest.raises(StoreError, match=f"{path.name} is missing"):
        store.delete(other.record_id, other.token)
