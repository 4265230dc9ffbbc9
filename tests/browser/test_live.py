"""What the page sends while somebody draws, and what gives way to the next stroke, in Chromium."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Request, expect

from space.canvas.protocol import _decode_mask
from tests.browser.conftest import BASE, exported_mask, open_photo, photo, stroke, wait_for_result

pytestmark = pytest.mark.browser


@pytest.fixture
def asked(page: Page) -> list[dict[str, Any]]:
    """What the page asks of the server from now on, oldest first: fn_name and data."""
    seen: list[dict[str, Any]] = []

    def note(request: Request) -> None:
        if request.method == "POST" and "component_server" in request.url and request.post_data:
            seen.append(json.loads(request.post_data))

    page.on("request", note)
    return seen


def named(asked: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [question["data"] for question in asked if question["fn_name"] == name]


def wait_for_question(page: Page, asked: list[dict[str, Any]], name: str, count: int) -> None:
    for _ in range(200):
        if len(named(asked, name)) >= count:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{name} was not asked {count} times: {[q['fn_name'] for q in asked]}")


def pen_down(page: Page, x: float, y: float) -> None:
    box = page.locator("#mask-canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.down()


def test_what_is_sent_is_the_mask_that_is_exported(
    page: Page, small: Path, asked: list[dict[str, Any]]
) -> None:
    open_photo(page, small)
    stroke(page, (0.97, 0.3), (1.0, 0.32))
    page.keyboard.press("r")
    stroke(page, (0.0, 0.5), (1.0, 0.6))
    page.keyboard.press("l")
    stroke(page, (0.3, 0.3), (0.6, 0.35), (0.55, 0.9), (0.35, 0.75))
    sent = named(asked, "run")[-1]["value"]["mask"]
    assert np.array_equal(_decode_mask(sent, 487, 331), exported_mask(page))


def test_full_size_gives_way_to_a_stroke_and_follows_it(
    page: Page, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    open_photo(page, photo(tmp_path / "large.jpg", 2403, 1801))
    stroke(page, (0.3, 0.4), (0.6, 0.5))
    wait_for_question(page, asked, "better", 1)
    pen_down(page, 0.3, 0.7)
    wait_for_question(page, asked, "cancel", 1)
    page.mouse.up()
    wait_for_result(page)
    expect(page.locator("#lc-facts")).not_to_contain_text("first look", timeout=60_000)
    assert len(named(asked, "better")) == 2


def test_full_size_goes_on_after_a_stroke_that_was_given_up(
    page: Page, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    open_photo(page, photo(tmp_path / "large.jpg", 2403, 1801))
    stroke(page, (0.3, 0.4), (0.6, 0.5))
    hole = exported_mask(page)
    wait_for_question(page, asked, "better", 1)
    pen_down(page, 0.3, 0.7)
    wait_for_question(page, asked, "cancel", 1)
    page.locator("#mask-canvas").dispatch_event("pointercancel", {"pointerId": 1})
    page.mouse.up()
    expect(page.locator("#lc-facts")).not_to_contain_text("first look", timeout=60_000)
    assert np.array_equal(exported_mask(page), hole)
    assert len(named(asked, "run")) == 1


def test_drawing_only_what_is_new_is_drawing_all(page: Page, tmp_path: Path) -> None:
    open_photo(page, photo(tmp_path / "wide.jpg", 2703, 1403))
    for place in ((0.2, 0.3), (0.7, 0.6), (0.72, 0.64)):
        stroke(page, place, (place[0] + 0.02, place[1] + 0.02))
    expect(page.locator("#lc-facts")).not_to_contain_text("first look", timeout=60_000)
    page.wait_for_timeout(300)
    shown = page.evaluate(BASE)
    page.locator(".lc-grip").focus()
    for key in ("End", "Home"):
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    assert page.evaluate(BASE) == shown
