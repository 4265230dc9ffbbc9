"""The canvas by keyboards of all kinds, and what fingers have no second button for."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import exported_mask, open_photo, stroke

pytestmark = pytest.mark.browser


def pressed(page: Page, key: str, code: str, **held: bool) -> None:
    """A key of a keyboard that Playwright does not have."""
    page.locator("#mask-canvas").evaluate(
        "(at, given) => at.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...given}))",
        {"key": key, "code": code, **held},
    )


def test_commands_work_on_other_keyboards(page: Page, small: Path) -> None:
    open_photo(page, small)
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    undo = page.locator('[data-do="undo"]')
    pressed(page, "я", "KeyZ", ctrlKey=True)
    expect(undo).to_be_disabled()
    pressed(page, "к", "KeyR")
    expect(page.locator('[data-tool="box"]')).to_have_attribute("aria-checked", "true")
    pressed(page, "y", "KeyZ")  # on a German keyboard: the letter counts, where it is Latin
    pressed(page, "и", "KeyB")
    size = page.locator(".lc-size input")
    before = float(size.input_value())
    pressed(page, "]", "Digit9", ctrlKey=True, altKey=True)
    larger = float(size.input_value())
    assert larger > before
    pressed(page, "[", "Digit5", altKey=True)
    assert float(size.input_value()) < larger
    pressed(page, "ü", "BracketLeft")
    smaller = float(size.input_value())
    assert smaller < before
    pressed(page, "]", "BracketRight", ctrlKey=True)  # the browser's own
    assert float(size.input_value()) == smaller


def test_boxes_take_away_without_any_key(page: Page, small: Path) -> None:
    open_photo(page, small)
    height = page.locator(".lc-tools").bounding_box()["height"]
    page.locator('[data-tool="box"]').click()
    expect(page.locator(".lc-size")).to_be_hidden()
    assert page.locator(".lc-tools").bounding_box()["height"] == height, "nothing moves"
    stroke(page, (0.3, 0.3), (0.7, 0.7))
    whole = exported_mask(page)
    take, add = page.locator('[data-way="take"]'), page.locator('[data-way="add"]')
    take.click()
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    less = exported_mask(page)
    assert 0 < less.sum() < whole.sum()
    assert not (less & ~whole).any()
    page.keyboard.down("Alt")
    stroke(page, (0.35, 0.35), (0.55, 0.55))
    page.keyboard.up("Alt")
    assert np.array_equal(exported_mask(page), whole), "Alt is the other way"
    take.focus()
    page.keyboard.press("ArrowLeft")
    expect(add).to_be_focused()
    expect(add).to_have_attribute("aria-checked", "true")
    take.click()
    page.locator('[data-tool="brush"]').click()
    expect(take).to_be_hidden()
    page.locator('[data-tool="lasso"]').click()
    expect(add).to_have_attribute("aria-checked", "true")


def test_keys_and_focus_outlive_menus_and_buttons(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#live-toggle").click()
    stage = page.locator("#mask-canvas")
    for name in ("undo", "clear", "redo"):
        if name == "undo":
            stroke(page, (0.4, 0.4), (0.5, 0.5), wait=False)
        elif name == "clear":
            page.keyboard.press("Control+y")
        else:
            page.keyboard.press("Control+z")
            page.keyboard.press("Control+z")
            page.keyboard.press("Control+y")
        button = page.locator(f'[data-do="{name}"]')
        expect(button).to_be_enabled()
        page.keyboard.press("Tab")  # from here on by keyboard
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_be_disabled()
        expect(stage).to_be_focused()
    page.locator('[data-menu="lc-mask-menu"]').click()
    expect(page.locator(".lc-import")).to_be_focused()
    page.keyboard.press("e")
    expect(page.locator('[data-tool="eraser"]')).to_have_attribute("aria-checked", "true")
    page.get_by_role("button", name="Save mask to dataset").click()
    licence = page.locator("#licence input").nth(1)
    licence.check()
    expect(licence).to_be_focused()
    page.keyboard.press("b")
    expect(page.locator('[data-tool="brush"]')).to_have_attribute("aria-checked", "true")
