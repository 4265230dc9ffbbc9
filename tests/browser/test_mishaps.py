"""What goes wrong while somebody removes something from a photo, and that nothing is lost by it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from masks.files import read_mask
from tests.browser.conftest import (
    App,
    exported_mask,
    open_app,
    open_photo,
    photo,
    stroke,
    wait_for_result,
)

pytestmark = pytest.mark.browser


def test_wrong_file_says_so_and_keeps_the_drawing(page: Page, small: Path, tmp_path: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    hole = exported_mask(page)
    wrong = tmp_path / "letter.jpg"
    wrong.write_text("Dear reader, this is no picture.")
    page.set_input_files("#photo", str(wrong))
    expect(page.locator(".lc-note")).to_contain_text("not a picture")
    expect(page.locator(".lp-name")).to_have_text("small.png")
    assert np.array_equal(exported_mask(page), hole)
    expect(page.locator('[data-do="undo"]')).to_be_enabled()
    expect(page.locator("#download-button")).to_be_enabled()


def test_photo_the_browser_can_show_but_the_app_refuses(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    hole = exported_mask(page)
    moving = small.parent / "moving.gif"
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    frames[0].save(moving, save_all=True, append_images=frames[1:])
    page.set_input_files("#photo", str(moving))
    expect(page.locator(".lc-note")).to_be_visible()
    expect(page.locator(".lp-name")).to_have_text("small.png")
    assert np.array_equal(exported_mask(page), hole)
    expect(page.locator("#download-button")).to_be_enabled()


def test_a_model_that_cannot_be_fetched_says_what_to_do(page: Page, small: Path) -> None:
    page.locator("#model-choice").select_option("big-lama")
    expect(page.locator(".lp-fetch-text")).to_contain_text("206 MB")
    page.locator('[data-do="fetch"]').click()
    expect(page.locator('[data-do="fetch"]')).to_have_text("Try again")
    expect(page.locator(".lp-fetch-text")).to_contain_text("big-lama.pt")
    page.locator('[data-do="fetch-stop"]').click()
    expect(page.locator("#model-choice")).to_have_value("lama-tiny")
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.5))


def test_truncated_photo_is_refused_in_words(page: Page, small: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.png"
    cut.write_bytes(small.read_bytes()[:9000])
    page.set_input_files("#photo", str(cut))
    expect(page.locator(".lc-note")).to_be_visible()
    expect(page.locator(".lc-note")).not_to_contain_text("rror")
    expect(page.locator(".lc")).to_have_attribute("data-photo", "no")


def test_lost_connection_keeps_the_drawing_and_offers_to_try_again(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.route("**/component_server/", lambda route: route.abort())
    stroke(page, (0.4, 0.4), (0.6, 0.5), wait=False)
    expect(page.locator(".lc-note")).to_contain_text("cannot be reached")
    hole = exported_mask(page)
    page.unroute("**/component_server/")
    page.locator(".lc-note button").click()
    wait_for_result(page)
    assert np.array_equal(exported_mask(page), hole)


def test_a_result_that_the_browser_cannot_show_can_be_asked_for_again(
    page: Page, small: Path
) -> None:
    open_photo(page, small)
    page.evaluate(
        "() => { const real = window.createImageBitmap;"
        " window.createImageBitmap = () => { window.createImageBitmap = real;"
        " return Promise.reject(new DOMException('no memory')); }; }"
    )
    stroke(page, (0.4, 0.4), (0.6, 0.5), wait=False)
    expect(page.locator(".lc-note")).to_contain_text("could not show the result")
    page.get_by_role("button", name="Try again").click()
    wait_for_result(page)
    expect(page.locator(".lc-note")).to_be_hidden()
    expect(page.locator("#lc-facts")).to_contain_text("verified")


def test_what_is_not_filled_is_not_called_verified(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    facts = page.locator("#lc-facts")
    expect(facts).to_contain_text("verified")
    page.route("**/component_server/", lambda route: route.abort())
    stroke(page, (0.2, 0.2), (0.25, 0.25), wait=False)
    expect(page.locator(".lc-note")).to_contain_text("cannot be reached")
    expect(facts).to_contain_text("Not all of it is filled; Download still holds the last result")
    expect(facts).not_to_contain_text("verified")
    page.unroute("**/component_server/")
    page.get_by_role("button", name="Try again").click()
    wait_for_result(page)
    expect(facts).to_contain_text("verified")


def test_the_noise_of_a_lossy_mask_is_no_hole(page: Page, small: Path) -> None:
    """A mask in a JPEG is read as the command line reads it."""
    open_photo(page, small)
    page.locator("#live-toggle").click()
    drawn = np.zeros((331, 487), np.uint8)
    cv2.circle(drawn, (200, 150), 60, 255, -1)
    for suffix in ("jpg", "webp", "png"):
        path = small.parent / f"mask.{suffix}"
        Image.fromarray(drawn).save(path, quality=60)
        before = page.locator("#mask-canvas").get_attribute("data-request") or ""
        page.set_input_files(".lc-import", str(path))
        expect(page.locator("#mask-canvas")).not_to_have_attribute("data-request", before)
        mask = exported_mask(page)
        assert (mask != read_mask(path)).sum() <= 20
        assert (mask != (drawn > 0)).sum() < 200
        page.keyboard.press("Delete")


FAIL_ONCE = """
  if (sessionStorage.getItem("fail")) {
    sessionStorage.removeItem("fail");
    const real = window.createImageBitmap;
    window.createImageBitmap = () => {
      window.createImageBitmap = real;
      return Promise.reject(new DOMException("no memory"));
    };
  }
"""


def test_a_kept_photo_that_cannot_be_shown_once_is_kept(
    page: Page, app: App, small: Path, tmp_path: Path
) -> None:
    words = "The photo of last time could not be shown. Reload to try again."
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    hole = exported_mask(page)
    page.wait_for_timeout(400)
    page.on("dialog", lambda dialog: dialog.accept())
    page.add_init_script(FAIL_ONCE)
    page.evaluate("sessionStorage.setItem('fail', 'yes')")
    page.reload()
    expect(page.locator(".lc-note")).to_have_text(words)
    expect(page.locator(".lc")).to_have_attribute("data-photo", "no")
    second = page.context.new_page()
    open_app(second, app.url)
    expect(second.locator(".lp-name")).to_have_text("small.png")
    open_photo(second, photo(tmp_path / "other.png", 401, 307, seed=1))
    stroke(second, (0.4, 0.4), (0.6, 0.5))
    second.wait_for_timeout(400)
    second.close()
    page.evaluate("sessionStorage.setItem('fail', 'yes')")
    page.reload()
    expect(page.locator(".lp-name")).to_have_text("other.png")
    expect(page.locator(".lc-note")).to_have_text(words)
    page.wait_for_timeout(400)
    page.reload()
    expect(page.locator(".lp-name")).to_have_text("small.png")
    assert np.array_equal(exported_mask(page), hole)


def test_the_server_fetches_no_address(page: Page, app: App) -> None:
    answer = page.request.get(f"{app.url}/gradio_api/file=https://elsewhere.example/x.png")
    assert answer.status == 403
    assert "fetches nothing" in answer.text()
