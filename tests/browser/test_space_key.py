"""Space moves the photo where the pointer is over it, whatever was pressed last."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import BASE, open_photo, stroke

pytestmark = pytest.mark.browser
ZOOM_IN = '.lc-tools [data-do="in"]'
FACTS = "Paint over what should go."


def drag_with_space(page: Page) -> bool:
    """Space and a drag over the photo; whether the photo moved."""
    box = page.locator("#mask-canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_timeout(100)
    before = page.evaluate(BASE)
    page.keyboard.down(" ")
    page.keyboard.down(" ")  # the key repeats while it is held
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.45 * box["height"], steps=4)
    page.mouse.up()
    page.keyboard.up(" ")
    page.wait_for_timeout(100)
    return bool(page.evaluate(BASE) != before)


@pytest.mark.parametrize(
    "control",
    [ZOOM_IN, '[data-tool="eraser"]', '[data-do="mask"]', '[data-do="peek"]', ".lc-size input"],
)
def test_it_moves_the_photo_whichever_control_has_the_focus(
    page: Page, small: Path, control: str
) -> None:
    open_photo(page, small)
    for _ in range(3):
        page.locator(ZOOM_IN).click()
    page.locator(control).focus()
    zoom = page.locator(".lc-zoom").inner_text()
    assert drag_with_space(page)
    expect(page.locator("#lc-facts")).to_have_text(FACTS)
    assert page.locator(".lc-zoom").inner_text() == zoom, "the button is not pressed"
    expect(page.locator('[data-do="mask"]')).to_have_attribute("aria-pressed", "false")


def test_it_moves_the_photo_after_going_back_to_a_result(page: Page, small: Path) -> None:
    open_photo(page, small)
    for place in ((0.3, 0.3), (0.6, 0.6)):
        stroke(page, place, (place[0] + 0.1, place[1]))
    page.locator(ZOOM_IN).click()
    page.locator(".lc-strip button").first.click()
    request = page.locator("#mask-canvas").get_attribute("data-request")
    assert drag_with_space(page)
    page.locator("#live-toggle input").focus()
    assert drag_with_space(page)
    expect(page.locator("#live-toggle input")).to_be_checked()
    assert page.locator("#mask-canvas").get_attribute("data-request") == request


def test_away_from_the_photo_it_presses_the_button(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.mouse.move(5, 5)
    page.locator(ZOOM_IN).focus()
    page.keyboard.press(" ")
    expect(page.locator(".lc-zoom")).to_be_visible()
    page.locator("#live-toggle input").focus()
    page.keyboard.press(" ")
    expect(page.locator("#live-toggle input")).not_to_be_checked()


def test_a_field_gets_what_is_typed(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.get_by_role("button", name="Save mask to dataset").click()
    field = page.locator("#save-sheet textarea, #save-sheet input[type=text]").first
    field.fill("a")
    page.locator("#mask-canvas").hover()
    page.keyboard.press("End")
    page.keyboard.type(" b")
    expect(field).to_have_value("a b")
