"""Deleting: every byte goes, for earlier readers too, and only with the right receipt."""

import os
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from space.store import Store, SubmissionError, compaction, traces
from space.store import shards as shards_module
from space.store.published import GRACE_SECONDS
from space.store.removing import remove
from tests.space.store.conftest import make_mask, make_submission
from tests.space.store.test_store import load


def everything_below(root: Path) -> bytes:
    """All bytes of all files, and of all values in Parquet files, decompressed."""
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            found.append(path.read_bytes())
            if path.suffix == ".parquet":
                found.append(repr(pq.read_table(path).to_pylist()).encode())
    return b"\n".join(found)


def test_deleting_removes_every_byte(store: Store, tmp_path: Path) -> None:
    kept = [store.save(make_submission(i)) for i in range(40)]
    compaction.compact(store.core)
    gone = make_submission(
        77, note="a note to be forgotten", strokes='[{"secret": "path of the brush"}]'
    )
    receipt = store.save(gone)
    traces = {
        "id": receipt.record_id.encode(),
        "photo": gone.image_bytes[60:200],
        "note": b"to be forgotten",
        "strokes": b"path of the brush",
        "mask": store.core.objects.read("masks", store.get(receipt.record_id).mask_sha256)[40:120],
    }
    (store.core.thumbnails / f"{receipt.record_id}.png").write_bytes(b"small")
    before = everything_below(store.core.data_dir)
    assert all(trace in before for trace in traces.values())
    for _ in range(33):  # the record moves into a bigger shard
        kept.append(store.save(make_submission(len(kept) + 100)))
    compaction.compact(store.core)
    store.delete(receipt.record_id, receipt.token)
    after = everything_below(store.core.data_dir)
    del traces["id"]  # stays as tombstone, so that nothing brings the record back
    assert [name for name, trace in traces.items() if trace in after] == []
    assert not list(store.core.thumbnails.iterdir())
    assert store.verify().problems == []
    ids = load(store, tmp_path)["id"]
    assert sorted(ids) == sorted(one.record_id for one in kept)


def test_directories_of_earlier_readers_go_after_a_while(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = [store.save(make_submission(i)) for i in range(5)]
    published = store.core.data_dir / "published"
    for receipt in receipts[:3]:
        store.delete(receipt.record_id, receipt.token)
    assert len(list(published.iterdir())) == 4
    gone = {receipt.record_id for receipt in receipts[:3]}
    for path in published.rglob("*.parquet"):
        assert not gone & shards_module.read_ids(path)
    old = time.time() - GRACE_SECONDS - 5
    for directory in published.iterdir():
        os.utime(directory, (old, old))
    store.delete(receipts[3].record_id, receipts[3].token)
    # The current one, and the one that was current until now: its time begins now.
    assert sorted(path.name for path in published.iterdir()) == ["00000004", "00000005"]


def test_a_wrong_receipt_deletes_nothing(store: Store) -> None:
    first, second = (store.save(make_submission(i)) for i in range(2))
    with pytest.raises(SubmissionError, match="does not belong"):
        store.delete(first.record_id, second.token)
    with pytest.raises(SubmissionError, match="no record"):
        store.delete("nonsense", first.token)
    assert store.info()["records"] == 2
    store.delete(first.record_id, first.token)
    with pytest.raises(SubmissionError, match="deleted already"):
        store.delete(first.record_id, first.token)


def test_many_go_at_once_from_all_shards_and_from_earlier_readers(
    store: Store, tmp_path: Path
) -> None:
    """One of them shares a mask with another; both are gone, so its copies are looked for."""
    masks = {i: make_mask(0 if i < 2 else i) for i in range(40)}
    ids = [store.save(make_submission(i, mask=masks[i])).record_id for i in range(40)]
    compaction.compact(store.core)
    ids += [store.save(make_submission(i)).record_id for i in range(40, 44)]
    reader = store.core.published.data  # as it is now: the link moves on
    gone = [*ids[:3], *ids[40:42]]
    removed = remove(store.core, [*gone, "nobody"])
    assert sorted(record.id for record in removed) == sorted(gone)
    assert remove(store.core, gone) == []
    assert sorted(load(store, tmp_path)["id"]) == sorted(set(ids) - set(gone))
    left = everything_below(store.core.data_dir)
    for i in (0, 1, 2, 40, 41):
        assert make_submission(i).image_bytes[60:200] not in left
    assert {
        name for path in reader.glob("*.parquet") for name in shards_module.read_ids(path)
    }.isdisjoint(gone)
    found = traces.pending(store.core)
    assert {one.record_id for one in found} == set(gone)
    assert [one.mask is None for one in found] == [True, False, False, False, False]
    assert store.verify().problems == []
