"""What the save sheet answers: receipts, refusals in words, and undo."""

import json
import re
import time
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from space.canvas.protocol import encode_mask
from space.save_sheet import UNDO_SECONDS, hide_undo, receipt_html, save_drawing, undo_save
from space.services import Services
from space.store import Receipt
from tests.space.dataset_app import make_services
from tests.space.store.conftest import make_mask, make_photo


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path / "data")


def drawing(services: Services, tmp_path: Path, seed: int = 1, **changes: object) -> str:
    photo = tmp_path / "photo.png"
    photo.write_bytes(make_photo(seed))
    handle = services.photos.put(photo)
    value = {
        "photo": handle.id,
        "mask": encode_mask(make_mask(seed)),
        "strokes": [{"tool": "brush", "points": [[1, 2], [3, 4]]}],
        "strategy": "wide",
        "request": 7,
        "model": "lama-tiny",
        **changes,
    }
    return json.dumps(value)


def test_a_drawing_is_saved_with_all_that_was_drawn(services: Services, tmp_path: Path) -> None:
    value = drawing(services, tmp_path)
    status, _, _, receipt, _, note = save_drawing(services, value, "cc-by-4.0", True, "post", "ann")
    assert isinstance(receipt, Receipt)
    assert (receipt.record_id in status, receipt.token in status, note) == (True, True, "")
    record = services.store.get(receipt.record_id)
    assert (record.strategy, record.model, record.note) == ("wide", "lama-tiny", "post")
    assert record.contributor == services.store.pseudonym("ann")
    assert "ann" not in record.contributor
    assert services.store.photo(record) == make_photo(1)
    np.testing.assert_array_equal(services.store.mask(record), make_mask(1))
    strokes = services.store.core.index.get("SELECT json FROM strokes")
    assert json.loads(strokes["json"])[0]["points"] == [[1, 2], [3, 4]]


def test_undo_takes_it_back_and_the_photo_stays_open(services: Services, tmp_path: Path) -> None:
    value = drawing(services, tmp_path)
    receipt = save_drawing(services, value, "cc0-1.0", True, "", None)[3]
    assert "Undone" in undo_save(services, receipt)[0]
    assert services.store.info()["records"] == 0
    assert services.photos.get(json.loads(value)["photo"]).path.is_file()
    assert "deleted already" in undo_save(services, receipt)[0]
    assert "nothing to undo" in undo_save(services, None)[0]


def test_the_last_save_can_be_undone_for_its_own_ten_seconds() -> None:
    assert hide_undo(time.monotonic() - UNDO_SECONDS)[0].visible is False
    assert not isinstance(hide_undo(time.monotonic() - UNDO_SECONDS / 2)[0], gr.Button)


@pytest.mark.parametrize(
    ("changes", "consent", "words"),
    [
        ({}, False, "Tick the sentence"),
        ({"photo": None}, True, "Open a photo first"),
        ({"photo": "0" * 64}, True, "no longer has this photo"),
        ({"mask": None}, True, "Nothing is marked"),
        ({"mask": encode_mask(np.ones((41, 67), bool))}, True, "whole photo"),
    ],
)
def test_refusals_say_what_to_do_and_keep_the_note(
    services: Services, tmp_path: Path, changes: dict, consent: bool, words: str
) -> None:
    value = drawing(services, tmp_path, **changes)
    status, *others, note = save_drawing(services, value, "cc0-1.0", consent, "my note", None)
    assert words in status
    assert 'role="alert"' in status
    assert note != ""  # skipped, not cleared
    assert not any(isinstance(other, Receipt) for other in others)
    assert services.store.info()["records"] == 0


def test_an_empty_canvas_is_refused(services: Services) -> None:
    assert "Open a photo first" in save_drawing(services, None, "cc0-1.0", True, "", None)[0]


def test_the_copied_receipt_is_the_whole_one() -> None:
    page = receipt_html(Receipt("id1", "tok-2", metadata_removed=True))
    assert re.search(r'data-copy="id1 tok-2"', page)
    assert "location data were removed" in page
