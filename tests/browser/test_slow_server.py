"""A server that is slow or silent: nobody has to wait for it, and nothing is lost meanwhile."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

import masks
from tests.browser.conftest import (
    App,
    exported_mask,
    hold,
    open_photo,
    photo,
    stroke,
    wait_for_held,
    wait_for_result,
)

pytestmark = pytest.mark.browser


def questions(page: Page) -> list[dict]:
    """What the page has asked the canvas's server since, as it goes on."""
    asked: list[dict] = []

    def note(request: object) -> None:
        if request.url.endswith("/component_server/") and request.post_data:
            asked.append(json.loads(request.post_data))

    page.on("request", note)
    return asked


def test_a_run_that_is_never_answered_can_be_given_up(page: Page, small: Path) -> None:
    open_photo(page, small)
    silent: list[Route] = []

    def hold(route: Route) -> None:
        if '"run"' in (route.request.post_data or "") and not silent:
            silent.append(route)
        else:
            route.continue_()

    page.route("**/component_server/", hold)
    stroke(page, (0.4, 0.4), (0.6, 0.5), wait=False)
    page.locator(".lp-running button").click()
    assert len(silent) == 1
    stroke(page, (0.3, 0.6), (0.5, 0.7))
    silent[0].continue_()
    expect(page.locator("#lc-facts")).to_contain_text("verified")


def test_what_is_drawn_while_a_photo_is_on_its_way_is_kept(
    page: Page, small: Path, tmp_path: Path
) -> None:
    other = photo(tmp_path / "other.png", 301, 202, seed=3)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/upload*", hold)
    page.set_input_files("#photo", str(small))
    expect(page.locator(".lp-name")).to_have_text("small.png")
    stroke(page, (0.4, 0.4), (0.6, 0.5), wait=False)
    hole = exported_mask(page)
    open_photo(page, other)
    page.locator(".lp-back").click()
    expect(page.locator(".lp-dims")).to_contain_text("487 × 331 px, PNG")
    assert np.array_equal(exported_mask(page), hole)
    wait_for_result(page)


def test_a_photo_on_its_way_comes_back_when_the_next_cannot_be_opened(
    page: Page, small: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "moving.png"
    wrong.write_bytes(photo(tmp_path / "whole.png", 301, 202).read_bytes()[:-40_000])
    held: list[Route] = []
    page.route("**/upload*", lambda route: held.append(route) if not held else route.continue_())
    page.set_input_files("#photo", str(small))
    expect(page.locator(".lp-name")).to_have_text("small.png")
    stroke(page, (0.4, 0.4), (0.6, 0.5), wait=False)
    hole = exported_mask(page)
    page.set_input_files("#photo", str(wrong))
    expect(page.locator(".lp-dims")).to_contain_text("487 × 331 px, PNG")
    assert np.array_equal(exported_mask(page), hole)
    wait_for_result(page)


def test_a_stroke_sends_its_mask_and_not_all_strokes_before(page: Page, small: Path) -> None:
    open_photo(page, small)
    asked = questions(page)
    for k in range(4):
        stroke(page, (0.2 + k * 0.1, 0.4), (0.25 + k * 0.1, 0.6))
    runs = [text for text in map(json.dumps, asked) if '"run"' in text]
    assert len(runs) >= 4
    assert max(map(len, runs)) < 4000
    assert not any("points" in text for text in runs)
    saved = page.evaluate("() => document.querySelector('#mask-canvas').dataset.request")
    assert int(saved) >= 4


def test_a_clock_that_is_set_back_does_not_hide_results(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    page.add_init_script("{ const now = Date.now; Date.now = () => now() - 3600e3; }")
    page.evaluate("() => { window.onbeforeunload = null; }")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator(".lp-name")).to_have_text("small.png")
    stroke(page, (0.3, 0.6), (0.5, 0.7))


def test_a_result_that_the_server_has_lost_is_made_again(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.6, 0.5))

    def lose(route: Route) -> None:
        if '"export"' not in (route.request.post_data or ""):
            return route.continue_()
        words = "The app no longer has this result. Run it once more."
        return route.fulfill(json={"ok": False, "message": words})

    page.route("**/component_server/", lose)
    page.locator("#download-button").click()
    expect(page.locator(".lc-note")).to_contain_text("no longer has")
    page.unroute("**/component_server/")
    page.get_by_role("button", name="Inpaint again").click()
    wait_for_result(page)
    expect(page.locator("#download-button")).to_be_enabled()


def test_a_photo_that_could_not_be_sent_stays_with_what_was_drawn(page: Page, small: Path) -> None:
    page.route("**/upload*", lambda route: route.abort())
    page.set_input_files("#photo", str(small))
    expect(page.locator(".lc-note")).to_contain_text("could not be sent")
    expect(page.locator(".lp-name")).to_have_text("small.png")
    stroke(page, (0.4, 0.4), (0.6, 0.5), wait=False)
    hole = exported_mask(page)
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    expect(page.locator(".lc-wait")).to_be_hidden()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator(".lc-note")).to_contain_text("could not be sent")
    expect(page.locator(".lp-name")).to_have_text("small.png")
    assert np.array_equal(exported_mask(page), hole)
    page.unroute("**/upload*")
    page.get_by_role("button", name="Send again").click()
    wait_for_result(page)
    assert np.array_equal(exported_mask(page), hole)
    expect(page.locator("#lc-facts")).to_contain_text("verified")


def test_drawing_on_sends_a_photo_again(page: Page, small: Path) -> None:
    page.route("**/upload*", lambda route: route.abort())
    page.set_input_files("#photo", str(small))
    expect(page.locator(".lc-note")).to_contain_text("could not be sent")
    page.unroute("**/upload*")
    stroke(page, (0.4, 0.4), (0.6, 0.5))
    expect(page.locator(".lp-dims")).to_contain_text("487 × 331 px, PNG")


def test_a_photo_that_the_app_has_thrown_away_is_sent_once_more(
    page: Page, app: App, small: Path
) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    identity = hashlib.sha256(small.read_bytes()).hexdigest()
    for path in app.data_dir.rglob(identity + "*"):
        path.unlink()
    stroke(page, (0.6, 0.6), (0.65, 0.6))
    assert list(app.data_dir.rglob(identity))
    expect(page.locator("#lc-facts")).to_contain_text("verified")
    expect(page.locator(".lc-note")).to_be_hidden()


def test_a_stroke_ends_on_the_photo_it_began_on(page: Page, small: Path, tmp_path: Path) -> None:
    """A TIFF comes when the server has it, be it in the middle of a stroke."""
    later = photo(tmp_path / "later.tif", 301, 202, seed=3)
    open_photo(page, small)
    held: list[Route] = []
    page.route("**/upload*", lambda route: held.append(route))  # noqa: PLW0108 - it gets a name
    page.set_input_files("#photo", str(later))
    box = page.locator("#mask-canvas").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + box["height"] / 2) for x in (0.4, 0.5, 0.6)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=5)
    held[0].continue_()
    page.wait_for_timeout(1500)
    expect(page.locator(".lp-name")).to_have_text("small.png")
    page.mouse.move(*places[2], steps=5)
    page.mouse.up()
    expect(page.locator(".lp-name")).to_have_text("later.tif")
    assert not page.locator('[data-do="clear"]').is_enabled(), "nothing is marked on the new photo"
    page.locator(".lp-back").click()
    hole = exported_mask(page)
    columns = np.flatnonzero(hole.any(0))
    assert columns[-1] - columns[0] > 0.15 * hole.shape[1]


def test_the_newest_seed_wins_and_enter_fills(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#live-toggle").click()
    pixels = masks.read_image(small)

    def wide(seed: int) -> np.ndarray:
        return masks.generate("wide", pixels, 1, seed, scale_with_image=1)[0].mask

    drawn = wide(2)
    page.keyboard.press("f")
    held = hold(page, "fill_strategy")
    for _ in range(2):
        page.locator('[data-do="fill-next"]').click()
    wait_for_held(page, held, 2)
    for route in reversed(held):
        route.continue_()
        page.wait_for_timeout(700)
    assert np.array_equal(exported_mask(page), drawn)
    page.unroute_all()
    page.keyboard.press("f")
    before = page.locator("#mask-canvas").get_attribute("data-request") or ""
    page.locator(".lc-seed").fill("7")
    page.locator(".lc-seed").press("Enter")
    expect(page.locator("#mask-canvas")).not_to_have_attribute("data-request", before)
    drawn = wide(7)
    assert np.array_equal(exported_mask(page), drawn)


def test_a_slow_sample_does_not_take_the_place_of_an_own_photo(page: Page, small: Path) -> None:
    held: list[Route] = []

    def hold_fetched(route: Route) -> None:
        if route.request.resource_type == "fetch":
            held.append(route)
        else:
            route.continue_()  # the button's picture

    page.route("**/coffee.jpg", hold_fetched)
    page.get_by_role("button", name="coffee").click()
    wait_for_held(page, held)
    expect(page.locator(".lc-wait")).to_be_visible()
    open_photo(page, small)
    held[0].continue_()
    page.wait_for_timeout(1000)
    expect(page.locator(".lp-name")).to_have_text("small.png")
    expect(page.locator(".lc-wait")).to_be_hidden()
    page.get_by_role("tab", name="Masks").click()
    expect(page.locator("#mask-gallery img")).to_have_count(16)
    page.get_by_role("button", name="Sample: A cup of coffee").click()
    wait_for_held(page, held, 2)
    expect(page.locator(".ml-busy")).to_be_visible()
    page.get_by_label("Photo for the masks").set_input_files(str(small))
    expect(page.locator(".ml-name")).to_contain_text("small.png")
    held[1].continue_()
    page.wait_for_timeout(1000)
    expect(page.locator(".ml-name")).to_contain_text("small.png")
    expect(page.locator(".ml-busy")).to_be_hidden()
