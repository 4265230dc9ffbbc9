"""The brush in the hand: ring, straight lines, both ends of a pen, fingers, in Chromium."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import exported_mask, open_photo, point, stroke

pytestmark = pytest.mark.browser
PIXELS = "() => document.querySelector('.lc-mask').toDataURL()"


def ring(page: Page) -> tuple[float, float, float]:
    """Middle and width of the ring on the page."""
    expect(page.locator(".lc-ring")).to_be_visible()
    box = page.locator(".lc-ring").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"]


def stage_point(page: Page, x: float, y: float) -> tuple[float, float]:
    box = page.locator("#mask-canvas").bounding_box()
    assert box
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def test_the_ring_stays_around_the_pointer(page: Page, small: Path) -> None:
    open_photo(page, small)
    at = stage_point(page, 0.4, 0.5)
    page.mouse.move(*at)
    width = ring(page)[2]
    for key in "]]]":
        page.keyboard.press(key)
    x, y, wider = ring(page)
    assert wider > width + 20
    assert (x, y) == pytest.approx(at, abs=0.6)
    for key in ("e", "b"):
        page.keyboard.press(key)
        assert ring(page)[:2] == pytest.approx(at, abs=0.6)
    stage = page.locator("#mask-canvas")
    page.keyboard.down(" ")
    expect(stage).to_have_attribute("data-cursor", "grab")
    expect(page.locator(".lc-ring")).to_be_hidden()
    page.keyboard.up(" ")
    expect(stage).to_have_attribute("data-cursor", "")
    assert ring(page)[:2] == pytest.approx(at, abs=0.6)
    page.keyboard.down(" ")
    page.evaluate("window.dispatchEvent(new Event('blur'))")  # Alt+Tab
    expect(stage).to_have_attribute("data-cursor", "")
    page.keyboard.up(" ")
    page.mouse.move(5, 5)
    page.keyboard.press("]")
    expect(page.locator(".lc-ring")).to_be_hidden()


def line(page: Page, ends: list[tuple[float, float]]) -> np.ndarray:
    """The pixels of the photo between two points of the stage, thinly."""
    width, height = 487, 331
    box = page.locator("#mask-canvas").bounding_box()
    assert box
    scale = min(box["width"] / width, box["height"] / height)
    places = [
        (
            round((x - 0.5) * box["width"] / scale + width / 2),
            round((y - 0.5) * box["height"] / scale + height / 2),
        )
        for x, y in ends
    ]
    drawn = np.zeros((height, width), np.uint8)
    cv2.line(drawn, places[0], places[1], 1, 1)
    return drawn > 0


def test_shift_joins_strokes_by_a_straight_line(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#live-toggle").click()
    first, second, third = (0.3, 0.3), (0.6, 0.7), (0.7, 0.35)
    page.keyboard.down("Shift")
    stroke(page, first, wait=False)  # nothing before to begin at
    dab = exported_mask(page)
    assert dab.any(axis=0).sum() < 60
    stroke(page, second, wait=False)
    page.keyboard.up("Shift")
    joined = exported_mask(page)
    assert joined[line(page, [first, second])].all()
    stroke(page, third, wait=False)
    apart = exported_mask(page)
    assert not apart[line(page, [second, third])].all()
    page.keyboard.press("e")
    stroke(page, first, wait=False)
    page.keyboard.down("Shift")
    stroke(page, second, wait=False)
    page.keyboard.up("Shift")
    assert not exported_mask(page)[line(page, [first, second])].any()
    # A finger has no Shift.
    page.keyboard.press("b")
    point(page, "pointerdown", 2, "touch", *third, shiftKey=True)
    point(page, "pointerup", 2, "touch", *third)
    assert not exported_mask(page)[line(page, [second, third])].all()


def test_by_keyboard_straight_lines_and_all_of_a_zoomed_photo(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#live-toggle").click()
    page.locator('[data-tool="brush"]').focus()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#mask-canvas")).to_be_focused()
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    before = ring(page)[:2]
    for _ in range(4):
        page.keyboard.press("+")
    assert ring(page)[:2] == pytest.approx(before, abs=0.6)
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    zoomed = exported_mask(page)
    rows, columns = (np.flatnonzero(zoomed.any(axis)) for axis in (1, 0))
    at = columns.mean(), rows.mean()
    stage = page.locator("#mask-canvas").bounding_box()
    assert stage
    scale = min(stage["width"] / 487, stage["height"] / 331)
    wanted = (
        (before[0] - stage["x"] - stage["width"] / 2) / scale + 487 / 2,
        (before[1] - stage["y"] - stage["height"] / 2) / scale + 331 / 2,
    )
    assert at == pytest.approx(wanted, abs=1.5), "it was zoomed about the pen"
    assert not zoomed[0].any()
    page.locator("#mask-canvas").focus()
    page.keyboard.press("Enter")
    for _ in range(100):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    up = exported_mask(page)
    assert up[0].any(), "the photo came along"
    page.locator("#mask-canvas").focus()
    for _ in range(40):
        page.keyboard.press("ArrowDown")
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Enter")
    added = exported_mask(page) & ~up
    rows, columns = np.flatnonzero(added.any(axis=1)), np.flatnonzero(added.any(axis=0))
    assert min(rows[-1] - rows[0], columns[-1] - columns[0]) > 40, "a line across"


def test_a_batch_of_events_marks_what_single_ones_mark(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#live-toggle").click()
    places = [(0.3, 0.3), (0.33, 0.45), (0.45, 0.47), (0.5, 0.35), (0.52, 0.6), (0.41, 0.66)]
    point(page, "pointerdown", 7, "pen", *places[0])
    for place in places[1:]:
        point(page, "pointermove", 7, "pen", *place)
    one_by_one = page.evaluate(PIXELS)
    point(page, "pointerup", 7, "pen", *places[-1])
    single = exported_mask(page)
    page.keyboard.press("Control+z")
    point(page, "pointerdown", 7, "pen", *places[0])
    page.evaluate(
        """(places) => {
          const stage = document.querySelector("#mask-canvas"), box = stage.getBoundingClientRect();
          const events = places.map(([x, y]) => new PointerEvent("pointermove", {
            clientX: box.x + x * box.width, clientY: box.y + y * box.height,
          }));
          stage.dispatchEvent(new PointerEvent("pointermove", {
            pointerId: 7, pointerType: "pen", bubbles: true, coalescedEvents: events,
          }));
        }""",
        places[1:],
    )
    assert page.evaluate(PIXELS) == one_by_one
    point(page, "pointerup", 7, "pen", *places[-1])
    assert np.array_equal(exported_mask(page), single)
    # The other end of the pen takes away.
    point(page, "pointerdown", 7, "pen", *places[1], button=5)
    point(page, "pointermove", 7, "pen", *places[2])
    point(page, "pointerup", 7, "pen", *places[2], button=5)
    assert 0 < exported_mask(page).sum() < single.sum()


def test_a_thumb_does_not_end_a_long_stroke_and_two_fingers_zoom(page: Page, small: Path) -> None:
    open_photo(page, small)
    page.locator("#live-toggle").click()
    point(page, "pointerdown", 2, "touch", 0.3, 0.3)
    point(page, "pointermove", 2, "touch", 0.4, 0.3)
    page.wait_for_timeout(700)
    point(page, "pointerdown", 3, "touch", 0.8, 0.8)
    point(page, "pointermove", 3, "touch", 0.7, 0.8)
    point(page, "pointermove", 2, "touch", 0.5, 0.3)
    point(page, "pointerup", 3, "touch", 0.7, 0.8)
    point(page, "pointerup", 2, "touch", 0.5, 0.3)
    hole = exported_mask(page)
    rows, columns = (np.flatnonzero(hole.any(axis)) for axis in (1, 0))
    assert columns[-1] - columns[0] > 0.15 * hole.shape[1], "the whole stroke is there"
    assert rows.max() < 0.5 * hole.shape[0], "and nothing of the thumb"
    expect(page.locator(".lc-zoom")).to_be_hidden()
    point(page, "pointerdown", 2, "touch", 0.3, 0.3)
    point(page, "pointerdown", 3, "touch", 0.5, 0.3)
    point(page, "pointermove", 3, "touch", 0.7, 0.3)
    for finger in (2, 3):
        point(page, "pointerup", finger, "touch", 0.5, 0.3)
    expect(page.locator(".lc-zoom")).to_be_visible()
    assert np.array_equal(exported_mask(page), hole)
    page.locator(".lc-zoom").click()
    # A trackpad's pinch.
    page.mouse.move(*stage_point(page, 0.5, 0.5))
    page.locator("#mask-canvas").dispatch_event("wheel", {"deltaY": -5, "ctrlKey": True})
    page.wait_for_timeout(100)
    share = int(page.locator(".lc-zoom").inner_text().split()[0])
    stage = page.locator("#mask-canvas").bounding_box()
    assert stage
    whole = 100 * min(stage["width"] / 487, stage["height"] / 331)
    assert share == pytest.approx(whole * np.exp(50 * 0.0022), abs=1)
