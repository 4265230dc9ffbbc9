"""Exports can be read by `datasets`, and every mask comes out as it went in."""

import errno
import io
import json
import os
import shutil
import zipfile
from functools import partial
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image

from space import contributions
from space.store import Filters, Receipt, Store, StoreError, SubmissionError, deciding, exporting
from space.store.exporting import KINDS, export, write_parquet
from space.store.files import RESERVE_BYTES
from space.store.importing import import_from
from tests.space.store.conftest import make_mask, make_photo, make_submission


@pytest.fixture
def filled(store: Store) -> Store:
    for seed in range(3):
        store.save(make_submission(seed))
    store.save(make_submission(3, image_bytes=make_photo(0), licence="private"))
    return store


def check(table: datasets.Dataset) -> None:
    for row in table:
        seed = json.loads(row["strokes"])[0]["seed"]
        np.testing.assert_array_equal(
            np.asarray(row["mask"].convert("L")), make_mask(seed) * np.uint8(255)
        )
        original = Image.open(io.BytesIO(make_photo(0 if seed == 3 else seed)))
        np.testing.assert_array_equal(np.asarray(row["image"]), np.asarray(original))


def test_imagefolder(filled: Store, tmp_path: Path) -> None:
    output = tmp_path / "deep" / "folder"
    assert export(filled.core, "imagefolder", output) == 4
    assert len(list((output / "images").iterdir())) == 3  # one photo has two masks
    table = datasets.load_dataset(
        "imagefolder", data_dir=str(output), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert table.num_rows == 4
    check(table)


def test_parquet(filled: Store, tmp_path: Path) -> None:
    output = tmp_path / "copy"
    assert export(filled.core, "parquet", output, Filters(licence="cc0-1.0")) == 3
    table = datasets.load_dataset(str(output), split="train", cache_dir=str(tmp_path / "cache"))
    assert set(table["licence"]) == {"cc0-1.0"}
    check(table)


def test_zip(filled: Store, tmp_path: Path) -> None:
    assert export(filled.core, "zip", tmp_path / "masks.zip") == 4
    with zipfile.ZipFile(tmp_path / "masks.zip") as archive:
        assert archive.testzip() is None
        lines = archive.read("metadata.jsonl").decode().splitlines()
        assert len(lines) == 4
        for line in lines:
            facts = json.loads(line)
            mask = np.asarray(Image.open(io.BytesIO(archive.read(facts["mask_file_name"]))))
            seed = json.loads(facts["strokes"])[0]["seed"]
            np.testing.assert_array_equal(mask > 0, make_mask(seed))


def test_nothing_is_overwritten_or_left_half_done(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(SubmissionError, match="exists already"):
        export(filled.core, "imagefolder", tmp_path / "there")
    with pytest.raises(SubmissionError, match="imagefolder, coco, parquet, zip"):
        export(filled.core, "tar", tmp_path / "new")

    def broken(*_):
        raise OSError("no")

    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(filled.core.objects, "read", broken)
    for kind in ("imagefolder", "zip", "parquet"):
        with pytest.raises(OSError, match="no"):
            export(filled.core, kind, tmp_path / "new")
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", [*KINDS, "one file"])
@pytest.mark.parametrize("links", [True, False])
def test_what_came_under_the_name_meanwhile_stays(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, links: bool
) -> None:
    output = tmp_path / "copies" / "out"
    rows = filled.core.rows

    def somebody_else_is_quicker(wanted):
        if not output.exists():
            if kind in ("zip", "one file"):
                output.write_bytes(b"theirs")
            else:
                output.mkdir()
        return rows(wanted)

    def no_links(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(filled.core, "rows", somebody_else_is_quicker)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    output.parent.mkdir()
    make = partial(write_parquet) if kind == "one file" else partial(export, kind=kind)
    with pytest.raises(SubmissionError, match="exists already"):
        make(filled.core, **{"path" if kind == "one file" else "output": output})
    assert list(output.parent.iterdir()) == [output]
    assert output.is_dir() or output.read_bytes() == b"theirs"
    assert output.is_file() or not list(output.iterdir())


def deleting_at_the_end(
    store: Store, receipts: list[Receipt], monkeypatch: pytest.MonkeyPatch, often: int = 1
) -> list[Receipt]:
    """Whenever the newest record is copied out, the oldest one left is deleted: it is copied."""
    original, left = store.core.rows, list(receipts)

    def rows(records):
        wanted = list(records)
        if [row["id"] for row in wanted] == [receipts[-1].record_id] and often > len(
            receipts
        ) - len(left):
            gone = left.pop(0)
            contributions.delete(store, gone.record_id, gone.token)
        return original(wanted)

    monkeypatch.setattr(store.core, "rows", rows)
    return left


@pytest.mark.parametrize("kind", [*KINDS, "one file"])
def test_what_is_deleted_while_a_copy_is_made_is_not_in_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, kind: str, tmp_path: Path
) -> None:
    receipts = [store.save(make_submission(seed)) for seed in range(3)]
    left = deleting_at_the_end(store, receipts, monkeypatch)
    folder = store.core.data_dir / "cache" / "dataset-exports"
    folder.mkdir(parents=True)
    path = folder / "saved-masks-1.x"
    count = (
        write_parquet(store.core, path) if kind == "one file" else export(store.core, kind, path)
    )
    assert count == len(left) == 2
    assert list(folder.iterdir()) == [path]
    named = path.rename(tmp_path / ("copy.parquet" if kind == "one file" else "copy"))
    fresh = Store.open(tmp_path / "fresh")
    assert import_from(fresh.core, named).records == 2
    assert {record.id for record in fresh.newest()} == {receipt.record_id for receipt in left}
    fresh.close()


@pytest.mark.parametrize("kind", [*KINDS, "one file"])
def test_a_mask_that_is_mended_while_a_copy_is_made_is_in_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, kind: str, tmp_path: Path
) -> None:
    receipts = [store.save(make_submission(seed)) for seed in range(3)]
    original, mended = store.core.rows, []

    def rows(records):
        if not mended:
            mended.append(receipts[1].record_id)
            fix = deciding.Fix(make_mask(7))
            deciding.decide(store.core, mended[0], "ann", "approved", fix=fix)
        return original(records)

    monkeypatch.setattr(store.core, "rows", rows)
    path = tmp_path / ("copy.parquet" if kind == "one file" else "copy")
    count = (
        write_parquet(store.core, path) if kind == "one file" else export(store.core, kind, path)
    )
    assert count == 3
    fresh = Store.open(tmp_path / "fresh")
    assert import_from(fresh.core, path).records == 3
    np.testing.assert_array_equal(fresh.mask(fresh.get(mended[0])), make_mask(7))
    fresh.close()


def test_a_copy_is_given_up_when_records_go_again_and_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    receipts = [store.save(make_submission(seed)) for seed in range(8)]
    deleting_at_the_end(store, receipts, monkeypatch, often=7)
    with pytest.raises(StoreError, match="deleted or mended just now. Try again"):
        export(store.core, "zip", tmp_path / "out" / "a.zip")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_that_has_no_room_is_not_begun(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The photo with two masks is twice in Parquet, and once elsewhere."""
    objects = filled.core.index.all("SELECT kind, bytes FROM objects")
    needed = sum(row["bytes"] for row in objects)
    twice = filled.core.objects.path("originals", filled.newest()[0].image_sha256).stat().st_size
    needed += twice if kind == "parquet" else 0
    usage = shutil.disk_usage(tmp_path)
    output = tmp_path / "copies" / "out"

    def free(size: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=size))

    free(needed + filled.core.reserve() - 1)
    with pytest.raises(StoreError, match=r"needs about .* free\. Choose fewer"):
        export(filled.core, kind, output)
    assert list(output.parent.iterdir()) == []
    assert filled.core.reserve() > RESERVE_BYTES
    with monkeypatch.context() as elsewhere:  # on another disk nothing is deleted
        elsewhere.setattr(exporting, "on_one_disk", lambda *_: False)
        free(needed + RESERVE_BYTES)
        assert export(filled.core, kind, output.with_name("other")) == 4
    free(needed + filled.core.reserve())
    assert export(filled.core, kind, output) == 4
