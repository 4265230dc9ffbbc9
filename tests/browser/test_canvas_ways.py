"""Manual mode, menus, keys, notes and narrow pages of the canvas, in Chromium."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, Route, expect

from space.store import Store
from tests.browser.conftest import (
    App,
    download,
    exported_mask,
    open_app,
    open_photo,
    own_app,
    photo,
    stroke,
    wait_for_result,
)
from tests.space.store.conftest import make_submission

pytestmark = pytest.mark.browser


def posted(request: Request) -> str:
    return request.post_data or "" if "component_server" in request.url else ""


def how_the_mask_shows(page: Page) -> str | None:
    return page.locator(".lc-mask").get_attribute("data-show")


def point(page: Page, x: float, y: float) -> tuple[float, float]:
    """A share of the stage as a place on the page."""
    box = page.locator("#mask-canvas").bounding_box()
    assert box
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def slow_down(page: Page, seconds: float) -> None:
    """Let every run from now on come late."""

    def late(route: Route) -> None:
        if '"run"' in (route.request.post_data or ""):
            time.sleep(seconds)
        route.continue_()

    page.route("**/component_server/", late)


def test_manual_mode_keeps_the_result_and_times_from_the_button(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#live-toggle").click()
    stroke(page, (0.4, 0.4), (0.5, 0.5), wait=False)
    button = page.locator("#inpaint-button")
    expect(button).to_contain_text(" s")
    page.wait_for_timeout(4000)
    button.click()
    wait_for_result(page)
    milliseconds = page.locator("#mask-canvas").get_attribute("data-milliseconds")
    assert float(milliseconds or 0) < 4000, "thinking is not waiting"
    stroke(page, (0.6, 0.6), (0.7, 0.6), wait=False)
    expect(page.locator("#download-button")).to_be_enabled()
    expect(page.locator("#lc-facts")).to_contain_text("Download still holds the last result")
    assert how_the_mask_shows(page) == "drawing"
    page.keyboard.press("Control+z")
    expect(page.locator("#lc-facts")).to_contain_text("verified")
    assert how_the_mask_shows(page) == "gone"


def test_drawing_on_does_not_throw_a_manual_run_away(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#live-toggle").click()
    stroke(page, (0.4, 0.4), (0.5, 0.5), wait=False)
    first = exported_mask(page)
    slow_down(page, 2)
    page.locator("#inpaint-button").click()
    stroke(page, (0.6, 0.6), (0.7, 0.6), wait=False)
    expect(page.locator("#download-button")).to_be_enabled()
    assert how_the_mask_shows(page) == "drawing"
    result = np.asarray(download(page, "PNG").convert("RGB"))
    with Image.open(small) as original:
        changed = (result != np.asarray(original.convert("RGB"))).any(axis=2)
    assert changed[first].mean() > 0.5
    assert not changed[~first].any()


def test_live_switched_on_during_a_manual_run_asks_anew(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#live-toggle").click()
    stroke(page, (0.4, 0.4), (0.5, 0.5), wait=False)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if '"run"' in (route.request.post_data or "") and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/component_server/", hold)
    page.locator("#inpaint-button").click()
    page.wait_for_timeout(800)
    page.locator("#live-toggle").click()
    page.wait_for_timeout(500)
    held[0].continue_()  # it comes after it was given up
    wait_for_result(page)
    expect(page.locator("#lc-facts")).to_contain_text("verified")


def test_a_run_that_takes_long_says_so(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    slow_down(page, 4)
    stroke(page, (0.6, 0.6), (0.7, 0.6), wait=False)
    expect(page.locator(".lp-estimate")).to_contain_text("longer than usual")
    assert page.locator(".lp-running progress").get_attribute("value") is None
    wait_for_result(page)


def test_what_changes_nothing_is_no_step(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.keyboard.press("e")
    stroke(page, (0.5, 0.5), (0.6, 0.5), wait=False)
    expect(page.locator('[data-do="undo"]')).to_be_disabled()
    page.keyboard.press("b")
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    request = page.locator("#mask-canvas").get_attribute("data-request")
    stroke(page, (0.4, 0.4), (0.5, 0.5), wait=False)
    page.wait_for_timeout(300)
    assert page.locator("#mask-canvas").get_attribute("data-request") == request
    assert how_the_mask_shows(page) == "gone"
    page.keyboard.press("Backspace")
    assert not page.locator('[data-do="clear"]').is_enabled()


def test_menus_close_and_are_alone(page: Page, small: Path) -> None:
    open_photo(page, small)
    menu = page.locator("#lc-fill-menu")
    page.keyboard.press("f")
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator('[data-menu="lc-fill-menu"]')).to_be_focused()
    page.keyboard.press("s")
    expect(page.locator("#lc-adjust")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#lc-adjust")).to_be_hidden()
    page.keyboard.press("Escape")
    page.locator('[data-tool="brush"]').click()
    page.locator('[data-menu="lc-mask-menu"]').click()
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    expect(page.locator("#lc-mask-menu")).to_be_hidden()


def test_a_note_moves_nothing_and_lets_the_pen_through(
    page: Page, small: Path, tmp_path: Path
) -> None:
    open_photo(page, small)
    before = page.locator(".lc-tools").bounding_box()
    (tmp_path / "letter.jpg").write_text("Dear reader")
    page.set_input_files("#photo", str(tmp_path / "letter.jpg"))
    note = page.locator(".lc-note")
    expect(note).to_be_visible()
    assert page.locator(".lc-tools").bounding_box() == before
    box = note.bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 5, steps=4)
    page.mouse.up()
    wait_for_result(page)
    expect(note).to_be_hidden()
    assert exported_mask(page).any()


def test_the_keyboard_shows_where_it_is_with_every_tool(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator('[data-tool="brush"]').focus()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#mask-canvas")).to_be_focused()
    ring = page.locator(".lc-ring")
    expect(ring).to_be_visible()
    for key in ("s", "r", "l"):
        page.keyboard.press(key)
        page.keyboard.press("ArrowRight")
        expect(ring).to_be_visible()
        assert "cross" in (ring.get_attribute("class") or "")
    page.keyboard.press("b")
    assert "cross" not in (ring.get_attribute("class") or "")
    page.mouse.move(*point(page, 0.5, 0.5))
    page.locator('[data-tool="box"]').click()
    page.mouse.move(*point(page, 0.4, 0.5))
    expect(ring).to_be_hidden()


def test_the_line_makes_room_for_what_came_on_its_left(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.7, 0.4), (0.75, 0.5))
    grip = page.locator(".lc-grip")
    grip.focus()
    page.keyboard.press("End")
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    expect(grip).to_have_attribute("aria-valuenow", "60")
    stroke(page, (0.65, 0.6), (0.7, 0.6))
    assert int(grip.get_attribute("aria-valuenow") or 0) == 60, "right of the line all is seen"
    stroke(page, (0.4, 0.4), (0.45, 0.5))
    assert 20 < int(grip.get_attribute("aria-valuenow") or 0) < 40


def test_a_finished_mask_can_be_seen(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.4))
    page.wait_for_timeout(800)
    page.mouse.move(*point(page, 0.59, 0.4))
    assert how_the_mask_shows(page) == "hover"
    page.mouse.move(5, 5)
    assert how_the_mask_shows(page) == "gone"
    toggle = page.locator('[data-do="mask"]')
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    assert how_the_mask_shows(page) == "hover"
    stroke(page, (0.4, 0.6), (0.6, 0.6))
    assert how_the_mask_shows(page) == "hover"
    page.keyboard.press("m")
    assert how_the_mask_shows(page) == "gone"


@pytest.fixture
def app_with_a_record(tmp_path: Path) -> Iterator[App]:
    """An app of its own: what is decided here must not be in the other tests' dataset."""
    store = Store.open(tmp_path / "data")
    store.save(make_submission(7))
    store.close()
    with own_app(tmp_path / "data") as running:
        yield running


def test_a_mask_that_is_mended_stays_in_sight(
    browser: Browser, app_with_a_record: App, small: Path
) -> None:
    app = app_with_a_record
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    open_app(page, app.url)
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    mine = exported_mask(page)
    page.get_by_role("tab", name="Review").click()
    expect(page.locator("#review-picture .rv-picture")).to_be_visible()
    record = page.locator("#review-picture [data-record]").get_attribute("data-record") or ""
    page.keyboard.press("f")
    expect(page.locator("#fix-accept")).to_be_visible()
    expect(page.locator("#lc-facts")).to_contain_text("Live waits while you mend")
    page.wait_for_timeout(800)
    assert how_the_mask_shows(page) == "drawing"
    expect(page.locator("#result")).to_be_hidden()
    page.locator("#inpaint-button").click()
    wait_for_result(page)
    stroke(page, (0.72, 0.6), (0.75, 0.62), wait=False)
    assert how_the_mask_shows(page) == "drawing"
    mended = exported_mask(page)
    runs: list[str] = []
    page.on("request", lambda r: runs.append(r.url) if '"fn_name":"run"' in posted(r) else None)
    page.locator("#fix-accept").click()
    expect(page.locator("#fix-bar")).to_be_hidden()
    expect(page.locator("#mask-canvas")).to_be_hidden()
    page.wait_for_timeout(300)
    assert not runs, "nothing is filled that nobody sees"
    store = Store.open(app.data_dir)
    assert store.get(record).status == "approved"
    assert np.array_equal(store.mask(store.get(record)), mended)
    store.close()
    page.get_by_role("tab", name="Inpaint").click()
    wait_for_result(page)
    expect(page.locator("#lc-facts")).to_contain_text("verified")
    expect(page.locator("#live-toggle")).not_to_contain_text("mended")
    assert how_the_mask_shows(page) == "gone", "with the bar gone, Live goes on"
    assert np.array_equal(exported_mask(page), mended)
    page.locator(".lp-back").click()
    expect(page.locator(".lp-name")).to_have_text("small.png")
    assert np.array_equal(exported_mask(page), mine)
    stroke(page, (0.6, 0.6), (0.65, 0.6))
    page.close()


@pytest.mark.parametrize(("width", "height"), [(844, 390), (390, 844), (768, 1024)])
def test_the_tools_are_on_every_screen(
    browser: Browser, app: App, tmp_path: Path, width: int, height: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=True, is_mobile=True
    )
    visitor = context.new_page()
    open_app(visitor, app.url)
    expect(visitor.get_by_text("Choose a photo", exact=True)).to_be_visible()
    open_photo(visitor, photo(tmp_path / "wide.png", 487, 331))
    tools = visitor.locator(".lc-tools").bounding_box()
    panel = visitor.locator("#inpaint-panel").bounding_box()
    assert tools
    assert panel
    assert tools["y"] + tools["height"] <= height
    assert panel["y"] >= tools["y"] + tools["height"]
    assert visitor.evaluate("document.documentElement.scrollWidth") <= width
    button = visitor.locator("#download-button")
    place = button.bounding_box()
    for x in (0.4, 0.6):
        stroke(visitor, (x, 0.4), (x + 0.05, 0.5))
    expect(visitor.locator(".lc-strip button")).to_have_count(2)
    after = button.bounding_box()
    assert place
    assert after
    assert after["y"] == place["y"], "results move nothing"
    context.close()


def test_a_photo_that_only_the_server_can_decode(page: Page) -> None:
    """HEIC, which no Chromium shows: what it turns upright is what is drawn on."""
    heic = Path(__file__).parents[1] / "lama" / "pictures" / "turned.heic"
    page.set_input_files("#photo", heic)
    expect(page.locator(".lp-dims")).to_have_text("36 × 52 px, HEIC")
    stroke(page, (0.3, 0.4), (0.7, 0.5))
    expect(page.locator("#lc-facts")).to_contain_text("verified")
    assert download(page, "PNG").size == (36, 52)
