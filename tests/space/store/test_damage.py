"""A photo or mask that is gone or damaged: its neighbours go on, and its shard gives it back."""

import errno
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from space.store import Store, StoreError, compaction, deciding, published, shards
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


def rot(path: Path) -> None:
    """Change one byte where it lies, under all of a shard's names, so that it reads like the disk's
    own error."""
    data = path.read_bytes()
    for place in reversed(range(len(data) - 8)):
        hurt_data = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        try:
            pq.read_table(pa.BufferReader(hurt_data), columns=["id"])
        except OSError:
            with path.open("r+b") as file:
                file.seek(place)
                file.write(hurt_data[place : place + 1])
            return
        except Exception:  # another kind of damage  # noqa: BLE001
            continue
    raise AssertionError("no byte does it")


def test_a_damaged_byte_is_told_from_a_disk_that_refuses(store: Store, tmp_path: Path) -> None:
    merged(store, 2)
    [name] = store.core.published.shard_files()
    path = store.core.published.data / name
    rot(path)
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        shards.read_ids(path)
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        list(shards.read_rows(path))
    with pytest.raises(FileNotFoundError):
        shards.read_ids(tmp_path / "none.parquet")


def test_a_damaged_byte_in_a_shard_stops_nothing(store: Store) -> None:
    deleted, decided, _, other = merged(store)
    [name] = store.core.published.shard_files()
    rot(store.core.published.data / name)
    store.delete(deleted.record_id, deleted.token)
    deciding.decide(store.core, decided.record_id, "ann", "approved")
    saved = store.save(make_submission(9))
    store.delete(other.record_id, other.token)
    assert store.info()["records"] == 3
    Store.open(store.core.data_dir).close()
    assert store.verify().problems == []
    assert store.get(saved.record_id)
    unfinished = "SELECT id FROM tombstones WHERE files IS NOT NULL"
    assert store.core.index.all(unfinished) == []


def test_the_app_starts_with_damaged_files_among_the_shards(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = merged(store, 2)
    [name] = store.core.published.shard_files()
    path = store.core.published.data / name
    foreign = path.with_name("train-mine.parquet")
    foreign.write_bytes(path.read_bytes())
    rot(foreign)
    photo = photo_file(store, first.record_id)
    photo.unlink()
    rot(path)
    Store.open(store.core.data_dir).close()
    assert "train-mine.parquet is not ours and was left alone" in caplog.text
    assert f"{photo} is missing, and no shard has it" in caplog.text
    assert foreign.exists()
    assert (store.mask(store.get(second.record_id)) == make_mask(1)).all()


def test_a_deletion_that_cannot_end_keeps_nobody_from_saving(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, _ = merged(store, 2)

    def refuse(*_arguments) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(store.core.published, "purge", refuse)
        store.delete(first.record_id, first.token)
        store.save(make_submission(5))
    assert f"Bytes of the deleted record {first.record_id} are still here" in caplog.text
    assert store.info()["records"] == 2
    photo = hashlib.sha256(make_photo(0)).hexdigest()
    assert store.core.objects.path("originals", photo).exists()
    store.save(make_submission(6))
    assert not store.core.objects.path("originals", photo).exists()


def test_earlier_readers_lose_a_shard_that_the_disk_has_no_room_to_clean(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = merged(store, 2)
    before = store.core.published.data
    [shard] = before.glob("train-*[0-9a-f].parquet")
    monkeypatch.setattr(published, "has_room", lambda _directory, size: size < 10**6)
    store.delete(first.record_id, first.token)
    assert shards.read_ids(shard) == set()
    assert [row["id"] for row in store.core.index.all("SELECT id FROM records")] == [
        second.record_id
    ]
    assert store.verify().problems == []
