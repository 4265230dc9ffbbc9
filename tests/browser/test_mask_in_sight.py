"""What is seen of the mask: red while there is no result of it, and out of the way afterwards."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import (
    hold,
    open_photo,
    photo,
    point,
    stroke,
    wait_for_held,
)

pytestmark = pytest.mark.browser


def expect_mask(page: Page, how: str) -> None:
    expect(page.locator(".lc-mask")).to_have_attribute("data-show", how, timeout=3000)


def test_a_second_look_leaves_the_result_in_sight(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#refine-toggle").click()
    held = hold(page, "better")
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    expect_mask(page, "gone")
    wait_for_held(page, held)
    point(page, "pointerdown", 2, "touch", 0.7, 0.7)
    expect_mask(page, "drawing")
    point(page, "pointerdown", 3, "touch", 0.8, 0.7)
    point(page, "pointermove", 3, "touch", 0.9, 0.7)
    expect_mask(page, "gone")
    for finger in (2, 3):
        point(page, "pointerup", finger, "touch", 0.7, 0.7)
    page.locator(".lc-zoom").click()
    stroke(page, (0.45, 0.45), wait=False)  # all of it is marked already
    expect_mask(page, "gone")
    page.locator('[data-tool="select"]').click()
    held[0].continue_()
    expect(page.locator("#lc-facts")).to_contain_text(", refined", timeout=60_000)
    expect_mask(page, "gone")


def offer_another_model(page: Page) -> None:
    """The model select gets a second entry that is on the disk."""

    def twice(route: Route) -> None:
        if '"models"' not in (route.request.post_data or ""):
            return route.fallback()
        answer = route.fetch().json()
        first = next(model for model in answer["models"] if model["on_disk"])
        return route.fulfill(json={**answer, "models": [first, {**first, "name": "another"}]})

    page.route("**/component_server/", twice)
    page.evaluate("document.dispatchEvent(new Event('lama-models-changed'))")
    expect(page.locator("#model-choice option")).to_have_count(2)


def test_with_live_off_what_is_not_filled_stays_red(page: Page, small: Path) -> None:
    open_photo(page, small)
    offer_another_model(page)
    page.locator("#live-toggle").click()
    stroke(page, (0.4, 0.4), (0.5, 0.5), wait=False)
    held = hold(page, "run")
    page.locator("#inpaint-button").click()
    expect_mask(page, "waiting")
    stroke(page, (0.2, 0.2), (0.25, 0.2), wait=False)
    expect_mask(page, "drawing")
    page.keyboard.press("Control+z")
    expect_mask(page, "waiting")
    page.locator("#model-choice").select_option("another")
    expect_mask(page, "drawing")
    wait_for_held(page, held)
    held[0].continue_()
    page.unroute_all()
    page.locator("#model-choice").select_option("lama-tiny")
    page.locator("#inpaint-button").click()
    expect(page.locator("#lc-facts")).to_contain_text("verified")
    expect_mask(page, "gone")
    stroke(page, (0.2, 0.2), (0.25, 0.2), wait=False)
    expect_mask(page, "drawing")
    page.locator(".lc-grip").hover()
    page.mouse.down()
    stage, grip = (page.locator(at).bounding_box() for at in ("#mask-canvas", ".lc-grip"))
    assert stage
    assert grip
    page.mouse.move(stage["x"] + stage["width"] / 2, grip["y"] + 22, steps=4)
    expect_mask(page, "gone")
    page.mouse.up()
    expect_mask(page, "drawing")
    expect(page.locator(".lc-compare")).to_have_class("lc-compare open")


def test_a_first_look_that_is_gone_back_to_gets_sharp(page: Page, tmp_path: Path) -> None:
    open_photo(page, photo(tmp_path / "large.jpg", 1203, 901))
    facts, strip = page.locator("#lc-facts"), page.locator(".lc-strip button")
    hold(page, "better")
    stroke(page, (0.3, 0.4), (0.6, 0.5))
    page.wait_for_timeout(500)  # its picture in the strip
    stroke(page, (0.7, 0.7), (0.72, 0.7))
    expect(strip).to_have_count(2)
    expect(facts).to_contain_text("first look")
    page.unroute_all()
    strip.first.focus()
    page.keyboard.press("Enter")
    expect(facts).not_to_contain_text("first look", timeout=60_000)
    expect_mask(page, "gone")
    expect(strip.first).to_be_focused()
    expect(strip.first).to_have_attribute("aria-current", "true")
