"""A photo comes back though the server has lost it, and in pages that are not secure."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import (
    App,
    exported_mask,
    open_app,
    open_photo,
    photo,
    point,
    start_app,
    stroke,
    wait_for_result,
)

pytestmark = pytest.mark.browser


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[App]:
    """An app of its own, whose photos a test may throw away."""
    (tmp_path / "data").mkdir()
    process, running = start_app(tmp_path / "data")
    yield running
    process.kill()
    process.wait()


def throw_away(app: App) -> None:
    shelf = app.data_dir / "cache" / "photos"
    assert any(shelf.iterdir())
    shutil.rmtree(shelf)
    shelf.mkdir()


def keeps_over_reloads(page: Page, hole: np.ndarray) -> None:
    """Reload twice: what the first reload keeps must be enough for the second."""
    page.on("dialog", lambda dialog: dialog.accept())
    for _ in range(2):
        page.reload()
        expect(page.locator(".lc-base")).to_be_visible()
        wait_for_result(page)
        assert np.array_equal(exported_mask(page), hole)
        page.wait_for_timeout(400)


def test_a_photo_that_was_sent_again_keeps_its_mask(
    browser: Browser, forgetful: App, small: Path
) -> None:
    visitor = browser.new_page()
    open_app(visitor, forgetful.url)
    open_photo(visitor, small)
    stroke(visitor, (0.4, 0.4), (0.6, 0.5))
    visitor.locator("#go-on-button").click()
    expect(visitor.locator("#lc-facts")).to_have_text("Paint over what should go.")
    stroke(visitor, (0.3, 0.7), (0.4, 0.7))
    hole = exported_mask(visitor)
    visitor.wait_for_timeout(400)
    throw_away(forgetful)
    keeps_over_reloads(visitor, hole)
    throw_away(forgetful)
    visitor.route("**/upload*", lambda route: route.abort())
    visitor.reload()
    expect(visitor.locator(".lc-note")).to_contain_text("The next stroke sends it once more")
    assert np.array_equal(exported_mask(visitor), hole)
    visitor.unroute_all()
    stroke(visitor, (0.6, 0.3), (0.65, 0.3))
    expect(visitor.locator(".lc-note")).to_be_hidden()
    visitor.close()


def test_tabs_without_locks_do_not_overtake_each_other(
    browser: Browser, app: App, small: Path
) -> None:
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined });")
    first = context.new_page()
    open_app(first, app.url)
    open_photo(first, small)
    stroke(first, (0.4, 0.4), (0.6, 0.5))
    with context.expect_page() as opened:  # like a duplicated tab: with the first one's storage
        first.evaluate("window.open(location.href)")
    second = opened.value
    expect(second.locator(".lp-name")).to_have_text("small.png")
    wait_for_result(second)
    stroke(second, (0.3, 0.3), (0.4, 0.3))
    stroke(first, (0.6, 0.7), (0.7, 0.7))
    hole = exported_mask(first)
    first.wait_for_timeout(400)
    keeps_over_reloads(first, hole)
    context.close()


def test_a_palm_that_lands_before_the_pen_draws_and_moves_nothing(page: Page, small: Path) -> None:
    open_photo(page, small)
    for palm in (2, 3):  # before the first stroke of a pen, and after it
        zoom = page.evaluate("() => document.querySelector('.lc-base').toDataURL()")
        point(page, "pointerdown", palm, "touch", 0.8, 0.8)
        point(page, "pointerdown", 9, "pen", 0.3, 0.3)
        point(page, "pointermove", 9, "pen", 0.4, 0.3)
        point(page, "pointermove", palm, "touch", 0.7, 0.7)
        point(page, "pointerup", palm, "touch", 0.7, 0.7)
        point(page, "pointermove", 9, "pen", 0.5, 0.3)
        assert page.evaluate("() => document.querySelector('.lc-base').toDataURL()") == zoom
        point(page, "pointerup", 9, "pen", 0.5, 0.3)
        wait_for_result(page)
    hole = exported_mask(page)
    rows = np.nonzero(hole.any(1))[0]
    assert hole.any()
    assert rows.max() < 0.5 * len(hole), "only what the pen drew is marked"


def test_a_first_photo_that_is_too_large_leaves_a_way_to_the_next(
    page: Page, small: Path, tmp_path: Path
) -> None:
    large = photo(tmp_path / "large.png", 40, 30)
    os.truncate(large, 65_000_000)
    page.set_input_files("#photo", [str(large), str(small)])
    expect(page.locator(".lc-note")).to_contain_text("at most 64 MB")
    page.locator(".lc-note button").click()
    expect(page.locator(".lp-name")).to_have_text("small.png")
