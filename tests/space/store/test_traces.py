"""What a tombstone keeps until the last copy of a photo is gone, and that nothing stays of it."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from space.store import Store, traces
from tests.space.store.conftest import make_mask, make_photo, make_submission
from tests.space.store.test_crashes import Killed, dying_at
from tests.space.store.test_deleting import everything_below


def test_a_tombstone_says_what_copies_look_like(store: Store) -> None:
    receipt = store.save(make_submission(3))
    record = store.get(receipt.record_id)
    store.delete(receipt.record_id, receipt.token, copies=True)
    [found] = traces.pending(store.core)
    assert found.record_id == receipt.record_id
    assert found.photos[record.source_sha256] == len(make_photo(3))
    assert found.photos[record.image_sha256] > 0
    assert found.mask is not None
    assert found.mask.fits(make_mask(3))
    assert not found.mask.fits(make_mask(4))
    assert not found.mask.fits(np.zeros((3, 5), bool))
    traces.cross_out(store.core, receipt.record_id)
    assert traces.pending(store.core) == []
    left = everything_below(store.core.data_dir)
    for digest in (record.source_sha256, record.image_sha256, found.mask.sha256):
        assert digest.encode() not in left
    assert store.verify().problems == []


def test_without_being_asked_nothing_is_kept(store: Store) -> None:
    receipt = store.save(make_submission(3))
    store.delete(receipt.record_id, receipt.token)
    assert traces.pending(store.core) == []


@pytest.mark.parametrize("step", ["exchange committed", "link moved", "bytes removed"])
def test_a_kill_does_not_lose_them(tmp_path: Path, step: str) -> None:
    dying = Store.open(tmp_path / "data", on_step=dying_at(step))
    receipt = dying.save(make_submission(3))
    with pytest.raises(Killed):
        dying.delete(receipt.record_id, receipt.token, copies=True)
    dying.close()
    store = Store.open(tmp_path / "data")
    assert [found.record_id for found in traces.pending(store.core)] == [receipt.record_id]
    store.close()


def test_what_other_records_have_is_not_looked_for(store: Store) -> None:
    mask = make_mask(8)
    first, second = (
        store.save(make_submission(i, image_bytes=make_photo(0), mask=mask)) for i in range(2)
    )
    record = store.get(first.record_id)
    store.delete(first.record_id, first.token, copies=True)
    [found] = traces.pending(store.core)
    assert found.mask is None
    assert traces.is_used(store.core, record.source_sha256)
    store.delete(second.record_id, second.token, copies=True)
    assert not traces.is_used(store.core, record.source_sha256)
    assert traces.pending(store.core)[1].mask is not None


def test_a_damaged_mask_can_be_deleted_too(store: Store) -> None:
    receipt = store.save(make_submission(3))
    record = store.get(receipt.record_id)
    store.core.objects.path("masks", record.mask_sha256).unlink()
    store.delete(receipt.record_id, receipt.token, copies=True)
    [found] = traces.pending(store.core)
    assert found.mask is None
    assert store.info()["records"] == 0


def test_when_the_last_deletion_was(store: Store) -> None:
    assert traces.newest_deletion(store.core) == 0
    receipt = store.save(make_submission(3))
    created = store.get(receipt.record_id).created_at.timestamp()
    store.delete(receipt.record_id, receipt.token)
    assert created < traces.newest_deletion(store.core) / 1e6 < created + 60


def test_a_mask_that_cannot_be_decoded_is_found_and_can_be_deleted(store: Store) -> None:
    receipt = store.save(make_submission(3))
    cut = store.core.objects.read("masks", store.get(receipt.record_id).mask_sha256)[:-30]
    digest = hashlib.sha256(cut).hexdigest()
    store.core.objects.put("masks", digest, cut)
    with store.core.index.transaction() as run:
        run.execute("UPDATE records SET mask_sha256 = ?", (digest,))
        run.execute("UPDATE objects SET sha256 = ? WHERE kind = 'masks'", (digest,))
    assert any(digest in problem for problem in store.verify().problems)
    store.delete(receipt.record_id, receipt.token, copies=True)
    assert store.info()["records"] == 0
