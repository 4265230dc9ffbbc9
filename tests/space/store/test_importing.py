"""What was exported comes back as it was, from every format; what is foreign has to be vouched for.

The masks are compared byte by byte, and so are the photos: both are files that never change.
"""

import io
import json
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from space.store import Store, StoreError, SubmissionError, coco, importing
from space.store.exporting import KINDS, export, write_parquet
from space.store.importing import Answer, Imported, import_from
from tests.space.store.conftest import make_mask, make_photo, make_submission, photo_of
from tests.space.store.test_crashes import Killed, dying_at

RECEIPT = {"receipt_sha256": "0" * 64}


def whole(store: Store) -> dict[str, dict]:
    """Every record with every column, photo and mask as bytes."""
    records = store.core.index.all("SELECT * FROM records ORDER BY id")
    return {row["id"]: row for row in store.core.rows(records)}


def fill(store: Store) -> None:
    for seed, (height, width) in enumerate([(17, 23), (41, 67), (33, 16), (41, 67)]):
        store.save(
            make_submission(
                seed,
                image_bytes=make_photo(seed % 3 if seed != 3 else 1, height, width),
                mask=make_mask(seed, height, width),
                licence="private" if seed == 2 else "cc-by-4.0",
                strokes="" if seed == 1 else '[{"tool": "brush"}]',
                note="straße, 森" if seed == 0 else "",
            )
        )


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_comes_back_whole(store: Store, tmp_path: Path, kind: str) -> None:
    fill(store)
    path = tmp_path / ("out.zip" if kind == "zip" else "out")
    assert export(store.core, kind, path) == 4
    fresh = Store.open(tmp_path / "fresh")
    assert import_from(fresh.core, path) == Imported(4, 0)
    assert whole(fresh) == whole(store)
    assert fresh.info()["images"] == store.info()["images"] == 3
    assert fresh.verify().problems == []
    assert import_from(fresh.core, path) == Imported(0, 4)
    fresh.close()


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.integers(1, 41),
    st.integers(2, 41),
    st.integers(0, 2**32 - 1),
    st.floats(0.02, 0.98),
    st.sampled_from(KINDS),
)
def test_masks_of_any_shape_come_back_bit_for_bit(
    height: int, width: int, seed: int, share: float, kind: str
) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    mask.flat[0], mask.flat[-1] = True, False
    with tempfile.TemporaryDirectory() as folder:
        source, target = (Store.open(Path(folder) / name) for name in ("a", "b"))
        photo = make_photo(seed % 1000, height, width)
        saved = source.save(make_submission(0, image_bytes=photo, mask=mask))
        path = Path(folder) / ("out.zip" if kind == "zip" else "out")
        export(source.core, kind, path)
        import_from(target.core, path)
        np.testing.assert_array_equal(target.mask(target.get(saved.record_id)), mask)
        assert whole(target) == whole(source)
        source.close()
        target.close()


def test_receipts_and_statuses_survive(store: Store, tmp_path: Path) -> None:
    receipt = store.save(make_submission(0))
    path = tmp_path / "one.parquet"
    write_parquet(store.core, path)
    fresh = Store.open(tmp_path / "fresh")
    assert import_from(fresh.core, path).records == 1
    fresh.delete(receipt.record_id, receipt.token)
    assert import_from(fresh.core, path) == Imported(0, 1)  # deleted stays deleted
    assert fresh.info()["records"] == 0
    fresh.close()


def foreign_coco(root: Path, segmentation: object) -> None:
    (root / "images").mkdir(parents=True)
    (root / "images" / "a.png").write_bytes(make_photo(1, 17, 23))
    document = {
        "images": [{"id": 7, "file_name": "images/a.png", "width": 23, "height": 17}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "segmentation": segmentation}],
    }
    (root / coco.FILE).write_text(json.dumps(document))


def test_foreign_pictures_need_licence_and_consent(store: Store, tmp_path: Path) -> None:
    foreign_coco(tmp_path / "coco", {"size": [17, 23], "counts": [20, 30, 341]})
    with pytest.raises(SubmissionError, match="without licence and consent"):
        import_from(store.core, tmp_path / "coco")
    assert import_from(store.core, tmp_path / "coco", Answer("cc0-1.0", True)).records == 1
    [record] = store.newest()
    assert (record.licence, record.strategy, record.status) == ("cc0-1.0", "imported", "pending")
    assert store.mask(record).sum() == 30
    assert store.mask(record).ravel(order="F")[20:50].all()


def test_foreign_imagefolder_loses_its_metadata(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "folder"
    root.mkdir()
    picture = Image.open(io.BytesIO(make_photo(2, 17, 23)))
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    picture.save(root / "a.jpg", exif=exif)
    Image.fromarray(make_mask(2, 17, 23)).save(root / "m.png")
    line = {"image_file_name": "a.jpg", "mask_file_name": "m.png"}
    (root / "metadata.jsonl").write_text(json.dumps(line) + "\n")
    import_from(store.core, root, Answer("cc0-1.0", True))
    [record] = store.newest()
    assert b"SecretCamera" not in photo_of(store, record)
    np.testing.assert_array_equal(store.mask(record), make_mask(2, 17, 23))


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        ([[1, 1, 5, 1, 5, 5]], "polygons"),
        ({"size": [17, 23], "counts": [1, 2]}, "run lengths"),
        ({"size": [16, 23], "counts": [100, 268]}, "same size"),
    ],
)
def test_what_cannot_be_a_mask_is_refused(
    store: Store, tmp_path: Path, segmentation: object, words: str
) -> None:
    foreign_coco(tmp_path / "coco", segmentation)
    with pytest.raises(SubmissionError, match=words):
        import_from(store.core, tmp_path / "coco", Answer("cc0-1.0", True))
    assert store.info()["records"] == 0


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "images/../../secret.png"])
def test_names_that_lead_out_are_refused(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.png").write_bytes(make_photo(1, 17, 23))
    root = tmp_path / "folder"
    root.mkdir()
    Image.fromarray(make_mask(2, 17, 23)).save(root / "m.png")
    line = {"image_file_name": name, "mask_file_name": "m.png"}
    (root / "metadata.jsonl").write_text(json.dumps(line))
    with pytest.raises(SubmissionError, match="leads out"):
        import_from(store.core, root, Answer("cc0-1.0", True))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"consent": False}, "without consent"),
        ({"licence": "mine"}, "licence 'mine'"),
        ({"status": "great"}, "unknown status"),
        ({"image_sha256": "0" * 64}, "changed after"),
        ({"width": 5}, "another size"),
        ({"schema_version": 7}, "schema version 7"),
        ({"id": "../../evil"}, "cannot be the id"),
        ({"model": "m" * 3_000_000}, "at most 255 characters"),
        ({"model": "two\nlines"}, "one line"),
        ({"extra": "[]"}, "not a JSON object"),
        ({"extra": "{"}, "not valid JSON"),
        ({"extra": None}, "extra is not of the type string"),
        ({"extra": "{}"}, "no receipt_sha256"),
        ({"extra": '{"receipt_sha256": 5}'}, "no receipt_sha256"),
        ({"extra": json.dumps({"receipt_sha256": "ü" * 64})}, "no receipt_sha256"),
        ({"extra": json.dumps(RECEIPT | {"note": 5})}, "note is not a text"),
        ({"extra": json.dumps(RECEIPT | {"note": "n" * 2001})}, "note is not a text"),
        ({"extra": json.dumps(RECEIPT | {"reviews": 5})}, "reviews are not a list"),
        ({"extra": json.dumps(RECEIPT | {"earlier_masks": [1]})}, "earlier_masks are not a list"),
    ],
)
def test_a_tampered_export_is_refused(
    store: Store, tmp_path: Path, changes: dict, words: str
) -> None:
    store.save(make_submission(0))
    export(store.core, "imagefolder", tmp_path / "out")
    lines = tmp_path / "out" / "metadata.jsonl"
    lines.write_text(json.dumps(json.loads(lines.read_text()) | changes))
    fresh = Store.open(tmp_path / "fresh")
    with pytest.raises((SubmissionError, StoreError), match=words):
        import_from(fresh.core, tmp_path / "out")
    assert fresh.info()["records"] == 0
    fresh.close()
    again = Store.open(tmp_path / "fresh")
    assert again.verify().problems == []
    again.close()


def test_what_is_no_export_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("hello.txt", "hello")
    pq.write_table(pq.read_table(store.dataset_dir / "data").select(["id"]), tmp_path / "b.parquet")
    for name in ("empty", "a.zip", "b.parquet", "nothing"):
        with pytest.raises(SubmissionError):
            import_from(store.core, tmp_path / name)


def test_records_before_a_damaged_one_are_stored(store: Store, tmp_path: Path) -> None:
    fill(store)
    export(store.core, "imagefolder", tmp_path / "out")
    lines = tmp_path / "out" / "metadata.jsonl"
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    rows[2]["licence"] = "mine"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fresh = Store.open(tmp_path / "fresh")
    with pytest.raises(SubmissionError, match="licence 'mine'"):
        import_from(fresh.core, tmp_path / "out")
    assert set(whole(fresh)) == {rows[0]["id"], rows[1]["id"]}
    assert fresh.verify().problems == []
    fresh.close()


def test_large_photos_are_taken_in_a_few_at_a_time(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(5):
        store.save(make_submission(seed))
    write_parquet(store.core, tmp_path / "all.parquet")
    monkeypatch.setattr(importing, "_BYTES", 2 * len(make_photo(0)))
    fresh = Store.open(tmp_path / "fresh")
    assert import_from(fresh.core, tmp_path / "all.parquet") == Imported(5, 0)
    shards = fresh.core.index.all("SELECT rows FROM shards ORDER BY name")
    assert [row["rows"] for row in shards] == [3, 2]
    fresh.close()


def test_an_import_leaves_room_on_the_disk(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(make_submission(0))
    write_parquet(store.core, tmp_path / "one.parquet")
    fresh = Store.open(tmp_path / "fresh")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=30 * 2**20))
    with pytest.raises(StoreError, match="disk is full"):
        import_from(fresh.core, tmp_path / "one.parquet")
    assert fresh.info()["records"] == 0
    fresh.close()


def test_a_link_that_leads_out_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(make_photo(1, 17, 23))
    root = tmp_path / "folder"
    root.mkdir()
    Image.fromarray(make_mask(2, 17, 23)).save(root / "m.png")
    (root / "a.png").symlink_to(tmp_path / "secret.png")
    line = {"image_file_name": "a.png", "mask_file_name": "m.png"}
    (root / "metadata.jsonl").write_text(json.dumps(line))
    with pytest.raises(SubmissionError, match="lies outside"):
        import_from(store.core, root, Answer("cc0-1.0", True))
    assert store.info()["records"] == 0


def test_an_import_first_mends_what_another_process_left(store: Store, tmp_path: Path) -> None:
    other = Store.open(tmp_path / "other")
    other.save(make_submission(7))
    write_parquet(other.core, tmp_path / "one.parquet")
    other.close()
    kept, gone = (store.save(make_submission(seed)) for seed in range(2))
    dying = Store.open(store.core.data_dir, on_step=dying_at("exchange committed"))
    with pytest.raises(Killed):
        dying.delete(gone.record_id, gone.token)
    dying.close()
    assert import_from(store.core, tmp_path / "one.parquet").records == 1
    assert store.verify().problems == []
    assert kept.record_id in {record.id for record in store.newest()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_note_with_line_ends_of_every_kind_comes_back(
    store: Store, tmp_path: Path, kind: str
) -> None:
    store.save(make_submission(0, note="a\u2028b\u2029c\x85d\x0be\r\nf"))
    path = tmp_path / ("out.zip" if kind == "zip" else "out")
    export(store.core, kind, path)
    fresh = Store.open(tmp_path / "fresh")
    assert import_from(fresh.core, path) == Imported(1, 0)
    assert whole(fresh) == whole(store)
    fresh.close()
