"""The closed handle of the comparison: it lies over a corner of the photo, in no brush's way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import App, exported_mask, open_app, open_photo, stroke, wait_for_result

pytestmark = pytest.mark.browser


@pytest.fixture(params=["mouse", "touch"])
def visitor(request: Any, browser: Browser, app: App, small: Path) -> Iterator[tuple[Page, str]]:
    touch = request.param == "touch"
    width = 390 if touch else 1280
    context = browser.new_context(
        viewport={"width": width, "height": 860}, has_touch=touch, is_mobile=touch
    )
    page = context.new_page()
    open_app(page, app.url)
    open_photo(page, small)
    page.locator(".lc-size input").fill("10")
    page.keyboard.press("0")
    stroke(page, (0.5, 0.3), (0.6, 0.35))
    expect(page.locator(".lc-grip")).to_be_visible()
    yield page, request.param
    context.close()


def drag(page: Page, kind: str, dx: float, dy: float) -> tuple[int, int]:
    """A drag from the handle's middle; where that is on the photo, in its pixels."""
    box, stage = (page.locator(at).bounding_box() for at in (".lc-grip", "#mask-canvas"))
    assert box
    assert stage
    x, y = box["x"] + 22, box["y"] + 22
    steps = [(x + dx * share, y + dy * share) for share in (0, 0.25, 0.5, 0.75, 1)]
    if kind == "mouse":
        page.mouse.move(x, y)
        page.mouse.down()
        for step in steps[1:]:
            page.mouse.move(*step)
        page.mouse.up()
    else:
        session = page.context.new_cdp_session(page)
        for name, step in zip(["touchStart", *["touchMove"] * 4], steps, strict=True):
            points = [{"x": step[0], "y": step[1]}]
            session.send("Input.dispatchTouchEvent", {"type": name, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    scale = min(stage["width"] / 487, stage["height"] / 331)
    left = stage["x"] + (stage["width"] - 487 * scale) / 2
    top = stage["y"] + (stage["height"] - 331 * scale) / 2
    return round((x - left) / scale), round((y - top) / scale)


@pytest.mark.parametrize("way", [(0, 0), (0, -60), (-18, -2)], ids=["dot", "up", "left"])
def test_what_is_below_the_handle_can_be_painted(
    visitor: tuple[Page, str], way: tuple[int, int]
) -> None:
    page, kind = visitor
    assert exported_mask(page)[320:, :40].sum() == 0
    x, y = drag(page, kind, *way)
    wait_for_result(page)
    mask = exported_mask(page)
    assert mask[min(y, 330), max(x, 0)], "the stroke begins where it was put down"
    expect(page.locator(".lc-grip")).to_have_attribute("aria-valuenow", "0")


def test_a_drag_to_the_right_compares(visitor: tuple[Page, str]) -> None:
    page, kind = visitor
    before = exported_mask(page)
    drag(page, kind, 150, 6)
    assert int(page.locator(".lc-grip").get_attribute("aria-valuenow") or 0) > 10
    drag(page, kind, -200, 0)
    expect(page.locator(".lc-grip")).to_have_attribute("aria-valuenow", "0")
    assert (exported_mask(page) == before).all()
