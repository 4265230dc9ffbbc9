"""Who may review, what the tab shows, and a mask that is mended on the canvas."""

import json
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from space.canvas.protocol import encode_mask
from space.photos import PhotoShelf
from space.review.desk import Desk
from space.review.handlers import Handlers
from space.review.reviewers import refusal
from space.review.tab import fix_bar, lay_out
from space.services import Services
from space.settings import Settings
from space.store import Store
from space.visitors import Visitor
from tests.space.asking import ANN, BOB, HERE, STRANGER, asks
from tests.space.fakes import TeleaEngine
from tests.space.store.conftest import make_mask, make_submission


@pytest.fixture
def desk(tmp_path: Path):
    settings = Settings(model="telea", data_dir=tmp_path / "data")
    store = Store.open(settings.data_dir)
    shelf = PhotoShelf(settings.folders.cache / "photos")
    yield Desk(Services(TeleaEngine(), store, settings, shelf))
    store.close()


def handlers_of(desk: Desk) -> Handlers:
    with gr.Blocks(analytics_enabled=False):
        return Handlers(desk, lay_out(), fix_bar(), gr.HTML())


def save(desk: Desk, count: int, **changes) -> list[str]:
    store = desk.services.store
    return [store.save(make_submission(i, **changes)).record_id for i in range(count)]


def test_who_may_not_review_is_told_why(desk: Desk) -> None:
    assert desk.who(HERE, None) == Visitor(None, True, True, "127.0.0.1")
    with pytest.raises(ValueError, match="nobody may review"):
        desk.who(STRANGER, None)
    assert "--auth" in refusal(Settings(share=True), None)
    chosen = replace(desk.services.settings, auth_file=Path("accounts"), reviewers=("bob",))
    team = Desk(replace(desk.services, settings=chosen))
    with pytest.raises(ValueError, match="ann is not among the reviewers"):
        team.who(asks(username="ann"), None)
    with pytest.raises(ValueError, match="Sign in to review"):
        team.who(HERE, None)


def test_one_after_the_other(desk: Desk) -> None:
    first, second = save(desk, 2)
    screen = desk.show(ANN, False)
    assert (screen.record_id, screen.undoable) == (first, False)
    assert f'data-record="{first}"' in screen.picture
    assert screen.picture.count("data:image/jpeg;base64,") == 2
    assert "number 0" in screen.facts
    screen = desk.decide(ANN, first, "approved", False)
    assert (screen.record_id, screen.undoable) == (second, True)
    screen = desk.skip(ANN, second, False)
    assert (screen.record_id, screen.skipped, screen.undoable) == ("", True, True)
    assert "skipped" in screen.picture
    assert desk.unskip(ANN, False).record_id == second
    assert "reviewed" in desk.decide(ANN, second, "rejected", False).picture
    assert desk.undo(ANN).record_id == second
    counts = desk.services.store.info()
    assert (counts["pending"], counts["approved"], counts["rejected"]) == (1, 1, 0)


def test_a_second_opinion_that_is_taken_back_is_decided_anew(desk: Desk) -> None:
    records = save(desk, 3)
    for record in records[:2]:
        desk.decide(ANN, record, "approved", False)
    desk.show(BOB, True)
    desk.decide(BOB, records[0], "approved", True)
    screen = desk.undo(BOB)
    assert (screen.record_id, screen.second) == (records[0], True)
    assert desk.decide(BOB, records[0], "rejected", True).record_id == records[1]
    desk.decide(ANN, records[2], "approved", False)
    screen = desk.undo(ANN)
    assert (screen.record_id, screen.second) == (records[2], False)


def test_what_is_left_is_what_can_be_had(desk: Desk) -> None:
    [private] = save(desk, 1, licence="private")
    assert desk.services.store.get(private).licence == "private"
    far = desk.show(BOB, False)
    assert "Everything is reviewed" in far.picture
    assert 'data-review="waiting">0<' in far.progress
    assert 'data-review="waiting">1<' in desk.show(replace(ANN, local=True), False).progress
    desk.decide(ANN, private, "approved", False)
    near = replace(BOB, local=True)
    assert desk.show(near, True).record_id == private
    screen = desk.skip(near, private, True)
    assert (screen.record_id, screen.skipped) == ("", True)
    assert "what you skipped" in screen.picture
    assert desk.unskip(near, True).record_id == private


def test_private_records_are_not_shown_to_strangers(desk: Desk) -> None:
    save(desk, 1, licence="private")
    accounts = replace(desk.services.settings, auth_file=Path("accounts"))
    handlers = handlers_of(Desk(replace(desk.services, settings=accounts)))

    def shown(**request: str) -> str:
        screen = handlers.show(False, asks(username="ann", **request), None)
        return screen[handlers.parts.current]

    assert shown(x_forwarded_for="203.0.113.7") == ""
    assert shown(client="203.0.113.7") == ""
    assert shown()
    assert desk.show(BOB, False).record_id == ""
    far = Settings(host="0.0.0.0", data_dir=accounts.data_dir, auth_file=Path("accounts"))
    handlers = handlers_of(Desk(replace(desk.services, settings=far)))
    assert shown() == ""


def test_notes_and_names_are_text_not_html(desk: Desk) -> None:
    save(desk, 1, note="<script>alert(1)</script>")
    assert "<script>" not in desk.show(ANN, False).facts


def test_filled_on_request(desk: Desk) -> None:
    [only] = save(desk, 1)
    assert "Filled by telea" in desk.filled(only)


def test_a_damaged_record_can_be_skipped(desk: Desk) -> None:
    first, second = save(desk, 2)
    for record_id in (first, second):
        record = desk.services.store.get(record_id)
        desk.services.store.core.objects.path("originals", record.image_sha256).unlink()
    screen = desk.show(ANN, False)
    assert screen.record_id == first
    assert "missing or damaged" in screen.picture
    assert screen.facts == ""
    screen = desk.skip(ANN, first, False)
    assert screen.record_id == second
    assert desk.skip(ANN, second, False).skipped


def test_mending_on_the_canvas(desk: Desk) -> None:
    [only] = save(desk, 1)
    store, shelf = desk.services.store, desk.services.photos
    before = store.get(only)
    desk.show(ANN, False)
    command = desk.to_canvas(ANN, only)
    assert command["photo"] == before.image_sha256
    assert command["url"].startswith("data:image/png;base64,")
    mended = make_mask(50)
    drawing = {"photo": command["photo"], "mask": encode_mask(mended), "strokes": [{"tool": "box"}]}
    desk.mend(ANN, only, drawing)
    record = store.get(only)
    assert (store.mask(record) == mended).all()
    assert record.status == "approved"
    assert len(record.extra["earlier_masks"]) == 1
    assert record.extra["reviews"][0]["by"].startswith("user-")
    assert "ann" not in json.dumps(record.extra), "names are not published"
    assert shelf.get(before.image_sha256)


def test_mending_refuses_another_photo_and_an_empty_canvas(desk: Desk) -> None:
    first, second = save(desk, 2)
    desk.show(ANN, False)
    command = desk.to_canvas(ANN, first)
    drawing = {"photo": command["photo"], "mask": encode_mask(make_mask(1))}
    with pytest.raises(ValueError, match="Another photo is open on the canvas"):
        desk.mend(ANN, second, drawing)
    with pytest.raises(ValueError, match="Nothing is marked"):
        desk.mend(ANN, first, {**drawing, "mask": None})
    with pytest.raises(ValueError, match="Another reviewer has this record"):
        desk.to_canvas(BOB, first)


def test_trouble_is_a_line_on_the_page(desk: Desk) -> None:
    [only] = save(desk, 1)
    handlers = handlers_of(desk)
    status = handlers.parts.status
    handlers.accept(only, False, only, HERE, None)
    said = handlers.accept(only, False, only, HERE, None)
    assert list(said) == [status]
    assert 'role="alert"' in said[status]
    assert "already" in said[status]
    assert "already" not in handlers.show(False, HERE, None)[status]
    assert "no record" in handlers.fill("none", False, "none", HERE, None)[status]


def test_deleting_takes_the_copy_for_the_canvas_along(desk: Desk) -> None:
    from space import contributions

    services = desk.services
    receipt = services.store.save(make_submission(3))
    desk.show(ANN, False)
    desk.to_canvas(ANN, receipt.record_id)
    photo = services.store.get(receipt.record_id).image_sha256
    assert (services.photos.directory / photo).exists()
    contributions.delete(services.store, receipt.record_id, receipt.token, services.photos)
    assert not (services.photos.directory / photo).exists()


def test_shown_pictures_are_upright_and_small(desk: Desk) -> None:
    from space.review import view as review_view
    from tests.space.store.conftest import make_photo

    mask = np.zeros((40, 2000), dtype=bool)
    mask[:, :30] = True
    photo = make_photo(1, 40, 2000)
    store = desk.services.store
    receipt = store.save(make_submission(1, image_bytes=photo, mask=mask))
    pair = review_view.pair_of(store, store.get(receipt.record_id))
    assert pair.rgb.shape == (26, 1280, 3)
    assert pair.mask.shape == (26, 1280)
    assert pair.mask[:, :18].all()
    assert not pair.mask[:, 22:].any()


def test_figures_wait_only_where_there_are_very_many(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from space.review import desk as review

    ids = save(desk, 3)
    desk.show(ANN, False)
    desk.decide(ANN, ids[0], "approved", False)
    assert "<td>ann</td><td>2</td>" in desk.decide(ANN, ids[1], "approved", False).progress
    monkeypatch.setattr(review, "_MANY", 1)
    assert "<td>ann</td><td>2</td>" in desk.decide(ANN, ids[2], "approved", False).progress
    monkeypatch.setattr(review, "_FRESH_SECONDS", 0.0)
    assert "<td>ann</td><td>3</td>" in desk.show(ANN, False).progress


def test_a_second_opinion_can_mend_as_well(desk: Desk) -> None:
    first, second, waiting = save(desk, 3)
    for record_id in (first, second):
        desk.show(ANN, False)
        desk.decide(ANN, record_id, "approved", False)
    desk.skip(BOB, desk.show(BOB, True).record_id, True)
    assert desk.show(BOB, True).record_id == second
    command = desk.to_canvas(BOB, second)
    drawing = {"photo": command["photo"], "mask": encode_mask(make_mask(60))}
    desk.mend(BOB, second, drawing)
    store = desk.services.store
    assert (store.mask(store.get(second)) == make_mask(60)).all()
    assert store.get(second).status == "approved"
    assert store.get(waiting).status == "pending"


def test_who_may_not_review_gets_no_filled_picture(desk: Desk) -> None:
    [only] = save(desk, 1)
    handlers = handlers_of(desk)
    filled, status = handlers.parts.filled, handlers.parts.status
    refused = handlers.fill(only, False, only, STRANGER, None)
    assert refused[filled] == ""
    assert 'role="alert"' in refused[status]
    assert desk.services.engine.calls == 0
    assert "Filled by telea" in handlers.fill(only, False, only, HERE, None)[filled]
