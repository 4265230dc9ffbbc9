"""Selecting objects by a click, in Chromium, on the real app."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from space.store import Store
from tests.browser.conftest import (
    ROOT,
    App,
    exported_mask,
    open_photo,
    wait_for_held,
    wait_for_result,
)

pytestmark = pytest.mark.browser
SAMPLE = ROOT / "assets" / "samples" / "coffee.jpg"


def two_discs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Write a photo of two discs on a smooth ground; return their masks."""
    height, width = 331, 487
    rng = np.random.default_rng(0)
    pixels = np.full((height, width, 3), (70, 110, 150), np.uint8)
    discs = []
    for centre, radius, colour in (
        ((130, 160), 55, (210, 80, 40)),
        ((350, 150), 45, (230, 220, 90)),
    ):
        disc = np.zeros((height, width), np.uint8)
        cv2.circle(disc, centre, radius, 1, -1)
        pixels[disc > 0] = colour
        discs.append(disc > 0)
    noisy = np.clip(pixels.astype(int) + rng.integers(-4, 5, pixels.shape), 0, 255)
    Image.fromarray(noisy.astype(np.uint8)).save(path)
    return discs[0], discs[1]


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a share of the photo lies on the page."""
    box = page.locator("#mask-canvas").bounding_box()
    assert box is not None
    words = page.locator(".lp-dims").inner_text().split()
    width, height = int(words[0]), int(words[2])
    scale = min(box["width"] / width, box["height"] / height)
    return (
        box["x"] + box["width"] / 2 + (x - 0.5) * width * scale,
        box["y"] + box["height"] / 2 + (y - 0.5) * height * scale,
    )


def click(page: Page, x: float, y: float, key: str | None = None) -> None:
    before = selections(page)
    if key:
        page.keyboard.down(key)
    page.mouse.click(*place(page, x, y))
    if key:
        page.keyboard.up(key)
    wait_for_selection(page, before)


def selections(page: Page) -> int:
    """How many times something was selected on this page."""
    return int(page.locator("#mask-canvas").get_attribute("data-selections") or 0)


def wait_for_selection(page: Page, before: int) -> None:
    page.wait_for_function(
        "n => Number(document.querySelector('#mask-canvas').dataset.selections || 0) > n",
        arg=before,
        timeout=60_000,
    )


def set_slider(page: Page, name: str, value: int) -> None:
    slider = page.locator(name)
    slider.evaluate(
        "(s, v) => { s.value = v; for (const e of ['input', 'change'])"
        " s.dispatchEvent(new Event(e, { bubbles: true })); }",
        value,
    )


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_select_grow_inpaint_save(page: Page, app: App) -> None:
    open_photo(page, SAMPLE)
    page.locator('[data-tool="select"]').click()
    click(page, 0.5, 0.5)
    wait_for_result(page)
    chosen = exported_mask(page)
    assert 0.001 < chosen.mean() < 0.9
    expect(page.locator(".lc-grow-value")).to_have_text("+3 px")
    set_slider(page, ".lc-grow", 14)
    wait_for_result(page)
    grown = exported_mask(page)
    assert grown[chosen].mean() > 0.99
    assert grown.sum() > chosen.sum()
    expect(page.locator("#lc-facts")).to_contain_text("untouched outside the mask: verified")
    page.get_by_role("button", name="Save mask to dataset").click()
    page.get_by_label("This photo and this mask will be stored").check()
    page.locator("#save-mask").click()
    receipt = page.locator("#record-status code")
    expect(receipt).to_be_visible()
    store = Store.open(app.data_dir)
    kept = store.mask(store.get(receipt.get_attribute("data-record") or ""))
    store.close()
    assert np.array_equal(kept, grown)


def test_shift_adds_alt_removes_a_box_selects_and_all_is_undone(page: Page, tmp_path: Path) -> None:
    left, right = two_discs(tmp_path / "discs.png")
    open_photo(page, tmp_path / "discs.png")
    page.keyboard.press("s")
    click(page, 130 / 487, 160 / 331)
    assert overlap(exported_mask(page), left) > 0.75  # grown by a few pixels
    assert exported_mask(page)[left].mean() > 0.99
    set_slider(page, ".lc-grow", 0)
    exact = exported_mask(page)
    assert overlap(exact, left) > 0.93
    click(page, 350 / 487, 150 / 331, "Shift")
    assert exported_mask(page)[left | right].mean() > 0.99
    click(page, 130 / 487, 160 / 331, "Alt")
    alone = exported_mask(page)
    assert alone[right].mean() > 0.99
    assert alone[left].mean() < 0.05
    page.keyboard.press("Control+z")
    assert exported_mask(page)[left | right].mean() > 0.99
    page.keyboard.press("Delete")
    start, end = place(page, 295 / 487, 95 / 331), place(page, 405 / 487, 205 / 331)
    before = selections(page)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()
    wait_for_selection(page, before)
    assert exported_mask(page)[right].mean() > 0.99


def test_the_sliders_reshape_a_drawn_mask_too(page: Page, tmp_path: Path) -> None:
    two_discs(tmp_path / "discs.png")
    open_photo(page, tmp_path / "discs.png")
    hole = np.zeros((331, 487), np.uint8)
    cv2.circle(hole, (200, 150), 40, 1, -1)
    Image.fromarray(hole * 255).save(tmp_path / "mask.png")
    page.set_input_files(".lc-import", str(tmp_path / "mask.png"))
    page.keyboard.press("s")
    for amount in (10, -10):
        set_slider(page, ".lc-grow", amount)
        wanted = np.zeros_like(hole)
        cv2.circle(wanted, (200, 150), 40 + amount, 1, -1)
        assert overlap(exported_mask(page), wanted > 0) > 0.93
    set_slider(page, ".lc-grow", 0)
    assert np.array_equal(exported_mask(page), hole > 0)


def hold_selecting(page: Page) -> list[Route]:
    """Questions for objects wait from now on, in this list."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        asked = route.request.post_data or ""
        if '"select"' in asked and '"outline":true' not in asked:
            held.append(route)
        else:
            route.continue_()

    page.route("**/component_server/", hold)
    return held


def test_what_is_drawn_while_an_object_is_looked_for_stays(page: Page, tmp_path: Path) -> None:
    left, _ = two_discs(tmp_path / "discs.png")
    open_photo(page, tmp_path / "discs.png")
    page.keyboard.press("s")
    held = hold_selecting(page)
    page.mouse.click(*place(page, 130 / 487, 160 / 331))
    page.keyboard.press("b")
    page.mouse.move(*place(page, 0.7, 0.85))
    page.mouse.down()
    page.mouse.move(*place(page, 0.75, 0.85), steps=4)
    before = selections(page)
    page.wait_for_timeout(300)
    held[0].continue_()
    page.wait_for_timeout(700)
    page.mouse.move(*place(page, 0.9, 0.85), steps=6)
    page.mouse.up()
    wait_for_selection(page, before)
    mask = exported_mask(page)
    assert mask[left].mean() > 0.9
    assert mask[281, 341:437].all(), "the stroke, from its first half on"


def test_quick_clicks_add_to_each_other(page: Page, tmp_path: Path) -> None:
    left, right = two_discs(tmp_path / "discs.png")
    open_photo(page, tmp_path / "discs.png")
    page.keyboard.press("s")
    held = hold_selecting(page)
    before = selections(page)
    page.mouse.click(*place(page, 130 / 487, 160 / 331))
    page.keyboard.down("Shift")
    page.mouse.click(*place(page, 350 / 487, 150 / 331))
    page.keyboard.up("Shift")
    page.wait_for_timeout(500)
    for route in held:
        route.continue_()
    wait_for_selection(page, before)
    page.wait_for_timeout(500)
    mask = exported_mask(page)
    assert mask[left].mean() > 0.9
    assert mask[right].mean() > 0.9


def test_what_is_taken_away_quickly_all_goes(page: Page, tmp_path: Path) -> None:
    left, right = two_discs(tmp_path / "discs.png")
    open_photo(page, tmp_path / "discs.png")
    page.locator("#live-toggle").click()
    page.keyboard.press("r")
    start, end = place(page, 0.02, 0.02), place(page, 0.98, 0.98)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end)
    page.mouse.up()
    page.keyboard.press("s")
    page.locator('[data-way="take"]').click()
    held = hold_selecting(page)
    for x, y in ((130 / 487, 160 / 331), (350 / 487, 150 / 331)):
        page.mouse.click(*place(page, x, y))
    wait_for_held(page, held)
    held[0].continue_()
    wait_for_held(page, held, 2)
    before = selections(page)
    held[1].continue_()
    wait_for_selection(page, before)
    mask = exported_mask(page)
    assert mask[left].mean() < 0.05
    assert mask[right].mean() < 0.05
    assert mask[300:320, 20:460].all()
    page.mouse.click(*place(page, 0.5, 0.9))
    wait_for_held(page, held, 3)
    held[2].fulfill(json={"ok": True, "mask": None, "outline": None})
    expect(page.locator(".lc-note")).to_contain_text("Nothing was made out there")
    expect(page.locator("#mask-canvas")).not_to_have_attribute("data-selecting", "yes")
    assert np.array_equal(exported_mask(page), mask)


def test_an_outline_goes_with_the_pointer_and_the_view(page: Page, tmp_path: Path) -> None:
    two_discs(tmp_path / "discs.png")
    open_photo(page, tmp_path / "discs.png")
    page.keyboard.press("s")
    asked: list[Route] = []
    answering = True

    def answer(route: Route) -> None:
        if '"outline":true' not in (route.request.post_data or ""):
            return route.fallback()
        asked.append(route)
        return show(route) if answering else None

    def show(route: Route) -> None:
        outline = [[10, 10, 100, 10, 100, 100]]
        route.fulfill(json={"ok": True, "mask": None, "outline": outline})

    page.route("**/component_server/", answer)
    outline = page.locator(".lc-draft path").first
    page.mouse.move(*place(page, 0.3, 0.5))
    expect(outline).to_have_attribute("d", re.compile("^M"))
    page.mouse.wheel(0, -200)
    expect(outline).to_have_attribute("d", "", timeout=2000)
    answering = False
    page.mouse.move(*place(page, 0.4, 0.5))
    wait_for_held(page, asked, 2)
    page.mouse.move(5, 5)
    show(asked[1])
    page.wait_for_timeout(300)
    expect(outline).to_have_attribute("d", "")
