"""Thumbnails: upright, red where the hole is, kept, and gone with their record."""

import io

import numpy as np
import pytest
from PIL import Image

from space.store import Record, Store, deciding, thumbnails
from space.store.core import Core
from space.store.deciding import Fix
from tests.space.store.conftest import make_mask, make_submission


def grey(size: tuple[int, int], kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    mode, value = ("I;16", 30_000) if kind == "deep" else ("L", 117)
    Image.new(mode, size, value).save(buffer, "PNG" if kind == "deep" else kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "deep"])
def test_hole_is_red_and_the_rest_is_the_photo(store: Store, kind: str) -> None:
    mask = np.zeros((500, 803), bool)
    mask[:200, 600:] = True
    receipt = store.save(make_submission(0, image_bytes=grey((803, 500), kind), mask=mask))
    picture = np.asarray(Image.open(io.BytesIO(store.thumbnail(store.get(receipt.record_id)))))
    assert picture.shape == (224, 360, 3)
    red, green, _ = picture[20, 340].astype(int)
    assert red - green > 40
    assert abs(picture[200, 20].astype(int) - 117).max() < 6


def test_a_turned_photo_is_upright(store: Store) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    mask = np.zeros((803, 500), bool)
    mask[:300] = True
    data = grey((803, 500), "JPEG", exif=exif)
    receipt = store.save(make_submission(0, image_bytes=data, mask=mask))
    picture = np.asarray(Image.open(io.BytesIO(store.thumbnail(store.get(receipt.record_id)))))
    assert picture.shape == (360, 224, 3)
    assert int(picture[20, 100, 0]) - int(picture[20, 100, 1]) > 40


def test_it_is_made_once_and_goes_with_the_record(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = store.save(make_submission(0))
    record = store.get(receipt.record_id)
    first = store.thumbnail(record)
    monkeypatch.setattr(store.core.objects, "read", None)
    assert store.thumbnail(record) == first
    monkeypatch.undo()
    store.delete(receipt.record_id, receipt.token)
    assert not list(store.core.thumbnails.iterdir())


def test_one_that_was_drawn_while_its_mask_was_mended_is_not_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = store.get(store.save(make_submission(0)).record_id)
    draw = thumbnails._draw

    def slowly(core: Core, drawn: Record) -> bytes:
        data = draw(core, drawn)
        deciding.decide(core, drawn.id, "ann", "approved", fix=Fix(make_mask(50)))
        return data

    monkeypatch.setattr(thumbnails, "_draw", slowly)
    old = store.thumbnail(record)
    monkeypatch.undo()
    new = store.thumbnail(store.get(record.id))
    assert new != old
    assert store.thumbnail(record) == new
