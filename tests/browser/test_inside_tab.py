"""A researcher's look inside the network, in Chromium, on the real app."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import open_photo, stroke, wait_for_held

pytestmark = pytest.mark.browser


def open_tab(page: Page) -> None:
    page.get_by_role("tab", name="Inside").click()
    expect(page.locator(".in-view")).to_be_visible(timeout=60_000)


def test_a_sample_shows_what_fourier_units_add(page: Page) -> None:
    open_tab(page)
    expect(page.locator(".in-source")).to_contain_text("A sample")
    expect(page.locator(".in-blocks li")).to_have_count(6)
    far = [
        int(text.split("farther than ")[1].split(" ")[0])
        for text in page.locator(".in-view section").first.locator("figcaption").all_inner_texts()
        if "farther than" in text
    ]
    assert far[0] > 2 * far[1]


def test_a_click_and_the_keyboard_ask_about_another_pixel(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.3, 0.4), (0.6, 0.5))
    open_tab(page)
    expect(page.locator(".in-source")).to_contain_text("What is marked.")
    cross, ask = page.locator(".in-cross"), page.locator(".in-ask")
    before = cross.get_attribute("style")
    heat = page.get_by_alt_text("Influence with Fourier units")
    shown = heat.get_attribute("src")
    ask.focus()
    page.keyboard.press("Shift+ArrowLeft")
    assert cross.get_attribute("style") != before
    page.keyboard.press("Enter")
    expect(heat).not_to_have_attribute("src", shown or "", timeout=30_000)
    shown = heat.get_attribute("src")
    expect(ask).to_be_focused()  # the picture is another one, and who works by keyboard goes on
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(heat).not_to_have_attribute("src", shown or "", timeout=30_000)
    ask.click(position={"x": 4, "y": 4})
    expect(page.locator("#inside-status")).to_contain_text("Choose one in the red hole")
    expect(heat).to_be_visible()


def test_while_a_pixel_is_looked_at_the_cross_stays(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.3, 0.4), (0.6, 0.5))
    open_tab(page)
    expect(page.locator(".in-source")).to_contain_text("What is marked.")
    cross, ask = page.locator(".in-cross"), page.locator(".in-ask")
    box = ask.bounding_box()
    assert box
    held: list[Route] = []
    page.route("**/queue/join*", lambda route: held.append(route))  # noqa: PLW0108 - it gets a name
    first, second = ({"x": box["width"] * x, "y": box["height"] / 2} for x in (0.45, 0.55))
    ask.click(position=first)
    wait_for_held(page, held)
    asked = cross.get_attribute("style")
    ask.click(position=second, force=True)
    page.wait_for_timeout(200)
    assert cross.get_attribute("style") == asked
    assert len(held) == 1
