"""What the Review tab answers where page and server do not mean the same record."""

from pathlib import Path

import gradio as gr
import pytest

from space.canvas.protocol import encode_mask
from space.photos import PhotoShelf
from space.review.desk import Desk
from space.review.handlers import Handlers
from space.review.tab import fix_bar, lay_out
from space.services import Services
from space.settings import Settings
from space.store import Store
from tests.space.asking import HERE
from tests.space.fakes import TeleaEngine
from tests.space.store.conftest import make_mask, make_submission

ON_RECORDS = ["accept", "reject", "skip", "fill", "fix"]


@pytest.fixture
def store(tmp_path: Path):
    opened = Store.open(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def handlers(store: Store, tmp_path: Path) -> Handlers:
    settings = Settings(model="telea", data_dir=tmp_path / "data")
    shelf = PhotoShelf(settings.folders.photos)
    with gr.Blocks(analytics_enabled=False):
        desk = Desk(Services(TeleaEngine(), store, settings, shelf))
        return Handlers(desk, lay_out(), fix_bar(), gr.HTML())


def save(store: Store, count: int) -> list[str]:
    return [store.save(make_submission(seed)).record_id for seed in range(count)]


def drawing(store: Store, record_id: str) -> dict:
    return {"photo": store.get(record_id).image_sha256, "mask": encode_mask(make_mask(50))}


@pytest.mark.parametrize("name", ON_RECORDS)
@pytest.mark.parametrize("lost", [False, True], ids=["page behind", "app restarted"])
def test_nothing_is_done_to_a_record_that_the_page_does_not_show(
    handlers: Handlers, store: Store, name: str, lost: bool
) -> None:
    first, second = save(store, 2)
    parts = handlers.parts
    if not lost:
        handlers.accept(first, False, first, HERE, None)
    known, meant, words = ("", first, "restarted") if lost else (second, second, "another record")
    before = store.info()
    answer = getattr(handlers, name)(known, False, first, HERE, None)
    assert words in answer[parts.status]
    assert answer[parts.current] == meant
    assert f'data-record="{meant}"' in answer[parts.picture]
    assert answer[parts.filled] == ""
    assert handlers.canvas not in answer
    assert answer.get(parts.go, "") == ""
    assert store.info() == before
    again = handlers.accept(answer[parts.current], False, meant, HERE, None)
    assert "Accepted" in again[parts.status]
    assert store.get(meant).status == "approved"


def test_a_page_cannot_choose_the_record(handlers: Handlers, store: Store) -> None:
    first, second = save(store, 2)
    handlers.show(False, HERE, None)
    assert handlers.accept("", False, second, HERE, None)[handlers.parts.current] == first
    assert handlers.accept(first, False, second, HERE, None)[handlers.parts.current] == first
    assert store.info()["pending"] == 2


def test_a_mask_that_was_mended_before_a_restart_is_accepted(
    handlers: Handlers, store: Store
) -> None:
    [only] = save(store, 1)
    handlers.show(False, HERE, None)
    opened = handlers.fix(only, False, only, HERE, None)
    assert opened[handlers.bar.record_id] == opened[handlers.bar.named] == only
    assert opened[handlers.parts.go] == "inpaint"
    closed = handlers.mend("", False, only, drawing(store, only), HERE, None)
    assert closed[handlers.parts.go] == "review"
    assert store.get(only).status == "approved"
    assert (store.mask(store.get(only)) == make_mask(50)).all()


def test_a_mask_of_a_record_that_was_lost_in_a_restart_stays_on_the_canvas(
    handlers: Handlers, store: Store
) -> None:
    _, other = save(store, 2)
    for named in (other, ""):
        answer = handlers.mend("", False, named, drawing(store, other), HERE, None)
        assert set(answer) == {handlers.bar.words, handlers.parts.go}
        assert "still here" in answer[handlers.bar.words]
        assert answer[handlers.parts.go] == ""
    assert store.info()["pending"] == 2
