"""The whole way round: draw, save, review, mend, fine-tune, and inpaint with what came of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, expect

from space.store import Store
from tests.browser.conftest import (
    ROOT,
    App,
    open_app,
    open_photo,
    own_app,
    stroke,
    wait_for_result,
)

pytestmark = pytest.mark.browser
SAMPLES = ROOT / "assets" / "samples"
STEPS = 50


@pytest.fixture
def fresh_app(tmp_path: Path) -> Iterator[App]:
    """An app whose dataset is empty."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    with own_app(data_dir) as running:
        yield running


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Four photos: the samples, and one of them mirrored."""
    found = [SAMPLES / f"{name}.jpg" for name in ("chelsea", "coffee", "rocket")]
    with Image.open(found[0]) as picture:
        ImageOps.mirror(picture).save(tmp_path / "mirrored.png")
    return [*found, tmp_path / "mirrored.png"]


def loaded(app: App, cache: Path) -> list[dict]:
    """The dataset as anybody reads it."""
    table = datasets.load_dataset(
        str(app.data_dir / "dataset"), split="train", cache_dir=str(cache)
    )
    return [{"id": row["id"], "status": row["status"], "size": row["mask"].size} for row in table]


def save_masks(page: Page, photos: list[Path]) -> None:
    """Three strokes on each photo, each saved as a mask of its own."""
    page.locator("#live-toggle input").uncheck(force=True)
    page.get_by_role("button", name="Save mask to dataset").click()
    page.get_by_label("This photo and this mask will be stored").check()
    seen = ""
    for photo in photos:
        open_photo(page, photo)
        for at in (0.25, 0.5, 0.7):
            if page.locator('[data-do="clear"]').is_enabled():
                page.locator('[data-do="clear"]').click()
            page.evaluate("scrollTo(0, 0)")  # saving has scrolled to its button
            stroke(page, (at, 0.4), (at + 0.08, 0.52), wait=False)
            page.locator("#save-mask").click()
            receipt = page.locator("#record-status code[data-record]")
            page.wait_for_function(
                "(seen) => { const code = document.querySelector('#record-status code');"
                " return code && code.dataset.record !== seen; }",
                arg=seen,
            )
            seen = receipt.get_attribute("data-record")


def current(page: Page) -> str:
    return page.locator("#review-picture [data-record]").get_attribute("data-record")


def press(page: Page, key: str) -> None:
    """Decide by key and wait for the next record."""
    before = current(page)
    page.keyboard.press(key)
    expect(page.locator(f"#review-picture [data-record='{before}']")).to_have_count(0)


def mend(page: Page) -> str:
    """Add a stroke to the mask that is shown, on the canvas; the record's id."""
    record_id = current(page)
    page.keyboard.press("f")
    expect(page.locator("#fix-accept")).to_be_visible()
    expect(page.locator(".lp-dims")).to_contain_text("px")
    page.wait_for_function("() => document.querySelector('.lc').dataset.photo !== 'no'")
    page.wait_for_timeout(500)  # the mask follows the photo
    stroke(page, (0.1, 0.1), (0.3, 0.12), wait=False)
    page.locator("#fix-accept").click()
    expect(page.locator("#fix-bar")).to_be_hidden()
    expect(page.locator(f"#review-picture [data-record='{record_id}']")).to_have_count(0)
    expect(page.locator("#review-picture .rv-picture")).to_be_visible()  # keys need it in sight
    return record_id


def train(page: Page, app: App) -> str:
    """Fine-tune for a few steps, through a reload and a pause; the new model's name."""
    page.get_by_role("tab", name="Train").click()
    page.get_by_label("Steps").fill(str(STEPS))
    page.get_by_role("button", name="More").click()
    page.get_by_label("Photos a step").fill("2")
    page.get_by_label("Learning rate").fill("0.00001")  # so little that it cannot get worse
    page.get_by_label("Holes of each shape").fill("1")
    page.locator("#train-start").click()
    state = page.locator("#train-progress .tr-state")
    expect(state).to_have_attribute("data-phase", "preparing")
    expect(page.locator("#train-cancel")).to_be_enabled()
    expect(page.locator("#train-start")).to_be_disabled()
    expect(page.locator("#train-resume")).to_be_hidden()
    open_app(page, app.url + "#train")  # a reload finds it again
    expect(state).to_contain_text(re.compile("step [1-9]"), timeout=200_000)
    page.locator("#train-cancel").click()
    expect(state).to_have_attribute("data-phase", "stopped", timeout=60_000)
    page.locator("#train-resume").click()
    expect(page.locator("#train-cancel")).to_be_enabled()
    expect(page.locator("#train-resume")).to_be_hidden()
    expect(state).to_have_attribute("data-phase", "promoted", timeout=400_000)
    expect(page.locator("#train-report")).to_contain_text("saved")
    expect(page.locator("#train-curves svg")).to_have_count(2)
    expect(page.locator("#train-sheet img")).to_be_visible()
    return state.get_attribute("data-model")


def test_from_a_stroke_to_a_model(
    browser: Browser, fresh_app: App, photos: list[Path], tmp_path: Path
) -> None:
    app, cache = fresh_app, tmp_path / "cache"
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    open_app(page, app.url)
    save_masks(page, photos)
    assert len(loaded(app, cache)) == 12

    page.get_by_role("tab", name="Review").click()
    expect(page.locator("#review-picture .rv-picture")).to_be_visible()
    press(page, "r")
    press(page, "r")
    for _ in range(5):
        press(page, "a")
    assert sorted(row["status"] for row in loaded(app, cache)) == (
        ["approved"] * 5 + ["pending"] * 5 + ["rejected"] * 2
    )
    store = Store.open(app.data_dir)
    before = {record.id: record for record in store.newest(12)}
    mended = mend(page)
    record = store.get(mended)
    assert record.status == "approved"
    assert record.mask_sha256 != before[mended].mask_sha256
    assert record.hole_fraction > before[mended].hole_fraction, "the old mask and a stroke more"
    assert len(record.extra["earlier_masks"]) == 1
    for _ in range(4):
        press(page, "a")
    expect(page.locator("#review-picture")).to_contain_text("Everything is reviewed")
    rows = loaded(app, cache)
    assert sorted(row["status"] for row in rows) == ["approved"] * 10 + ["rejected"] * 2
    assert store.verify().problems == []

    name = train(page, app)
    assert (app.data_dir / "models" / f"{name}.safetensors").is_file()
    assert len(loaded(app, cache)) == 12
    page.get_by_role("tab", name="Inpaint").click()
    expect(page.locator(f"#model-choice option[value='{name}']")).to_have_count(1)
    page.locator("#model-choice").select_option(name)
    open_photo(page, photos[0])
    page.locator("#live-toggle input").check(force=True)
    stroke(page, (0.4, 0.4), (0.5, 0.5), wait=False)
    wait_for_result(page)
    expect(page.locator("#inpaint-panel")).to_contain_text(name)

    page.get_by_role("tab", name="Train").click()
    expect(page.get_by_label("Right")).to_have_value(name)
    page.locator("#compare-button").click()
    expect(page.locator("#compare-slider img").first).to_be_visible()
    page.close()
    store.close()
    assert not problems, problems
