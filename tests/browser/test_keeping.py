"""What somebody drew is not lost by opening, going on, refused files or a second browser tab."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    BASE,
    App,
    download,
    exported_mask,
    open_app,
    open_photo,
    photo,
    stroke,
    wait_for_result,
)

pytestmark = pytest.mark.browser


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return photo(tmp_path / "other.png", 401, 307, seed=1)


def strip(page: Page) -> int:
    """How many results the strip holds, once no more come."""
    count, before = page.locator(".lc-strip button").count(), -1
    while count != before:
        page.wait_for_timeout(1000)
        before, count = count, page.locator(".lc-strip button").count()
    return count


def test_another_photo_over_drawn_work_has_a_way_back(page: Page, small: Path, other: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    stroke(page, (0.6, 0.6), (0.65, 0.6))
    hole = exported_mask(page)
    assert strip(page) == 2
    page.locator('.lc-tools [data-do="in"]').click()
    zoom = page.locator(".lc-zoom").inner_text()
    open_photo(page, other)
    expect(page.locator(".lc-note")).to_contain_text("Opened other.png.")
    expect(page.locator('[data-do="undo"]')).to_be_disabled()
    page.locator(".lc-note button").click()
    expect(page.locator(".lp-name")).to_have_text("small.png")
    assert np.array_equal(exported_mask(page), hole)
    assert strip(page) == 2
    expect(page.locator(".lc-zoom")).to_have_text(zoom)
    expect(page.locator("#download-button")).to_be_enabled()
    expect(page.locator(".lp-back")).to_be_hidden()
    page.keyboard.press("Control+z")
    wait_for_result(page)
    assert exported_mask(page).sum() < hole.sum()


def test_the_way_back_stays_and_leads_both_ways(page: Page, small: Path, other: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    first = exported_mask(page)
    open_photo(page, other)
    stroke(page, (0.3, 0.3), (0.4, 0.3))
    second = exported_mask(page)
    page.locator(".lp-back").click()
    assert np.array_equal(exported_mask(page), first)
    expect(page.locator(".lp-back")).to_have_text("Back to other.png")
    page.locator(".lp-back").click()
    assert np.array_equal(exported_mask(page), second)


def test_a_mask_for_the_photo_that_is_open_is_one_step(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    hole = exported_mask(page)
    page.get_by_role("tab", name="Masks").click()
    expect(page.locator("#mask-gallery img")).to_have_count(16)
    page.get_by_role("button", name="From Inpaint").click()
    expect(page.locator(".ml-python")).to_contain_text("small.png")
    before = page.locator("#mask-canvas").get_attribute("data-request")
    page.locator(".ml-tile").nth(2).click()
    page.get_by_role("dialog").get_by_role("button", name="Use in Inpaint").click()
    expect(page.get_by_role("tab", name="Inpaint")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#mask-canvas")).not_to_have_attribute("data-request", before or "")
    wait_for_result(page)
    expect(page.locator(".lp-name")).to_have_text("small.png")
    assert not np.array_equal(exported_mask(page), hole)
    page.keyboard.press("Control+z")
    wait_for_result(page)
    assert np.array_equal(exported_mask(page), hole)
    page.keyboard.press("Control+z")
    assert page.locator('[data-do="undo"]').is_disabled()


def test_undo_leads_back_before_going_on(page: Page, small: Path) -> None:
    open_photo(page, small)
    original = page.evaluate(BASE)
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    hole = exported_mask(page)
    page.locator("#go-on-button").click()
    expect(page.locator(".lc-note")).to_contain_text("Undo leads back")
    stroke(page, (0.6, 0.6), (0.65, 0.6))
    second = np.asarray(download(page, "PNG").convert("RGB"))
    page.locator("#go-on-button").click()
    expect(page.locator("#lc-facts")).to_have_text("Paint over what should go.")
    page.keyboard.down("o")
    page.wait_for_timeout(150)
    assert page.evaluate(BASE) == original, "before is the first picture"
    page.keyboard.up("o")
    for _ in range(3):
        page.keyboard.press("Control+z")
    wait_for_result(page)
    assert np.array_equal(exported_mask(page), hole)
    expect(page.locator("#lc-facts")).to_contain_text("verified")
    for _ in range(2):
        page.keyboard.press("Control+Shift+z")
    wait_for_result(page)
    again = np.asarray(download(page, "PNG").convert("RGB"))
    assert np.array_equal(again, second)


def test_two_browser_tabs_keep_their_own_work(
    page: Page, app: App, small: Path, other: Path
) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    hole = exported_mask(page)
    page.wait_for_timeout(400)
    second = page.context.new_page()
    open_app(second, app.url)
    expect(second.locator(".lp-name")).to_have_text("small.png")
    assert np.array_equal(exported_mask(second), hole), "a new tab begins with the newest"
    open_photo(second, other)
    stroke(second, (0.3, 0.3), (0.4, 0.3))
    theirs = exported_mask(second)
    second.wait_for_timeout(400)
    for visitor, name, mask in ((page, "small.png", hole), (second, "other.png", theirs)):
        visitor.on("dialog", lambda dialog: dialog.accept())
        visitor.reload()
        expect(visitor.locator(".lp-name")).to_have_text(name)
        wait_for_result(visitor)
        assert np.array_equal(exported_mask(visitor), mask)


def test_only_the_newest_tabs_are_kept(page: Page, app: App, small: Path) -> None:
    open_photo(page, small)
    for _ in range(5):
        visitor = page.context.new_page()
        open_app(visitor, app.url)
        expect(visitor.locator(".lp-name")).to_have_text("small.png")
        visitor.wait_for_timeout(300)
        visitor.close()
    names = page.evaluate("""() => new Promise((resolve) => {
      indexedDB.open("lama-canvas").onsuccess = (event) => {
        const store = event.target.result.transaction("now").objectStore("now");
        store.getAllKeys().onsuccess = (found) => resolve(found.target.result);
      };
    })""")
    assert len([name for name in names if name.startswith("photo ")]) == 4


def test_a_refused_file_leaves_zoom_and_results(page: Page, small: Path, tmp_path: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    stroke(page, (0.6, 0.6), (0.65, 0.6))
    assert strip(page) == 2
    for _ in range(3):
        page.locator('.lc-tools [data-do="in"]').click()
    page.wait_for_timeout(200)
    before, zoom = page.evaluate(BASE), page.locator(".lc-zoom").inner_text()
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    page.set_input_files("#photo", str(tmp_path / "moving.gif"))
    expect(page.locator(".lc-note")).to_be_visible()
    expect(page.locator(".lp-name")).to_have_text("small.png")
    page.wait_for_timeout(200)
    assert page.locator(".lc-zoom").inner_text() == zoom
    assert page.evaluate(BASE) == before
    assert strip(page) == 2


def test_the_strip_holds_each_mask_once(page: Page, tmp_path: Path) -> None:
    open_photo(page, photo(tmp_path / "large.jpg", 1203, 901))
    stroke(page, (0.3, 0.4), (0.6, 0.5))
    stroke(page, (0.7, 0.7), (0.72, 0.7))
    expect(page.locator("#lc-facts")).not_to_contain_text("first look", timeout=60_000)
    assert strip(page) == 2
    for key in ("Control+z", "Control+Shift+z"):
        page.keyboard.press(key)
        wait_for_result(page)
        assert strip(page) == 2


def test_a_photo_without_a_mask_is_no_missing_photo(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.get_by_role("button", name="Save mask to dataset").click()
    page.get_by_label("This photo and this mask will be stored").check()
    page.locator("#save-mask").click()
    expect(page.locator("#record-status")).to_contain_text("Nothing is marked yet")


def test_a_sample_opened_by_keyboard_brings_the_focus_to_the_photo(page: Page, small: Path) -> None:
    assert page.locator("#mask-canvas").get_attribute("tabindex") == "-1"
    page.locator(".lc-samples button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".lp-dims")).to_contain_text("px, ")
    expect(page.locator("#mask-canvas")).to_be_focused()
    assert page.locator("#photo input").get_attribute("tabindex") == "-1"
    expect(page.locator(".lp-back")).to_be_hidden()
    open_photo(page, small)
    expect(page.locator(".lp-back")).to_be_hidden()


def test_several_photos_in_a_row(page: Page, small: Path, other: Path) -> None:
    page.set_input_files("#photo", [str(small), str(other)])
    expect(page.locator(".lp-dims")).to_contain_text("487 × 331 px, PNG")
    expect(page.locator(".lp-queue")).to_contain_text("Photo 1 of 2")
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    hole = exported_mask(page)
    page.keyboard.press("n")
    expect(page.locator(".lp-dims")).to_contain_text("401 × 307 px, PNG")
    expect(page.locator(".lp-queue")).to_contain_text("Photo 2 of 2")
    expect(page.locator('[data-do="next"]')).to_be_disabled()
    page.locator(".lp-back").click()
    assert np.array_equal(exported_mask(page), hole)
    open_photo(page, other)
    expect(page.locator(".lp-queue")).to_be_hidden()


def test_before_is_the_first_picture_after_a_reload_too(page: Page, small: Path) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    open_photo(page, small)
    first = page.evaluate(BASE)
    for place in ((0.3, 0.3), (0.6, 0.6)):
        stroke(page, place, (place[0] + 0.1, place[1] + 0.1))
        page.locator("#go-on-button").click()
        expect(page.locator("#lc-facts")).to_have_text("Paint over what should go.")
    page.wait_for_timeout(500)
    gone_on = page.evaluate(BASE)
    assert gone_on != first
    page.reload()
    expect(page.locator(".lp-name")).to_have_text("small.png")
    expect(page.locator(".lc-grip")).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate(BASE) == gone_on
    grip = page.locator(".lc-grip")
    grip.focus()
    page.keyboard.press("End")
    page.wait_for_timeout(200)
    assert page.evaluate(BASE) == first
    page.keyboard.press("Home")
    page.reload()
    expect(page.locator(".lc-grip")).to_be_visible()
    open_photo(page, small)
    expect(page.locator(".lc-grip")).to_be_hidden()
    page.wait_for_timeout(300)
    page.reload()
    expect(page.locator(".lp-name")).to_have_text("small.png")
    page.wait_for_timeout(500)
    expect(page.locator(".lc-grip")).to_be_hidden()
