"""A person removes something from a photo: the whole way, in Chromium, on the real app."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, Request, expect

import masks
from tests.browser.conftest import (
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


KEPT_STROKES = """() => new Promise((resolve) => {
  indexedDB.open("lama-canvas", 1).onsuccess = ({ target }) => {
    const store = target.result.transaction("now").objectStore("now");
    store.get("mask " + sessionStorage.getItem("lama-canvas-tab")).onsuccess = (event) => {
      target.result.close();
      resolve(event.target.result.strokes);
    };
  };
})"""


def asked(page: Page) -> list[str]:
    """A list that fills with what the page asks of the server from now on."""
    seen: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            seen.append(json.loads(request.post_data or "{}").get("fn_name", request.url))

    page.on("request", note)
    return seen


def test_twelve_megapixels_two_strokes_one_undone(page: Page, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = photo(tmp_path / "phone.jpg", 4000, 3000, quality=88, exif=exif)
    open_photo(page, path)
    expect(page.locator(".lp-dims")).to_have_text("3000 × 4000 px, JPEG")
    seen = asked(page)
    stroke(page, (0.45, 0.3), (0.55, 0.35))
    page.wait_for_timeout(300)
    assert seen.count("run") == 1, seen
    assert len(seen) <= 3, seen
    seen.clear()
    stroke(page, (0.45, 0.7), (0.55, 0.7))
    page.wait_for_timeout(300)
    # The first stroke's full size may have to give way, and may have asked for the model's speed.
    assert seen.count("run") == 1, seen
    assert len(seen) <= 4, seen
    page.keyboard.press("Control+z")
    wait_for_result(page)
    expect(page.locator("#lc-facts")).to_contain_text("untouched outside the mask: verified")
    hole = exported_mask(page)
    result = np.asarray(download(page, "PNG").convert("RGB"))
    with Image.open(path) as original:
        before = np.asarray(ImageOps.exif_transpose(original).convert("RGB"))
    assert result.shape == before.shape == (4000, 3000, 3)
    assert hole.shape == (4000, 3000)
    assert 0.001 < hole.mean() < 0.1
    assert np.array_equal(result[~hole], before[~hole])
    assert (result[hole] != before[hole]).any()


def test_a_stroke_shows_its_result_and_the_red_goes(page: Page, small: Path) -> None:
    open_photo(page, small)
    expect(page.locator("#result")).to_be_hidden()
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    expect(page.locator("#result")).to_be_visible()
    expect(page.locator(".lc-mask")).to_have_attribute("data-show", "gone")
    facts = page.locator("#lc-facts")
    expect(facts).to_contain_text("% of the photo, lama-tiny")
    expect(facts).to_have_attribute("title", re.compile(r"^\d+\.\d\d s from lifting the pen"))
    assert float(facts.get_attribute("data-seconds") or 0) > 0


def test_mask_is_the_same_in_browser_export_and_download(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.keyboard.press("l")
    stroke(page, (0.3, 0.3), (0.6, 0.35), (0.55, 0.6), (0.35, 0.55))
    hole = exported_mask(page)
    result = np.asarray(download(page, "PNG").convert("RGB"))
    before = np.asarray(Image.open(small).convert("RGB"))
    changed = (result != before).any(axis=2)
    assert not (changed & ~hole).any()
    assert changed[hole].mean() > 0.5


def test_mask_import_is_exact_and_refuses_another_size(
    page: Page, small: Path, tmp_path: Path
) -> None:
    open_photo(page, small)
    hole = np.random.default_rng(3).random((331, 487)) > 0.98
    Image.fromarray(hole.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    page.set_input_files(".lc-import", str(tmp_path / "mask.png"))
    wait_for_result(page)
    assert np.array_equal(exported_mask(page), hole)
    Image.fromarray(hole[:100, :100]).save(tmp_path / "other.png")
    page.set_input_files(".lc-import", str(tmp_path / "other.png"))
    expect(page.locator(".lc-note")).to_contain_text("This mask has 100 × 100 pixels")
    assert np.array_equal(exported_mask(page), hole)


def test_reload_brings_photo_and_mask_back(page: Page, app: App, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    hole = exported_mask(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.wait_for_timeout(400)
    page.reload()
    expect(page.locator(".lp-name")).to_have_text("small.png")
    wait_for_result(page)
    assert np.array_equal(exported_mask(page), hole)


def test_sixteen_bits_and_transparency_survive(page: Page, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    deep = rng.integers(0, 65536, (211, 187, 4), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    open_photo(page, tmp_path / "deep.png")
    stroke(page, (0.45, 0.4), (0.55, 0.5))
    hole = exported_mask(page)
    page.locator(".lp-format").select_option("PNG")
    with page.expect_download() as started:
        page.locator("#download-button").click()
    after = cv2.imread(str(started.value.path()), cv2.IMREAD_UNCHANGED)
    assert after.dtype == np.uint16
    assert np.array_equal(after[~hole], deep[~hole])
    assert np.array_equal(after[..., 3], deep[..., 3])


def test_keyboard_undo_redo_tools_and_size(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.4))
    one = exported_mask(page)
    page.locator("#mask-canvas").focus()
    page.keyboard.press("r")
    stroke(page, (0.3, 0.6), (0.5, 0.8))
    two = exported_mask(page)
    assert two.sum() > one.sum()
    page.keyboard.press("Control+z")
    wait_for_result(page)
    assert np.array_equal(exported_mask(page), one)
    page.keyboard.press("Control+Shift+z")
    wait_for_result(page)
    assert np.array_equal(exported_mask(page), two)
    for key, tool in (("b", "brush"), ("e", "eraser"), ("l", "lasso")):
        page.keyboard.press(key)
        expect(page.locator(f'[data-tool="{tool}"]')).to_have_attribute("aria-checked", "true")
    before = int(page.locator(".lc-size input").input_value())
    page.keyboard.press("]")
    assert int(page.locator(".lc-size input").input_value()) > before


def test_drawing_by_keyboard_alone(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#mask-canvas").focus()
    page.keyboard.press("Enter")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    wait_for_result(page)
    assert exported_mask(page).any()


def test_manual_mode_waits_for_the_button(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#live-toggle").click()
    seen = asked(page)
    stroke(page, (0.4, 0.4), (0.6, 0.5), wait=False)
    page.wait_for_timeout(600)
    assert not seen
    expect(page.locator("#result")).to_be_hidden()
    page.locator("#inpaint-button").click()
    wait_for_result(page)
    expect(page.locator("#result")).to_be_visible()


def test_fill_from_a_strategy_is_seeded(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.keyboard.press("f")
    page.locator(".lc-strategy").select_option("box")
    page.locator(".lc-seed").fill("7")
    page.locator('[data-do="fill"]').click()
    wait_for_result(page)
    first = exported_mask(page)
    page.wait_for_timeout(300)
    [recorded] = page.evaluate(KEPT_STROKES)
    assert recorded["parameters"] == {"scale_with_image": 1}
    pixels = np.asarray(Image.open(small).convert("RGB"))
    drawn = masks.generate(recorded["strategy"], pixels, 1, recorded["seed"], scale_with_image=1)
    assert np.array_equal(drawn[0].mask, first), "what is kept with a mask draws it again"
    page.keyboard.press("f")
    page.locator('[data-do="fill-next"]').click()
    wait_for_result(page)
    assert not np.array_equal(exported_mask(page), first)


def test_go_on_from_the_result(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    first = np.asarray(download(page, "PNG").convert("RGB"))
    page.locator("#go-on-button").click()
    expect(page.locator("#lc-facts")).to_have_text("Paint over what should go.")
    stroke(page, (0.3, 0.7), (0.4, 0.7))
    hole = exported_mask(page)
    second = np.asarray(download(page, "PNG").convert("RGB"))
    assert np.array_equal(first[~hole], second[~hole])


def test_inverting_an_empty_mask_marks_everything_and_says_so(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator('[data-do="invert"]').click()
    expect(page.locator(".lc-note")).to_contain_text("Everything is marked")


def test_nothing_is_fetched_from_elsewhere(browser: Browser, app: App, small: Path) -> None:
    context = browser.new_context()
    visitor = context.new_page()
    hosts: set[str] = set()
    visitor.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    open_app(visitor, app.url)
    open_photo(visitor, small)
    stroke(visitor, (0.4, 0.4), (0.6, 0.5))
    context.close()
    outside = {host for host in hosts if host and not host.startswith("127.0.0.1")}
    assert not outside


def test_phone_layout_has_canvas_first_and_no_sideways_scroll(
    browser: Browser, app: App, small: Path
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    visitor = context.new_page()
    open_app(visitor, app.url)
    open_photo(visitor, small)
    canvas = visitor.locator("#mask-canvas").bounding_box()
    tools = visitor.locator(".lc-tools").bounding_box()
    panel = visitor.locator("#inpaint-panel").bounding_box()
    assert canvas
    assert tools
    assert panel
    assert canvas["y"] < tools["y"] < panel["y"]
    assert canvas["width"] > 350
    assert tools["y"] + tools["height"] < 844
    wide = visitor.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
    for button in visitor.locator(".lc-tools button:visible").all():
        box = button.bounding_box()
        assert box
        assert box["width"] >= 44
        assert box["height"] >= 44
    context.close()


def test_the_tab_is_in_the_address(page: Page, app: App) -> None:
    page.get_by_role("tab", name="Inpaint").click()
    assert page.url.endswith("#inpaint")


def test_newest_wins(page: Page, small: Path) -> None:
    open_photo(page, small)
    for share in (0.3, 0.45, 0.6):
        stroke(page, (share, 0.3), (share, 0.5), wait=False)
    wait_for_result(page)
    hole = exported_mask(page)
    result = np.asarray(download(page, "PNG").convert("RGB"))
    before = np.asarray(Image.open(small).convert("RGB"))
    changed = (result != before).any(axis=2)
    assert changed[hole].mean() > 0.5
    assert not changed[~hole].any()
    assert int(page.locator("#mask-canvas").get_attribute("data-shown") or 0) == 3


def test_compare_shows_the_original_on_the_left(page: Page, small: Path) -> None:
    open_photo(page, small)
    pixels = "() => document.querySelector('.lc-base').toDataURL()"
    before = page.evaluate(pixels)
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    after = page.evaluate(pixels)
    assert after != before
    grip = page.locator(".lc-grip")
    grip.focus()
    page.keyboard.press("End")
    expect(grip).to_have_attribute("aria-valuenow", "100")
    page.wait_for_timeout(100)
    assert page.evaluate(pixels) == before
    page.keyboard.press("Home")
    page.wait_for_timeout(100)
    assert page.evaluate(pixels) == after


def test_tab_peeks_only_after_the_photo_was_clicked(page: Page, small: Path) -> None:
    open_photo(page, small)
    pixels = "() => document.querySelector('.lc-base').toDataURL()"
    before = page.evaluate(pixels)
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    after = page.evaluate(pixels)
    page.keyboard.down("Tab")
    page.wait_for_timeout(100)
    assert page.evaluate(pixels) == before
    page.keyboard.up("Tab")
    page.wait_for_timeout(100)
    assert page.evaluate(pixels) == after


def test_the_result_is_copied_as_a_picture(page: Page, app: App, small: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=app.url)
    open_photo(page, small)
    page.keyboard.press("Control+c")  # nothing yet
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    page.keyboard.press("Control+c")
    expect(page.locator(".lc-note")).to_have_text("Copied.")
    copied = page.evaluate("""async () => {
      const [item] = await navigator.clipboard.read();
      const bitmap = await createImageBitmap(await item.getType("image/png"));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = canvas.getContext("2d");
      context.drawImage(bitmap, 0, 0);
      return [...context.getImageData(0, 0, bitmap.width, bitmap.height).data];
    }""")
    shown = np.asarray(download(page, "PNG").convert("RGBA"))
    assert np.array_equal(np.array(copied, np.uint8).reshape(shown.shape), shown)
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#lc-facts'))")
    page.keyboard.press("Control+c")
    assert "verified" in page.evaluate("navigator.clipboard.readText()")
