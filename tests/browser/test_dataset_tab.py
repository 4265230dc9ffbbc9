"""Saving a mask in the real app, finding it in the Dataset tab, and deleting it again."""

import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from space.store import Store
from tests.browser.conftest import ROOT, App, open_app, open_photo, stroke

pytestmark = pytest.mark.browser
PHOTO = ROOT / "assets" / "samples" / "chelsea.jpg"


def draw_and_open_sheet(page: Page, at: float = 0.5) -> None:
    open_photo(page, PHOTO)
    stroke(page, (at, 0.4), (at + 0.1, 0.5))
    page.get_by_role("button", name="Save mask to dataset").click()


def open_dataset(page: Page) -> None:
    page.get_by_role("tab", name="Dataset").click()
    expect(page.locator("#dataset-summary [data-figure]")).to_have_count(5)


def choose(page: Page, status: str) -> None:
    page.get_by_label("Status", exact=True).click()
    page.get_by_role("option", name=status).click()


def figure(page: Page, name: str) -> int:
    text = page.locator(f"#dataset-summary [data-figure={name}]").inner_text()
    return int(text.replace(",", ""))


def test_save_look_delete(page: Page, app: App) -> None:
    draw_and_open_sheet(page)
    page.locator("#save-mask").click()
    expect(page.locator("#record-status")).to_contain_text("Tick the sentence")
    page.get_by_label("This photo and this mask will be stored").check()
    page.get_by_label("Note").fill("a whisker")
    page.locator("#save-mask").click()
    receipt = page.locator("#record-status code")
    expect(receipt).to_be_visible()
    record_id, token = receipt.get_attribute("data-record"), receipt.get_attribute("data-receipt")
    expect(page.get_by_label("Note")).to_have_value("")

    store = Store.open(app.data_dir)
    record = store.get(record_id)
    assert (record.strategy, record.licence, record.note) == ("drawn", "cc0-1.0", "a whisker")
    assert store.core.index.get("SELECT json FROM strokes WHERE record_id = ?", (record_id,))
    before = store.info()["records"]

    open_dataset(page)
    card = page.locator(f"#dataset-gallery li[data-record='{record_id}']")
    expect(card.locator("img")).to_be_visible()
    assert card.locator("img").evaluate("image => image.naturalWidth") > 100
    assert page.locator("#dataset-gallery li").first.get_attribute("data-record") == record_id
    assert figure(page, "records") == before
    expect(page.locator("#dataset-code")).to_contain_text(f'load_dataset("{app.data_dir}/dataset"')

    page.get_by_label("Receipt").fill(f"{record_id} {token[:-1]}")
    page.locator("#delete-record").click()
    expect(page.locator("#delete-status")).to_contain_text("does not belong")
    page.get_by_label("Receipt").fill(f"{record_id} {token}")
    page.locator("#delete-record").click()
    expect(page.locator("#delete-status")).to_contain_text("Deleted")
    expect(card).to_have_count(0)
    assert store.info()["records"] == before - 1
    store.close()


def test_undo_lasts_ten_seconds(page: Page, app: App) -> None:
    store = Store.open(app.data_dir)
    before = store.info()["records"]
    draw_and_open_sheet(page, 0.3)
    page.get_by_label("This photo and this mask will be stored").check()
    page.locator("#save-mask").click()
    expect(page.locator("#undo-save")).to_be_visible()
    assert store.info()["records"] == before + 1
    page.locator("#undo-save").click()
    expect(page.locator("#record-status")).to_contain_text("Undone")
    expect(page.locator("#undo-save")).to_be_hidden()
    assert store.info()["records"] == before
    page.locator("#save-mask").click()  # the drawing is still there
    expect(page.locator("#undo-save")).to_be_visible()
    expect(page.locator("#undo-save")).to_be_hidden(timeout=20_000)
    expect(page.locator("#record-status code")).to_be_visible()
    assert store.info()["records"] == before + 1
    store.close()


def test_filters_and_download(page: Page, tmp_path: Path) -> None:
    draw_and_open_sheet(page, 0.2)
    page.get_by_label("This photo and this mask will be stored").check()
    page.locator("#save-mask").click()
    expect(page.locator("#record-status code")).to_be_visible()
    open_dataset(page)
    expect(page.locator("#dataset-gallery li").first).to_be_visible()
    choose(page, "approved")
    expect(page.locator("#dataset-gallery")).to_contain_text("No mask matches")
    page.locator("#export-zip").click()
    expect(page.locator("#export-status")).to_contain_text("no mask")
    choose(page, "pending")
    expect(page.locator("#dataset-gallery li").first).to_be_visible()
    page.locator("#export-zip").click()
    expect(page.locator("#export-status")).to_contain_text("record")
    link = page.locator("#export-file a[download]").first
    with urllib.request.urlopen(link.get_attribute("href")) as answer:
        assert answer.read(2) == b"PK"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_nothing_sticks_out(page: Page, app: App, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    open_app(page, app.url)
    open_dataset(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for locator in ("#delete-record", "#export-zip", "#export-parquet"):
        box = page.locator(locator).bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width


def test_the_key_opens_the_sheet_that_was_never_open(page: Page) -> None:
    open_photo(page, PHOTO)
    stroke(page, (0.3, 0.4), (0.4, 0.5))
    page.keyboard.press("Control+s")
    expect(page.get_by_label("This photo and this mask will be stored")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.locator("#record-status")).to_contain_text("Tick the sentence")


def test_one_mask_after_the_other_by_one_key(page: Page, app: App) -> None:
    draw_and_open_sheet(page, 0.3)
    page.get_by_label("This photo and this mask will be stored").check()
    page.locator("#mask-canvas").focus()
    page.keyboard.press("Control+s")
    receipt = page.locator("#record-status code")
    expect(receipt).to_be_visible()
    first = receipt.get_attribute("data-record")
    expect(page.locator("#licence")).to_be_hidden()
    expect(page.locator("#save-terms")).to_contain_text("CC0")
    expect(page.locator("#save-mask")).to_be_in_viewport()
    page.keyboard.press("Control+s")
    expect(page.locator("#record-status")).to_contain_text("saved already")
    expect(receipt).to_have_attribute("data-record", first or "")
    stroke(page, (0.7, 0.3), (0.75, 0.5))
    page.keyboard.press("Control+s")
    expect(page.locator("#record-status")).to_contain_text("Saved.")
    expect(receipt).not_to_have_attribute("data-record", first or "")
    page.get_by_role("button", name="Licence and note").click()
    expect(page.locator("#licence")).to_be_visible()
    second = receipt.get_attribute("data-record")
    store = Store.open(app.data_dir)
    assert {record.id for record in store.newest(2)} == {first, second}
    store.close()


def test_a_mask_of_the_grid_opens_large(page: Page, app: App) -> None:
    open_dataset(page)
    card = page.locator("#dataset-gallery li").first
    dialog = page.locator("dialog.ds-record")
    for key in ("click", "Enter"):
        if key == "click":
            card.click()
        else:
            card.get_by_role("button").press(key)
        expect(dialog).to_be_visible()
        assert dialog.locator("img").evaluate("image => image.naturalWidth") > 200
        expect(dialog).to_contain_text(card.get_attribute("data-record") or "?")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()


def test_what_is_said_of_one_photo_is_not_said_of_the_next(page: Page, small: Path) -> None:
    draw_and_open_sheet(page, 0.3)
    page.get_by_label("This photo and this mask will be stored").check()
    page.locator("#save-mask").click()
    expect(page.locator("#record-status b")).to_have_text("Saved.")
    open_photo(page, small)
    expect(page.locator("#record-status b")).to_have_text("The photo before was saved.")
    expect(page.locator("#record-status code")).to_be_visible()
