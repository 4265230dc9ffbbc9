"""Saving, listing, counting, deleting and checking records in one process."""

import io
import json
from dataclasses import replace
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image

from space.store import Filters, Store, StoreError, Submission, SubmissionError, compaction
from space.store import shards as shards_module
from space.store.schema import FEATURES
from tests.space.store.conftest import make_mask, make_photo, make_submission, photo_of


def load(store: Store, tmp_path: Path) -> datasets.Dataset:
    return datasets.load_dataset(
        str(store.dataset_dir), split="train", cache_dir=str(tmp_path / "cache")
    )


def test_a_saved_record_is_loaded_as_it_was_sent(store: Store, tmp_path: Path) -> None:
    sent = make_submission(3, licence="cc-by-4.0", strategy="wide", model="lama-tiny")
    receipt = store.save(sent)
    table = load(store, tmp_path)
    assert table.features == FEATURES
    assert table.column_names == list(FEATURES)
    row = table[0]
    assert row["id"] == receipt.record_id
    np.testing.assert_array_equal(
        np.asarray(row["image"]), np.asarray(Image.open(io.BytesIO(sent.image_bytes)))
    )
    assert row["mask"].mode == "L"
    np.testing.assert_array_equal(np.asarray(row["mask"]), sent.mask * np.uint8(255))
    assert (row["width"], row["height"]) == (67, 41)
    assert row["hole_fraction"] == pytest.approx(sent.mask.mean())
    assert (row["licence"], row["consent"], row["status"]) == ("cc-by-4.0", True, "pending")
    assert (row["strategy"], row["model"], row["schema_version"]) == ("wide", "lama-tiny", 1)
    assert row["strokes"] == sent.strokes
    extra = json.loads(row["extra"])
    assert extra["note"] == "number 3"
    assert receipt.token not in json.dumps(row, default=str)
    raw = load(store, tmp_path).cast_column("image", datasets.Image(decode=False))[0]["image"]
    assert raw["bytes"] == sent.image_bytes
    assert raw["path"] is None


def test_without_a_record_the_columns_are_there(store: Store) -> None:
    stream = datasets.load_dataset(str(store.dataset_dir), split="train", streaming=True)
    assert stream.features == FEATURES
    assert list(stream) == []


def test_a_rotated_photo_and_its_mask_agree(store: Store, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.open(io.BytesIO(make_photo(1, 20, 30))).save(buffer, "JPEG", exif=exif, quality=95)
    submission = make_submission(1, image_bytes=buffer.getvalue(), mask=make_mask(1, 30, 20))
    store.save(submission)
    row = load(store, tmp_path)[0]
    assert row["image"].size == row["mask"].size == (20, 30) == (row["width"], row["height"])
    with pytest.raises(SubmissionError, match="same size"):
        store.save(replace(submission, mask=make_mask(1, 20, 30)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"consent": False}, "consent"),
        ({"consent": 1}, "consent"),
        ({"note": "half \ud800 of one"}, "half a character"),
        ({"strokes": '"\ud800"'}, "half a character"),
        ({"licence": "mit"}, "Choose one of cc0-1.0, cc-by-4.0, private"),
        ({"licence": ""}, "licence"),
        ({"mask": np.zeros((41, 67), bool)}, "no hole"),
        ({"mask": np.ones((41, 67), bool)}, "whole photo"),
        ({"mask": make_mask(1, 41, 66)}, "same size"),
        ({"image_bytes": b""}, "picture"),
        ({"image_bytes": make_photo(0)[:500]}, "picture"),
        ({"strokes": "{"}, "JSON"),
        ({"strategy": "../up"}, "strategy"),
        ({"note": "x" * 3000}, "note"),
    ],
)
def test_refusals_leave_nothing(store: Store, changes: dict, words: str) -> None:
    with pytest.raises(SubmissionError, match=words):
        store.save(make_submission(0, **changes))
    assert store.info()["records"] == 0
    assert not [path for path in (store.core.data_dir / "originals").rglob("*") if path.is_file()]


def test_one_photo_with_several_masks_is_kept_once(store: Store, tmp_path: Path) -> None:
    photo = make_photo(9)
    receipts = [store.save(make_submission(i, image_bytes=photo)) for i in range(3)]
    assert store.info()["images"] == 1
    assert store.info()["records"] == 3
    originals = store.core.data_dir / "originals"
    assert len([path for path in originals.rglob("*") if path.is_file()]) == 1
    store.delete(receipts[0].record_id, receipts[0].token)
    assert store.info()["images"] == 1
    assert len(set(load(store, tmp_path)["image_sha256"])) == 1
    for receipt in receipts[1:]:
        store.delete(receipt.record_id, receipt.token)
    assert store.info()["images"] == 0
    assert not [path for path in originals.rglob("*") if path.is_file()]


def test_newest_first_with_filters_and_pages(store: Store) -> None:
    ids = [
        store.save(
            make_submission(i, strategy="wide" if i % 2 else "drawn", licence="private")
        ).record_id
        for i in range(5)
    ]
    assert [record.id for record in store.newest()] == ids[::-1]
    assert [record.id for record in store.newest(limit=2)] == [ids[4], ids[3]]
    wide = store.newest(filters=Filters(strategy="wide"))
    assert [record.id for record in wide] == [ids[3], ids[1]]
    assert store.newest(filters=Filters(status="approved")) == []
    some = store.newest()[2]
    near = Filters(min_area=some.hole_fraction - 1e-6, max_area=some.hole_fraction + 1e-6)
    assert some.id in [record.id for record in store.newest(filters=near)]
    assert store.strategies() == {"drawn": 3, "wide": 2}
    np.testing.assert_array_equal(store.mask(store.get(ids[4])), make_mask(4))
    assert photo_of(store, store.get(ids[4])) == make_photo(4)


def test_info_counts(store: Store) -> None:
    for i in range(3):
        store.save(make_submission(i))
    info = store.info()
    assert list(info)[:7] == [
        *("records", "images", "pending", "approved", "rejected", "synced", "bytes")
    ]
    assert (info["records"], info["images"], info["pending"], info["synced"]) == (3, 3, 3, 0)
    files = [
        path
        for part in ("originals", "masks", "dataset/data")
        for path in (store.core.data_dir / part).rglob("*")
        if path.is_file() and "empty" not in path.name
    ]
    assert info["bytes"] == sum(path.stat().st_size for path in files)


def test_small_shards_are_merged_and_nothing_changes(store: Store, tmp_path: Path) -> None:
    for i in range(34):
        store.save(make_submission(i, licence="private" if i % 4 == 0 else "cc0-1.0"))
    before = {row["id"]: row for row in load(store, tmp_path).remove_columns(["image", "mask"])}
    for i in range(34, 50):
        store.save(make_submission(i))
    compaction.compact(store.core)
    assert store.verify().problems == []
    table = load(store, tmp_path)
    assert table.num_rows == 50
    after = {row["id"]: row for row in table.remove_columns(["image", "mask"])}
    assert {key: after[key] for key in before} == before
    shelves = store.core.index.all("SELECT shelf, rows FROM shards")
    assert len(shelves) < 30
    assert {row["shelf"] for row in shelves} == {"open/pending", "private/pending"}


def test_verify_sees_each_kind_of_damage(store: Store) -> None:
    receipts = [store.save(make_submission(i)) for i in range(4)]
    assert store.verify().sound
    report = store.verify()
    assert (report.records, report.files, report.shards) == (4, 8, 4)
    records = [store.get(receipt.record_id) for receipt in receipts]
    original = store.core.objects.path("originals", records[0].image_sha256)
    original.write_bytes(original.read_bytes()[:-1] + b"!")
    store.core.objects.path("masks", records[1].mask_sha256).unlink()
    shards = sorted(store.core.published.shard_files())
    path = store.core.published.data / shards[2]
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    (store.core.published.data / shards[3]).unlink()
    (store.core.data_dir / "originals" / "stranger").write_bytes(b"x")
    text = "\n".join(store.verify().problems)
    assert f"{original} is damaged" in text
    assert "is missing. Opening the data directory again" in text
    assert f"{shards[2]} has been changed" in text
    assert f"{shards[3]} is missing" in text
    assert "stranger belongs to no record" in text


def test_a_lost_shard_is_made_again_and_a_lost_index_too(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "data")
    receipts = [store.save(make_submission(i)) for i in range(3)]
    store.close()
    lost = sorted((tmp_path / "data/dataset/data").glob("train-0*-??????*.parquet"))
    lost[1].unlink()
    store = Store.open(tmp_path / "data")
    assert store.verify().problems == []
    assert load(store, tmp_path).num_rows == 3
    before = store.newest()
    store.close()
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (tmp_path / "data" / name).unlink(missing_ok=True)
    store = Store.open(tmp_path / "data")
    unsourced = [replace(record, source_sha256="", source_bytes=0) for record in before]
    assert store.newest() == unsourced
    assert store.verify().problems == []
    store.delete(receipts[1].record_id, receipts[1].token)  # receipts survive as well
    assert load(store, tmp_path).num_rows == 2
    store.close()


def test_a_damaged_index_says_so(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="damaged"):
        Store.open(tmp_path)


def test_card_is_current_and_keeps_loading(store: Store, tmp_path: Path) -> None:
    store.save(make_submission(1))
    store.save(make_submission(2, licence="private"))
    card = datasets.load.DatasetCard.load(store.dataset_dir / "README.md")
    assert "2 records on 2 photos" in card.text
    assert "| private | 1 |" in card.text
    front = card.data.to_dict()
    assert "configs" not in front  # see space.store.card
    assert front["dataset_info"]["features"] == FEATURES._to_yaml_list()
    assert "splits" not in front["dataset_info"]
    assert load(store, tmp_path).num_rows == 2


@pytest.mark.parametrize("meanwhile", ["merge", "delete"])
def test_a_reader_keeps_the_state_it_began_with(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    receipts = [store.save(make_submission(i)) for i in range(5)]
    monkeypatch.setattr(compaction, "DUE", 3)
    builder = datasets.packaged_modules.parquet.Parquet
    opening = builder._split_generators

    def change_after_listing(self, manager):
        if meanwhile == "merge":
            assert compaction.compact(store.core) == 5
        else:
            store.delete(receipts[2].record_id, receipts[2].token)
        return opening(self, manager)

    with monkeypatch.context() as patch:
        patch.setattr(builder, "_split_generators", change_after_listing)
        found = load(store, tmp_path)["id"]
    gone = {receipts[2].record_id} if meanwhile == "delete" else set()
    assert sorted(found) == sorted({receipt.record_id for receipt in receipts} - gone)
    assert sorted(load(store, tmp_path)["id"]) == sorted(found)


def test_a_file_that_is_not_ours_is_left_alone(store: Store) -> None:
    receipts = [store.save(make_submission(i)) for i in range(2)]
    stranger = store.core.published.data / "train-stranger.parquet"
    stranger.write_bytes(b"who am I")
    Store.open(store.core.data_dir).close()
    store.delete(receipts[0].record_id, receipts[0].token)
    assert (store.core.published.data / stranger.name).read_bytes() == b"who am I"
    assert store.verify().problems == ["the shard train-stranger.parquet is not in the index"]


def test_loading_again_sees_what_was_saved_since(tmp_path: Path) -> None:
    stores = [Store.open(tmp_path / name) for name in ("one", "two")]
    receipts = [stores[0].save(make_submission(i)) for i in range(2)]
    assert load(stores[0], tmp_path).num_rows == 2
    stores[0].save(make_submission(2))
    assert load(stores[0], tmp_path).num_rows == 3
    stores[0].delete(receipts[0].record_id, receipts[0].token)
    ids = load(stores[0], tmp_path)["id"]
    assert len(ids) == 2
    assert receipts[0].record_id not in ids
    stores[1].save(make_submission(3))  # another folder called `dataset`, the same cache
    assert load(stores[1], tmp_path).num_rows == 1
    for store in stores:
        store.close()


def test_names_of_shards_never_repeat() -> None:
    names = {shards_module.new_name() for _ in range(1000)}
    assert len(names) == 1000
    assert all(shards_module.is_name(name) for name in names)


def test_submission_defaults_are_those_of_a_drawn_mask() -> None:
    submission = Submission(make_photo(0), make_mask(0), "cc0-1.0", consent=True)
    submission.check()
    assert (submission.strategy, submission.contributor) == ("drawn", "anonymous")


def test_a_stored_file_that_was_cut_off_is_stored_anew(store: Store) -> None:
    receipt = store.save(make_submission(0))
    path = store.core.objects.path("originals", store.get(receipt.record_id).image_sha256)
    path.write_bytes(path.read_bytes()[:100])
    store.save(make_submission(1, image_bytes=make_photo(0)))
    assert path.read_bytes() == make_photo(0)
    assert store.verify().problems == []
