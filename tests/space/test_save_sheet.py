"""What the save sheet answers: receipts, refusals in words, and undo."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from space import contributions
from space.canvas.protocol import encode_mask
from space.save_sheet import (
    UNDO_SECONDS,
    Saved,
    build,
    hide_undo,
    receipt_html,
    save_drawing,
    saver,
    undo_save,
    what_happens,
)
from space.services import Services
from space.store import Receipt
from tests.space.asking import HERE, STRANGER, asks, profile
from tests.space.dataset_app import make_services
from tests.space.store.conftest import make_mask, make_photo, photo_of
from tests.space.store.test_index import read_only


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


def test_a_mask_on_a_result_is_saved_with_the_photo_as_it_was_opened(
    services: Services, tmp_path: Path
) -> None:
    plain = drawing(services, tmp_path)
    opened = services.photos.get(json.loads(plain)["photo"])
    result = tmp_path / "result.png"
    result.write_bytes(make_photo(2))
    filled = services.photos.put(result, opened.name, origin=opened)
    value = json.dumps(json.loads(plain) | {"photo": filled.id})
    status, _, _, saved, _, _ = save_drawing(services, value, "cc0-1.0", True, "", None)
    record = services.store.get(saved.receipt.record_id)
    assert photo_of(services.store, record) == make_photo(1)
    assert (services.store.mask(record) == make_mask(1)).all()
    assert "as you opened it" in status
    assert "as you opened it" not in save_drawing(services, plain, "cc0-1.0", True, "", None)[0]
    services.photos.forget(opened.id)
    refused = save_drawing(services, value, "cc0-1.0", True, "", None)
    assert "Open the photo once more" in refused[0]
    assert services.store.info()["records"] == 2


def test_a_drawing_is_saved_with_all_that_was_drawn(services: Services, tmp_path: Path) -> None:
    value = drawing(services, tmp_path)
    status, _, _, saved, _, note = save_drawing(services, value, "cc-by-4.0", True, "post", "ann")
    assert isinstance(saved, Saved)
    receipt = saved.receipt
    assert (receipt.record_id in status, receipt.token in status, note) == (True, True, "")
    record = services.store.get(receipt.record_id)
    assert (record.strategy, record.model, record.note) == ("wide", "lama-tiny", "post")
    assert record.contributor == services.store.pseudonym("ann")
    assert "ann" not in record.contributor
    assert photo_of(services.store, record) == make_photo(1)
    np.testing.assert_array_equal(services.store.mask(record), make_mask(1))
    strokes = services.store.core.index.get("SELECT json FROM strokes")
    assert json.loads(strokes["json"])[0]["points"] == [[1, 2], [3, 4]]


def test_undo_takes_it_back_and_the_photo_stays_open(services: Services, tmp_path: Path) -> None:
    value = drawing(services, tmp_path)
    saved = save_drawing(services, value, "cc0-1.0", True, "", None)[3]
    assert "Undone" in undo_save(services, saved)[0]
    assert services.store.info()["records"] == 0
    assert services.photos.get(json.loads(value)["photo"]).path.is_file()
    assert "deleted already" in undo_save(services, saved)[0]
    assert "nothing to undo" in undo_save(services, None)[0]


def test_pressing_twice_saves_once(services: Services, tmp_path: Path) -> None:
    value = drawing(services, tmp_path)
    saved = save_drawing(services, value, "cc0-1.0", True, "", None)[3]
    again = save_drawing(services, value, "cc0-1.0", True, "other note", None, saved)
    assert "saved already" in again[0]
    for refused in (again, save_drawing(services, value, "cc0-1.0", False, "", None, saved)):
        assert saved.receipt.token in refused[0], "nobody else has the receipt"
        assert "The mask before was saved." in refused[0]
        assert 'data-kind="done"' not in refused[0], "the page would take this mask for saved"
    assert again[3] == gr.skip()
    assert services.store.info()["records"] == 1
    other = drawing(services, tmp_path, mask=encode_mask(make_mask(2)))
    assert isinstance(save_drawing(services, other, "cc0-1.0", True, "", None, saved)[3], Saved)
    undone = undo_save(services, saved)[3]
    assert undone is None, "what was taken back may be saved once more"


def test_what_was_deleted_may_be_saved_again(services: Services, tmp_path: Path) -> None:
    value = drawing(services, tmp_path)
    saved = save_drawing(services, value, "cc0-1.0", True, "", None)[3]
    contributions.delete(
        services.store, saved.receipt.record_id, saved.receipt.token, services.photos
    )
    assert saved.receipt.token not in undo_save(services, saved)[0]
    value = drawing(services, tmp_path)
    assert isinstance(save_drawing(services, value, "private", True, "", None, saved)[3], Saved)
    assert services.store.info()["records"] == 1


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
    assert not any(isinstance(other, Saved) for other in others)
    assert services.store.info()["records"] == 0


@pytest.fixture
def on_save(services: Services) -> Callable[..., tuple]:
    """What the button calls, for whoever presses it."""
    return saver(services)


@pytest.mark.parametrize(
    ("request_", "who", "name"),
    [(STRANGER, "ann", "ann"), (asks(username="bob"), None, "bob"), (STRANGER, None, None)],
)
def test_who_is_signed_in_has_a_pseudonym(
    services: Services,
    tmp_path: Path,
    on_save: Callable[..., tuple],
    request_: gr.Request,
    who: str | None,
    name: str | None,
) -> None:
    value = drawing(services, tmp_path)
    signed = profile(who) if who else None
    receipt = on_save(value, "cc0-1.0", True, "", None, request_, signed)[3].receipt
    expected = services.store.pseudonym(name) if name else "anonymous"
    assert services.store.get(receipt.record_id).contributor == expected


def test_saving_has_a_pace(services: Services, on_save: Callable[..., tuple]) -> None:
    for _ in range(60):
        assert "Tick the sentence" in on_save(None, "cc0-1.0", False, "", None, STRANGER, None)[0]
    said = on_save(None, "cc0-1.0", False, "", None, STRANGER, None)
    assert "Try again in 1 second" in said[0]
    assert len(said) == 6
    assert "Tick the sentence" in on_save(None, "cc0-1.0", False, "", None, HERE, None)[0]


def test_the_consent_says_who_will_see_it(services: Services) -> None:
    assert "once one has approved it, everybody" in what_happens(services.settings).lower()
    public = replace(services.settings, hub_dataset="ann/masks")
    assert "ann/masks" in what_happens(public)
    with gr.Blocks(analytics_enabled=False) as demo:
        build(services, gr.HTML())
    [box] = [c for c in demo.blocks.values() if getattr(c, "elem_id", None) == "consent"]
    assert what_happens(services.settings) in box.info


def test_a_models_name_has_an_end(services: Services, tmp_path: Path) -> None:
    value = drawing(services, tmp_path, model="m" * 3_000_000)
    status = save_drawing(services, value, "cc0-1.0", True, "", None)[0]
    assert "at most 255 characters" in status
    assert len(status) < 500
    assert services.store.info()["records"] == 0


def test_an_index_that_cannot_be_written_is_said_in_words(
    services: Services, tmp_path: Path, on_save: Callable[..., tuple]
) -> None:
    value = drawing(services, tmp_path)
    read_only(services.store)
    status = on_save(value, "cc0-1.0", True, "", None, asks(username="ann"), None)[0]
    assert "the data directory cannot be written to. Check its permissions" in status


def test_an_empty_canvas_is_refused(services: Services) -> None:
    assert "Open a photo first" in save_drawing(services, None, "cc0-1.0", True, "", None)[0]


def test_the_copied_receipt_is_the_whole_one() -> None:
    page = receipt_html(Receipt("id1", "tok-2", metadata_removed=True))
    assert re.search(r'data-copy="id1 tok-2"', page)
    assert "location data were removed" in page
